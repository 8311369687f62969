package netlab

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Raw sends and receives whole Ethernet frames on one interface. It is not safe for concurrent use.
type Raw struct {
	// MAC is the interface's own address.
	MAC net.HardwareAddr

	tb testing.TB
	fd int
}

// Raw opens an interface of the namespace for whole frames, closed with the test. It hears what comes
// in, as the kernel does, and not what the kernel sends.
func (n *Namespace) Raw(iface string) *Raw {
	tb := n.lab.tb
	tb.Helper()
	r := &Raw{tb: tb, fd: -1}
	err := n.Do(func() error {
		dev, err := net.InterfaceByName(iface)
		if err != nil {
			return err
		}
		r.MAC = dev.HardwareAddr
		// Protocol 0 hears nothing until bind has named the interface, too.
		r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
			return err
		}
		return unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: dev.Index})
	})
	if err != nil {
		tb.Fatalf("%s: opening %s for frames: %v", n.Name, iface, err)
	}
	tb.Cleanup(func() { _ = unix.Close(r.fd) })
	return r
}

// bigEndian returns a protocol number as the kernel wants it in a socket's address.
func bigEndian(v uint16) uint16 { return v<<8 | v>>8 }

// Send puts frames on the wire as they are.
func (r *Raw) Send(frames ...[]byte) {
	r.tb.Helper()
	for _, frame := range frames {
		if _, err := unix.Write(r.fd, frame); err != nil {
			r.tb.Fatalf("sending a frame of %d bytes: %v", len(frame), err)
		}
	}
}

// Receive returns the first frame that f wants, or nil if none comes within the bound.
func (r *Raw) Receive(bound time.Duration, f func(frame []byte) bool) []byte {
	r.tb.Helper()
	buffer := make([]byte, 1<<16)
	deadline := time.Now().Add(bound)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return nil
		}
		timeout := unix.NsecToTimeval(max(left, time.Millisecond).Nanoseconds())
		if err := unix.SetsockoptTimeval(r.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
			r.tb.Fatal(err)
		}
		n, _, err := unix.Recvfrom(r.fd, buffer, 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		case err != nil:
			r.tb.Fatal(fmt.Errorf("receiving a frame: %w", err))
		case f(buffer[:n]):
			return append([]byte(nil), buffer[:n]...)
		}
	}
}
