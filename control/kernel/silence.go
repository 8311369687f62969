package kernel

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Silenced is an interface on which the kernel keeps still while DPDK has it.
type Silenced struct {
	iface    string
	index    int
	h        *netlink.Handle
	held     *net.UnixConn
	memory   *memory
	warnings []string
	partial  bool
}

// Silence keeps the kernel off the interface that the DPDK driver ("net_af_packet" or "net_af_xdp") is
// about to open, and makes frames come in whole:
//
//   - net_af_packet: an nftables ingress hook drops every frame before the kernel's stack sees it. The
//     driver's packet socket is served before that hook. (net_af_xdp takes frames away from the kernel.)
//   - IPv6 is disabled on the interface: the kernel sends nothing of its own.
//   - Offloads are off, by which frames would arrive merged or without their tag.
//   - If the interface is one end of a veth, transmit offloads are off on the other end, too: it is
//     that end which leaves checksums to be filled in, and sends segments that are larger than the MTU.
//     No setting of this end changes that. See peer.go for how it is found in another namespace.
//   - The interface is up.
//
// What was found is remembered in the kernel itself, as comments in the nftables table
// "netdev linedirector-<iface>". After a SIGKILL the next run on the interface takes that memory
// over, and its Restore puts back what the first one found.
//
// One director at a time may have the interface.
func Silence(iface, driver string) (*Silenced, error) {
	s, err := silence(iface, driver)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", iface, err)
	}
	return s, nil
}

func silence(iface, driver string) (_ *Silenced, err error) {
	if driver != "net_af_packet" && driver != "net_af_xdp" {
		return nil, fmt.Errorf("driver %q leaves nothing to silence; use net_af_packet or net_af_xdp", driver)
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	s := &Silenced{iface: iface, h: h}
	link, err := h.LinkByName(iface)
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("%w; name in the port's device, after iface=, an interface that exists", err)
	}
	s.index = link.Attrs().Index
	s.held, err = outlive(func() (*net.UnixConn, error) { return hold("interface/" + iface) })
	if err != nil {
		h.Close()
		if errors.Is(err, errHeld) {
			return nil, errors.New("another linedirector uses it; stop that one, or name another interface")
		}
		return nil, err
	}
	if err := s.begin(link, driver); err != nil {
		return nil, errors.Join(err, s.Restore())
	}
	return s, nil
}

// begin remembers what is there, then changes it. What fails half way Restore undoes.
func (s *Silenced) begin(link netlink.Link, driver string) error {
	drop := driver == "net_af_packet"
	m, err := recall(s.iface, s.index)
	if err != nil && drop {
		return err
	}
	s.memory = m
	up := link.Attrs().Flags&net.FlagUp != 0
	m.once("link", onOff(up))
	if v, ok, err := readSysctl("ipv6", "conf", s.iface, "disable_ipv6"); err != nil {
		return err
	} else if ok {
		m.once("disable_ipv6", onOff(v != 0))
	}
	own, err := offloadsOn(s.iface)
	if err != nil {
		return fmt.Errorf("offloads: %w", err)
	}
	for _, f := range own {
		m.once("offload", f)
	}
	peer := s.findPeer(link)
	defer peer.close()
	var theirs []string
	if peer != nil {
		if theirs, err = peer.offloadsOn(); err != nil {
			s.warn(peer.hint(s.iface, err))
			peer = nil
		}
		for _, f := range theirs {
			m.once("peer-offload", f)
		}
	}

	if err := m.write(drop); err != nil && drop {
		return err
	} else if err != nil {
		s.warn(fmt.Sprintf("interface %s: what is changed on it could not be remembered, and stays if the program is killed: %v", s.iface, err))
	}
	if err := setSysctl(1, "ipv6", "conf", s.iface, "disable_ipv6"); err != nil {
		return err
	}
	if err := setOffloads(s.iface, own, false); err != nil {
		s.warn(fmt.Sprintf("interface %s: %v: frames may come in merged or changed; see ethtool -k %s", s.iface, err, s.iface))
	}
	if peer != nil {
		if err := peer.setOffloads(theirs, false); err != nil {
			s.warn(peer.hint(s.iface, err))
			peer = nil
		}
	}
	s.partial = peer == nil && mayBePartial(link)
	if err := s.h.LinkSetUp(link); err != nil {
		return fmt.Errorf("up: %w", err)
	}
	s.inspect(link, driver)
	return nil
}

// inspect warns of what the operator should know.
func (s *Silenced) inspect(link netlink.Link, driver string) {
	if list, err := s.h.AddrList(link, netlink.FAMILY_V4); err == nil {
		for _, a := range list {
			s.warn(fmt.Sprintf("interface %s has the address %s, whose subnet competes with the port's in the routing table; "+
				"remove it: ip addr del %s dev %s", s.iface, a.IPNet, a.IPNet, s.iface))
		}
	}
	if driver == "net_af_xdp" {
		if n, err := receiveQueues(s.iface); err == nil && n > 1 {
			s.warn(fmt.Sprintf("interface %s has %d receive queues, and the kernel keeps the frames of those that net_af_xdp does not open; "+
				"add queue_count=%d to the device, or: ethtool -L %s combined 1", s.iface, n, n, s.iface))
		}
	}
}

func (s *Silenced) warn(text string) { s.warnings = append(s.warnings, text) }

// Warnings are sentences for the log; each names a mend.
func (s *Silenced) Warnings() []string { return s.warnings }

// PartialChecksums says that frames from this interface may carry a TCP or UDP checksum that is not
// filled in (the field holds the sum of the pseudo-header only) and may be longer than the MTU: the
// other end of a veth could not be told to send them whole, or the interface is one whose senders
// sit on the same machine (macvlan, tun) or host (virtio_net).
func (s *Silenced) PartialChecksums() bool { return s.partial }

// Restore puts everything back as it was found, by this run or by one that was killed. An interface that
// is gone, or that another one took the name of, is no error.
func (s *Silenced) Restore() error {
	defer s.h.Close()
	defer s.held.Close()
	if s.memory == nil {
		return nil
	}
	var errs []error
	link, err := s.h.LinkByName(s.iface)
	if err == nil && link.Attrs().Index == s.index {
		errs = append(errs, s.restoreLink(link))
	}
	// Last, so that a kill half way leaves the memory.
	errs = append(errs, forgetMemory(s.iface))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("interface %s: restore: %w", s.iface, err)
	}
	return nil
}

func (s *Silenced) restoreLink(link netlink.Link) error {
	var errs []error
	// Down first: the kernel must not speak IPv6 on it for a moment.
	if s.memory.has("link", "off") {
		errs = append(errs, s.h.LinkSetDown(link))
	}
	if s.memory.has("disable_ipv6", "off") {
		errs = append(errs, setSysctl(0, "ipv6", "conf", s.iface, "disable_ipv6"))
	}
	errs = append(errs, setOffloads(s.iface, s.memory.all("offload"), true))
	if theirs := s.memory.all("peer-offload"); len(theirs) > 0 {
		peer := s.findPeer(link)
		defer peer.close()
		if peer == nil {
			errs = append(errs, errors.New("the veth's other end is out of reach; run there: ethtool -K <its name> tx on tso on gso on"))
		} else {
			errs = append(errs, peer.setOffloads(theirs, true))
		}
	}
	return errors.Join(errs...)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
