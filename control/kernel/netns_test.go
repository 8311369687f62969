package kernel

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// patience bounds every wait for an event; nothing waits that long unless it fails.
const patience = 20 * time.Second

var (
	macPort   = net.HardwareAddr{0x02, 0, 0, 0, 0, 0x01}
	macInside = net.HardwareAddr{0x02, 0, 0, 0, 0, 0x02}
	macHop    = [6]byte{0x02, 0, 0, 0, 0, 0x0a}
	macOther  = [6]byte{0x02, 0, 0, 0, 0, 0x0b}
)

// newNetns puts the test, on its thread, into a fresh network namespace of its own.
func newNetns(t *testing.T) netns.NsHandle {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes network namespaces")
	}
	t.Parallel() // each has its namespace, and most of a test is waiting for the kernel
	runtime.LockOSThread()
	old, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netns.Set(old); err != nil {
			t.Fatal(err) // and the thread ends with the goroutine, being locked
		}
		runtime.UnlockOSThread()
		ns.Close()
		old.Close()
	})
	return ns
}

// otherNetns makes another namespace and stays in the present one.
func otherNetns(t *testing.T) netns.NsHandle {
	t.Helper()
	here, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := netns.Set(here); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return ns
}

// in runs f in another namespace, on the test's own thread.
func in(t *testing.T, ns netns.NsHandle, f func()) {
	t.Helper()
	here, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if err := netns.Set(ns); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := netns.Set(here); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

// sh runs a command line in the test's namespace: the kernel's state is set and seen by iproute2.
func sh(t *testing.T, line string) string {
	t.Helper()
	args := strings.Fields(line)
	// The child is forked by this thread, which is locked to the namespace.
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

func openTapT(t *testing.T, name string, mac net.HardwareAddr) *Tap {
	t.Helper()
	tap, err := OpenTap(name, mac, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tap.Close() })
	return tap
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, addr(s))
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// addressesOf lists an interface's IPv4 addresses as text.
func addressesOf(t *testing.T, iface string) []string {
	t.Helper()
	l, err := netlink.LinkByName(iface)
	must(t, err)
	list, err := netlink.AddrList(l, netlink.FAMILY_V4)
	must(t, err)
	var out []string
	for _, a := range list {
		if !a.IP.IsLoopback() {
			out = append(out, a.IPNet.String())
		}
	}
	return out
}
