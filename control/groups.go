package control

import (
	"net/netip"

	"linedirector/conf"
)

// stickyID is what a group of virtuals that share sticky entries is known by; zero for a virtual that is not sticky.
type stickyID struct {
	buddies  string // the group's name; "": the virtual is alone in it
	virtual  netip.AddrPort
	protocol conf.Protocol
	class    string
	bits     int // of clients' addresses
}

func stickyKey(v *conf.Virtual) stickyID {
	switch s := &v.Sticky; {
	case s.Timer == 0:
		return stickyID{}
	case s.Buddies != "":
		return stickyID{buddies: s.Buddies, bits: s.Bits}
	default:
		return stickyID{virtual: netip.AddrPortFrom(v.Address, v.Port), protocol: v.Protocol, class: v.Class, bits: s.Bits}
	}
}

// group is virtuals that share sticky entries, those that drain included.
type group struct {
	slot    uint16
	id      stickyID
	members int
}

// join counts a virtual in its group, which is made if need be; nil if it has none.
func (o *objects) join(v conf.Virtual) (*group, error) {
	id := stickyKey(&v)
	if id == (stickyID{}) {
		return nil, nil
	}
	g := o.groups[id]
	if g == nil {
		slot, err := o.groupSlots.take()
		if err != nil {
			return nil, err
		}
		g = &group{slot: uint16(slot), id: id}
		o.groups[id] = g
	}
	g.members++
	return g, nil
}

// leave counts a virtual off its group. With the last one the entries go: nobody makes new ones.
func (o *objects) leave(g *group, table Sticky) {
	if g == nil {
		return
	}
	if g.members--; g.members == 0 {
		table.PurgeGroup(g.slot)
		delete(o.groups, g.id)
		o.groupSlots.release(uint32(g.slot))
	}
}

// groupName is what operators know the group by: that of its buddies, or its virtual's.
func (v *virtual) groupName() string {
	if v.conf.Sticky.Buddies != "" {
		return v.conf.Sticky.Buddies
	}
	return v.conf.Name
}
