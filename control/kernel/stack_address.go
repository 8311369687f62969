package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addAddresses adds the ports' and the virtuals' addresses that are missing. It records in s what is on
// record in old or was added here; an address that somebody else had set is not on record.
func (s *Stack) addAddresses(old *Stack, w *Wanted, undo *undoList) error {
	have, err := s.listAddresses()
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	s.addresses = map[addressKey]int{}
	add := func(k addressKey, list string, i int) error {
		if _, ok := s.addresses[k]; ok {
			return nil
		}
		if have[k] {
			if _, ours := old.addresses[k]; ours {
				s.addresses[k] = i
			}
			return nil
		}
		if err := s.addAddress(k); errors.Is(err, unix.EEXIST) {
			return nil
		} else if err != nil {
			return &ItemError{List: list, Index: i, Err: fmt.Errorf("%v: %w", k.prefix, err)}
		}
		undo.push(func() error { return s.delAddress(k) })
		s.addresses[k] = i
		return nil
	}

	own := map[netip.Addr]bool{}
	for i, a := range w.Addresses {
		own[a.Prefix.Addr()] = true
		if err := add(addressKey{s.taps[a.Port].index, a.Prefix}, "addresses", i); err != nil {
			return err
		}
	}
	for i, v := range w.Virtuals {
		if own[v] {
			continue
		}
		index := s.lo
		if port := w.onPort(v); port >= 0 {
			index = s.taps[port].index
		}
		if err := add(addressKey{index, netip.PrefixFrom(v, v.BitLen())}, "virtuals", i); err != nil {
			return err
		}
	}
	return nil
}

// listAddresses lists what lo and the taps have.
func (s *Stack) listAddresses() (map[addressKey]bool, error) {
	list, err := s.h.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	have := make(map[addressKey]bool, len(list))
	for _, a := range list {
		if p, ok := prefixOf(a.IPNet); ok {
			have[addressKey{a.LinkIndex, p}] = true
		}
	}
	return have, nil
}

// addAddress says whose it is: on lo by its label, on a tap by its protocol, so that its name there stays the tap's.
func (s *Stack) addAddress(k addressKey) error {
	if k.index == s.lo {
		return s.h.AddrAdd(nil, s.address(k))
	}
	return s.sock.request(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK, ifaddrmsg(k), nil)
}

// ifaddrmsg is a struct ifaddrmsg and the address, with the subnet's broadcast address, as ours.
func ifaddrmsg(k addressKey) []byte {
	b := make([]byte, unix.SizeofIfAddrmsg, 64)
	b[0], b[1] = unix.AF_INET, uint8(k.prefix.Bits())
	if k.prefix.Addr().Is6() {
		b[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(b[4:], uint32(k.index))
	address := k.prefix.Addr().AsSlice()
	b = appendAttribute(b, unix.IFA_LOCAL, address)
	b = appendAttribute(b, unix.IFA_ADDRESS, address)
	if k.prefix.Addr().Is4() && k.prefix.Bits() < 31 {
		all := binary.BigEndian.Uint32(address) | math.MaxUint32>>k.prefix.Bits()
		b = appendAttribute(b, unix.IFA_BROADCAST, binary.BigEndian.AppendUint32(nil, all))
	}
	return appendAttribute(b, ifaProto, []byte{Protocol})
}

func (s *Stack) delAddress(k addressKey) error { return s.h.AddrDel(nil, s.address(k)) }

func (s *Stack) address(k addressKey) *netlink.Addr {
	a := &netlink.Addr{IPNet: ipNet(k.prefix), LinkIndex: k.index}
	if k.index == s.lo && k.prefix.Addr().Is4() {
		a.Label = s.mark
	}
	return a
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits), ok
}
