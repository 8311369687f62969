package kernel

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Tap is the kernel's side of one port: what is written to it the kernel receives as if from the
// wire, what the kernel sends out of it is read here. Frames begin with the Ethernet header, carry
// no checksum to be completed (the kernel completes them before they are read) and are no longer
// than the MTU allows. One goroutine may read while another writes; Close may come from anywhere.
type Tap struct {
	file  *os.File
	name  string
	index int
	mac   net.HardwareAddr
}

// OpenTap makes a tap of that name and MAC address, brings it up, and refuses if an interface of the
// name exists. mtu is in bytes, without the Ethernet header; 0 leaves the kernel's 1500. The tap
// is not persistent: it goes when it is closed or the process ends, however that happens.
//
// On the tap it sets
//   - rp_filter to 2 (loose), the only value that overrides a strict net.ipv4.conf.all.rp_filter: a
//     client's ping may come in by a port that the way back does not use;
//   - promote_secondaries, or removing one address would take others of its subnet along;
//   - addr_gen_mode to none and accept_ra to 0 for IPv6, which is not forwarded yet: otherwise the
//     kernel would send router solicitations and duplicate address detection out of the port, and
//     take addresses and a default route from any router's advertisement. Addresses that the
//     operator adds still work.
//
// Everything else is the kernel's default.
func OpenTap(name string, mac net.HardwareAddr, mtu int) (*Tap, error) {
	t, err := outlive(func() (*Tap, error) { return openTap(name, mac, mtu) })
	if errors.Is(err, errHeld) {
		err = errors.New("a tap of this name exists; choose another port name, or stop the program that has it")
	}
	if err != nil {
		return nil, fmt.Errorf("tap %s: %w", name, err)
	}
	return t, nil
}

func openTap(name string, mac net.HardwareAddr, mtu int) (_ *Tap, err error) {
	if name == "" || len(name) >= unix.IFNAMSIZ {
		return nil, fmt.Errorf("an interface name has 1 to %d characters; choose another port name", unix.IFNAMSIZ-1)
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if l, err := h.LinkByName(name); err == nil && l.Type() == "tuntap" {
		return nil, errHeld
	} else if err == nil {
		return nil, fmt.Errorf("an interface of this name exists (%s); choose another port name, or rename or remove the interface", l.Type())
	}

	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w; %s", err, mendTun(err))
	}
	attached := false
	defer func() {
		if !attached {
			unix.Close(fd)
		}
	}()
	req, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_TUN_EXCL)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); errors.Is(err, unix.EBUSY) {
		return nil, errHeld
	} else if err != nil {
		return nil, fmt.Errorf("TUNSETIFF: %w; %s", err, mendTun(err))
	}
	// The poller must see the file only once it is attached: an unattached one polls as an error.
	file := os.NewFile(uintptr(fd), "/dev/net/tun")
	attached = true
	defer func() {
		if err != nil {
			file.Close()
		}
	}()

	link, err := h.LinkByName(name)
	if err != nil {
		return nil, err
	}
	if err := h.LinkSetHardwareAddr(link, mac); err != nil {
		return nil, fmt.Errorf("MAC address %s: %w", mac, err)
	}
	if mtu != 0 {
		if err := h.LinkSetMTU(link, mtu); err != nil {
			return nil, fmt.Errorf("MTU %d: %w", mtu, err)
		}
	}
	for _, s := range []struct {
		family, knob string
		value        int
	}{
		{"ipv4", "rp_filter", 2},
		{"ipv4", "promote_secondaries", 1},
		{"ipv6", "addr_gen_mode", 1},
		{"ipv6", "accept_ra", 0},
	} {
		if err := setSysctl(s.value, s.family, "conf", name, s.knob); err != nil {
			return nil, err
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("up: %w", err)
	}
	return &Tap{file: file, name: name, index: link.Attrs().Index, mac: append(net.HardwareAddr(nil), mac...)}, nil
}

// TapOf is a handle for a tap that another process has open: it says what the tap is, and carries nothing.
func TapOf(name string, index int, mac net.HardwareAddr) *Tap {
	return &Tap{name: name, index: index, mac: slices.Clone(mac)}
}

func mendTun(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return "run as root or with CAP_NET_ADMIN"
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV):
		return "load the module: modprobe tun"
	default:
		return "the kernel refused the tap"
	}
}

// Name is the interface's name.
func (t *Tap) Name() string { return t.name }

// Index is the interface's index.
func (t *Tap) Index() int { return t.index }

// MAC is the address that OpenTap or TapOf was given.
func (t *Tap) MAC() net.HardwareAddr { return t.mac }

// Read waits for one frame that the kernel sends and copies it into b, which should hold MTU + 18
// bytes (a VLAN tag included): a longer frame is cut. After Close, and of another process's tap, it returns
// os.ErrClosed. It allocates nothing.
func (t *Tap) Read(b []byte) (int, error) {
	if t.file == nil {
		return 0, os.ErrClosed
	}
	return t.file.Read(b)
}

// Write hands one frame to the kernel, which takes it in before Write returns; errors are as Read's. It allocates nothing.
func (t *Tap) Write(b []byte) (int, error) {
	if t.file == nil {
		return 0, os.ErrClosed
	}
	return t.file.Write(b)
}

// SetCarrier tells the kernel whether the port has a link, so that routing daemons see it fail. Only the process that has
// the tap open can: for others it returns os.ErrClosed.
func (t *Tap) SetCarrier(up bool) error {
	if t.file == nil {
		return os.ErrClosed
	}
	value := 0
	if up {
		value = 1
	}
	conn, err := t.file.SyscallConn()
	if err != nil {
		return err
	}
	var ioctlErr error
	if err := conn.Control(func(fd uintptr) {
		ioctlErr = unix.IoctlSetPointerInt(int(fd), unix.TUNSETCARRIER, value)
	}); err != nil {
		return err
	}
	if ioctlErr != nil {
		return fmt.Errorf("tap %s: TUNSETCARRIER: %w", t.name, ioctlErr)
	}
	return nil
}

// Close removes the tap and, with it, its addresses, routes and neighbours. A Read under way returns. Another process's
// tap it leaves alone.
func (t *Tap) Close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}
