package conf

import "net/netip"

// nets finds the most specific prefix that holds an address, in at most as
// many steps as there are prefix lengths.
type nets struct {
	byPrefix map[netip.Prefix]int
	lengths  [33]bool
}

// add enters a prefix (host bits zero) unless it is there; it returns whose it
// is.
func (n *nets) add(p netip.Prefix, owner int) int {
	if n.byPrefix == nil {
		n.byPrefix = map[netip.Prefix]int{}
	}
	if already, ok := n.byPrefix[p]; ok {
		return already
	}
	n.byPrefix[p] = owner
	n.lengths[p.Bits()] = true
	return owner
}

// find returns the longest prefix of at most longest bits around a.
func (n *nets) find(a netip.Addr, longest int) (p netip.Prefix, owner int, ok bool) {
	for bits := longest; bits >= 0; bits-- {
		if !n.lengths[bits] {
			continue
		}
		p, _ = a.Prefix(bits)
		if owner, ok = n.byPrefix[p]; ok {
			return p, owner, true
		}
	}
	return netip.Prefix{}, 0, false
}
