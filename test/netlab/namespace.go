package netlab

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is one network namespace, a machine of the lab.
type Namespace struct {
	// Name is the short name that the test gave it.
	Name string

	lab  *Lab
	full string
}

// Namespace adds a machine without interfaces, its loopback up. What a namespace would inherit is
// set: it forwards nothing and takes packets from any side.
func (l *Lab) Namespace(name string) *Namespace {
	l.tb.Helper()
	n := &Namespace{Name: name, lab: l, full: prefix + l.id + "-" + name}
	l.run("ip", "netns", "add", n.full)
	l.names = append(l.names, n.full)
	n.Run("sysctl", "-qw",
		"net.ipv4.ip_forward=0",
		"net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
		"net.ipv4.ping_group_range=0 65535")
	n.Run("ip", "link", "set", "lo", "up")
	return n
}

// FullName is the name under which `ip netns` knows the namespace.
func (n *Namespace) FullName() string { return n.full }

func (n *Namespace) exec(args []string) []string {
	return append([]string{"ip", "netns", "exec", n.full}, args...)
}

// Run executes a command in the namespace to its end, returns what it printed on both outputs, and
// fails the test if it fails.
func (n *Namespace) Run(args ...string) string {
	n.lab.tb.Helper()
	return n.lab.run(n.exec(args)...)
}

// Try executes a command in the namespace to its end; its failure is the caller's to judge. It may
// be called from any goroutine.
func (n *Namespace) Try(args ...string) (string, error) {
	n.lab.tb.Helper()
	return n.lab.try(n.exec(args)...)
}

// Do calls f on a thread that stands in the namespace: sockets that f opens belong to it, and stay
// usable elsewhere. f must not end the test; it returns its error. Do may be called from any goroutine.
func (n *Namespace) Do(f func() error) error {
	file, err := os.Open("/run/netns/" + n.full)
	if err != nil {
		return err
	}
	defer file.Close()
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, so no other one finds itself in here.
		runtime.LockOSThread()
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("setns %s: %w", n.full, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// Dial connects from within the namespace; it has the signature that http.Transport asks for. The
// address must be a literal one: a look-up would happen elsewhere.
func (n *Namespace) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := n.Do(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen opens a TCP listener in the namespace, closed with the test.
func (n *Namespace) Listen(address string) net.Listener {
	n.lab.tb.Helper()
	var listener net.Listener
	err := n.Do(func() (err error) {
		listener, err = net.Listen("tcp4", address)
		return err
	})
	if err != nil {
		n.lab.tb.Fatalf("%s: %v", n.Name, err)
	}
	n.lab.tb.Cleanup(func() { _ = listener.Close() })
	return listener
}

// ListenUDP opens a UDP socket in the namespace, closed with the test.
func (n *Namespace) ListenUDP(address string) *net.UDPConn {
	n.lab.tb.Helper()
	var conn *net.UDPConn
	err := n.Do(func() error {
		addr, err := net.ResolveUDPAddr("udp4", address)
		if err == nil {
			conn, err = net.ListenUDP("udp4", addr)
		}
		return err
	})
	if err != nil {
		n.lab.tb.Fatalf("%s: %v", n.Name, err)
	}
	n.lab.tb.Cleanup(func() { _ = conn.Close() })
	return conn
}
