package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace by its full name, which begins with the prefix of its run: see Run.
type Namespace string

// Command returns a command line that runs in the namespace.
func (n Namespace) Command(args ...string) []string {
	return append([]string{"ip", "netns", "exec", string(n)}, args...)
}

// Run executes a command in the namespace to its end, input on its standard input. The error holds what it printed.
func (n Namespace) Run(input string, args ...string) error {
	return Execute(input, n.Command(args...)...)
}

// Execute runs a command to its end. The error holds what it printed.
func Execute(input string, args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(input)
	// A group of its own: an interrupt at the terminal is ours to answer.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// In calls f on a thread that stands in the namespace: sockets that f opens belong to it.
func (n Namespace) In(f func() error) error {
	file, err := os.Open("/run/netns/" + string(n))
	if err != nil {
		return err
	}
	defer file.Close()
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, so no other one finds itself in here.
		runtime.LockOSThread()
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("setns %s: %w", n, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// Dial connects from within the namespace.
func (n Namespace) Dial(ctx context.Context, address string) (conn net.Conn, err error) {
	err = n.In(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp4", address)
		return err
	})
	return conn, err
}

// Make makes a machine without interfaces, its loopback up, that forwards nothing and takes packets from any side.
func (n Namespace) Make() error {
	if err := Execute("", "ip", "netns", "add", string(n)); err != nil {
		return err
	}
	if err := n.Run("", "sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.default.disable_ipv6=1",
		"net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"); err != nil {
		return err
	}
	return n.Run("", "ip", "link", "set", "lo", "up")
}

// Bridge makes the namespace a switch without ports, br0, that passes frames on at once.
func (n Namespace) Bridge() error {
	return errors.Join(
		n.Run("", "ip", "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"),
		n.Run("", "ip", "link", "set", "br0", "up"))
}

// Plain switches an interface's offloads off. A veth pair computes no checksums unless told to, a wire's sender does;
// DPDK's af_packet takes frames as from a wire.
func (n Namespace) Plain(iface string) error {
	return n.Run("", "ethtool", "-K", iface, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
}

// End is a machine's end of a wire.
type End struct {
	Namespace Namespace
	Interface string
}

// Wire joins two machines by a veth pair, down and with the kernel's offloads.
func Wire(a, b End) error {
	return Execute("", "ip", "link", "add", a.Interface, "netns", string(a.Namespace),
		"type", "veth", "peer", "name", b.Interface, "netns", string(b.Namespace))
}

// Up gives an end an address, unless that is empty, and sets it up.
func (e End) Up(address string) error {
	if address != "" {
		if err := e.Namespace.Run("", "ip", "address", "add", address, "dev", e.Interface); err != nil {
			return err
		}
	}
	return e.Namespace.Run("", "ip", "link", "set", e.Interface, "up")
}
