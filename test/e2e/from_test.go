package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manyClients gives the client's machine all addresses of a prefix, as if a network stood behind it. The director needs
// the route that behindClient is.
func (s *site) manyClients(prefix string) {
	s.client.Run("ip", "route", "add", "local", prefix, "dev", "lo")
	s.client.Run("sysctl", "-qw", "net.ipv4.conf.all.arp_announce=2") // asks in the name of 192.0.2.100
}

// behindClient is the configuration's part for manyClients.
func behindClient(prefixes ...string) string {
	text := "routes:\n"
	for _, prefix := range prefixes {
		text += fmt.Sprintf("  - {to: %s, via: %s}\n", prefix, clientAddress)
	}
	return text
}

// from opens a connection in the name of one client, from one of its ports (0: any), and asks who answers. A port may serve
// several connections, to different endpoints.
func (s *site) from(client string, port int, address string) (h held, err error) {
	local := netip.AddrPortFrom(netip.MustParseAddr(client), uint16(port))
	reuse := func(_, _ string, raw syscall.RawConn) (err error) {
		failed := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		return errors.Join(err, failed)
	}
	err = s.client.Do(func() error {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(local), Timeout: bound}
		if port != 0 {
			dialer.Control = reuse
		}
		h.Conn, err = dialer.Dial("tcp4", address)
		return err
	})
	if err != nil {
		return held{}, fmt.Errorf("client %v to %s: %w", local, address, err)
	}
	if h.real, err = ask(h, time.Now().Add(bound)); err != nil {
		_ = h.Close()
		return held{}, fmt.Errorf("client %v to %s: it is open, but %w", local, address, err)
	}
	return h, nil
}

// realFor is whom one connection of a client comes to; it is closed again.
func (s *site) realFor(t *testing.T, client, address string) string {
	t.Helper()
	h, err := s.from(client, 0, address)
	if err != nil {
		t.Fatal(err)
	}
	_ = h.Close()
	return h.real
}
