package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A veth hands a frame from one end to the other as it is. Whether its checksum is filled in, and whether
// it is cut to the MTU, is decided by the sending end's transmit offloads; the receiving end's settings
// change nothing (measured on Linux 6.18; `go test -run Checksums` shows it). That end is usually
// in another network namespace: a container, or `ip netns`. The kernel names that namespace by an id;
// the namespace itself is found among the named ones and those of all processes. From inside a
// container the host's cannot be found; then the operator is told.

// peerEnd is the other end of a veth.
type peerEnd struct {
	iface string
	netns *os.File // its namespace; nil: ours. Kept open: the process it was found by may end
	index int
}

// netnsDirs hold bound namespaces: iproute2's, and Docker's.
var netnsDirs = []string{"/run/netns", "/var/run/docker/netns"}

// findPeer finds the other end of a veth; nil if the link is none, or with a warning.
// close must follow.
func (s *Silenced) findPeer(link netlink.Link) *peerEnd {
	if link.Type() != "veth" {
		return nil
	}
	a := link.Attrs()
	p := &peerEnd{index: a.ParentIndex}
	var err error
	if a.NetNsID >= 0 {
		p.netns, err = findNetns(s.h, a.NetNsID)
	}
	if err == nil {
		err = p.inside(func() error {
			h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
			if err != nil {
				return err
			}
			defer h.Close()
			l, err := h.LinkByIndex(p.index)
			if err != nil {
				return err
			}
			if p.iface = l.Attrs().Name; l.Attrs().ParentIndex != s.index {
				return fmt.Errorf("interface %s there belongs to another veth", p.iface)
			}
			return nil
		})
	}
	if err != nil {
		p.close()
		s.warn(p.hint(s.iface, err))
		return nil
	}
	return p
}

// close lets go of the peer's namespace; there may be no peer.
func (p *peerEnd) close() {
	if p != nil && p.netns != nil {
		p.netns.Close()
	}
}

// findNetns opens the namespace that ours knows under the id.
func findNetns(h *netlink.Handle, id int) (*os.File, error) {
	var files []string
	for _, dir := range netnsDirs {
		list, _ := filepath.Glob(filepath.Join(dir, "*"))
		files = append(files, list...)
	}
	list, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	files = append(files, list...)
	seen := map[uint64]bool{}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			continue // the process has ended
		}
		var st unix.Stat_t
		got := -1
		if err = unix.Fstat(int(f.Fd()), &st); err == nil && !seen[st.Ino] {
			seen[st.Ino] = true
			got, err = h.GetNetNsIdByFd(int(f.Fd()))
		}
		if err == nil && got == id {
			return f, nil
		}
		f.Close()
	}
	return nil, errors.New("its network namespace is not among those of /run/netns and of the processes")
}

// inside runs f in the peer's namespace, on a thread of its own.
func (p *peerEnd) inside(f func() error) error {
	if p.netns == nil {
		return f()
	}
	ch := make(chan error, 1)
	go func() { ch <- p.visit(f) }()
	return <-ch
}

func (p *peerEnd) visit(f func() error) error {
	runtime.LockOSThread() // if there is no way back, the thread ends with the goroutine
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	if err := unix.Setns(int(p.netns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", p.netns.Name(), err)
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, back)
	}
	runtime.UnlockOSThread()
	return err
}

// offloadsOn lists the transmit offloads: how the other end receives is its own affair.
func (p *peerEnd) offloadsOn() (on []string, err error) {
	err = p.inside(func() error { on, err = offloadsOn(p.iface); return err })
	return slices.DeleteFunc(on, func(name string) bool { return !strings.HasPrefix(name, "tx-") }), err
}

func (p *peerEnd) setOffloads(names []string, on bool) error {
	return p.inside(func() error { return setOffloads(p.iface, names, on) })
}

// hint tells the operator what remains for him to do.
func (p *peerEnd) hint(iface string, err error) string {
	name := p.iface
	if name == "" {
		name = "<its name>"
	}
	return fmt.Sprintf("the other end of the veth %s (interface %d there) sends frames without checksums, and it could not be changed from here: %v; "+
		"run there: ethtool -K %s tx off", iface, p.index, err, name)
}
