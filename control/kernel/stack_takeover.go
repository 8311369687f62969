package kernel

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TakeOver is NewStack for the successor of a process that died with a Stack, while another one has kept the taps open and
// holds the Mark of that label. What the dead one set counts as the Stack's own: the next Apply leaves it where it is still
// wanted, and else removes it. It is known by its label on lo, and on the taps by its protocol; a kernel before 5.18
// remembers none for addresses, one before 5.0 none for neighbours, either: there those stay that are wanted no more.
func TakeOver(taps []*Tap, label string) (*Stack, error) {
	s, err := NewStack(taps, label)
	if err != nil {
		return nil, err
	}
	for _, own := range []func() error{s.ownAddresses, s.ownNeighbours, s.ownRoutes} {
		if err := own(); err != nil {
			s.free()
			return nil, fmt.Errorf("what another control has set: %w", err)
		}
	}
	return s, nil
}

// onTap is the place of the tap with an index, -1 if none has it.
func (s *Stack) onTap(index int) int {
	return slices.IndexFunc(s.taps, func(t *Tap) bool { return t.index == index })
}

func (s *Stack) ownAddresses() error {
	list, err := s.h.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, a := range list {
		if p, ok := prefixOf(a.IPNet); ok && a.LinkIndex == s.lo && a.Label == s.mark {
			s.addresses[addressKey{s.lo, p}] = 0
		}
	}
	var m addressMessage
	return s.sock.dump(unix.RTM_GETADDR, make([]byte, unix.SizeofIfAddrmsg), replyTimeout, func(msg message) {
		if msg.kind == unix.RTM_NEWADDR && m.parse(msg.body) && m.ours && s.onTap(m.index) >= 0 {
			s.addresses[m.addressKey] = 0
		}
	})
}

func (s *Stack) ownNeighbours() error {
	var m neighbourMessage
	return s.sock.dump(unix.RTM_GETNEIGH, make([]byte, unix.SizeofNdMsg), replyTimeout, func(msg message) {
		if msg.kind == unix.RTM_NEWNEIGH && m.parse(msg.body) && m.ours && m.state&unix.NUD_PERMANENT != 0 && s.onTap(m.index) >= 0 {
			s.neighbours[neighbourKey{m.index, m.addr}] = m.mac
		}
	})
}

func (s *Stack) ownRoutes() error {
	table, err := s.listRoutes()
	if err != nil {
		return err
	}
	for to, routes := range table {
		for _, r := range routes {
			via, ok := netip.AddrFromSlice(r.Gw)
			port := s.onTap(r.LinkIndex)
			if r.Protocol != Protocol || !ok || port < 0 {
				continue
			}
			k := routeItem{to: to, via: via.Unmap(), port: port, flag: r.Flags & unix.RTNH_F_ONLINK}
			s.routes[k] = s.route(k, r.Priority)
		}
	}
	return nil
}
