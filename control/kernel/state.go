package kernel

import (
	"cmp"
	"net/netip"
	"slices"
)

// PortLo stands for lo where a State names a port.
const PortLo = -1

// State is what the kernel has, as far as it concerns the ports. A port is the position of its tap in the
// list that NewMirror was given. Only IPv4 so far.
type State struct {
	// Links has one entry a port, in order.
	Links []Link
	// Addresses on the taps and on lo (127.0.0.0/8 left out), by port, then address.
	Addresses []Address
	// Routes of the main table that leave by a tap, connected ones included, by destination; those of one
	// destination in the kernel's order of preference: the first one counts, and those that follow with
	// Multipath share its traffic by weight.
	Routes []Route
	// Neighbours on the taps, by port, then address.
	Neighbours []Neighbour
}

// Link is the state of one tap. A tap that is gone is all zero.
type Link struct {
	Up      bool // set up by the administrator
	Running bool // has a carrier
	MTU     int  // bytes, without the Ethernet header
	MAC     [6]byte
}

// Address is one address of the kernel's own, with the length of its subnet.
type Address struct {
	Port   int // PortLo for lo
	Prefix netip.Prefix
}

// Route is one next hop of a route.
type Route struct {
	Dst       netip.Prefix
	Port      int
	Gateway   netip.Addr // not valid: the destination is on the link
	Priority  int        // metric, smaller is better
	Weight    int        // of a multipath route's next hop; 1 otherwise
	Multipath bool       // belongs to the same route as the one before it
}

// Neighbour is an entry of the neighbour table.
type Neighbour struct {
	Port  int
	Addr  netip.Addr
	MAC   [6]byte // zero unless Valid
	Valid bool    // resolved, and not known to have failed since
}

// tables is what the mirror keeps: only what concerns the taps and lo.
type tables struct {
	links      map[int]linkValue // by index of the interface
	addresses  map[addressKey]struct{}
	routes     map[routeKey][]routeValue // in the kernel's order of preference
	neighbours map[neighbourKey]neighbourValue
}

type linkValue struct {
	up, running bool
	mtu         int
	mac         [6]byte
}

type routeKey struct {
	dst      netip.Prefix
	tos      uint8
	priority int
}

// routeValue is one route's next hops, all of them: they tell the route from others of the same key.
type routeValue []routeHop

type routeHop struct {
	index   int // of the interface
	gateway netip.Addr
	weight  int
	dead    bool
}

type neighbourValue struct {
	mac   [6]byte
	valid bool
}

func newTables() *tables {
	return &tables{
		links:      map[int]linkValue{},
		addresses:  map[addressKey]struct{}{},
		routes:     map[routeKey][]routeValue{},
		neighbours: map[neighbourKey]neighbourValue{},
	}
}

// state copies the tables; ports maps an interface's index to a port or PortLo.
func (t *tables) state(taps []*Tap, ports map[int]int) State {
	s := State{Links: make([]Link, len(taps))}
	for i, tap := range taps {
		l := t.links[tap.index]
		s.Links[i] = Link{Up: l.up, Running: l.running, MTU: l.mtu, MAC: l.mac}
	}
	for k := range t.addresses {
		s.Addresses = append(s.Addresses, Address{Port: ports[k.index], Prefix: k.prefix})
	}
	slices.SortFunc(s.Addresses, func(a, b Address) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})

	// A route with a TOS is for some traffic only; the director's slots know no TOS.
	keys := make([]routeKey, 0, len(t.routes))
	for k := range t.routes {
		if k.tos == 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b routeKey) int {
		return cmp.Or(a.dst.Addr().Compare(b.dst.Addr()), cmp.Compare(a.dst.Bits(), b.dst.Bits()), cmp.Compare(a.priority, b.priority))
	})
	for _, k := range keys {
		for _, r := range t.routes[k] {
			more := false
			for _, h := range r {
				port, ok := ports[h.index]
				if !ok || port == PortLo || h.dead {
					continue
				}
				s.Routes = append(s.Routes, Route{
					Dst: k.dst, Port: port, Gateway: h.gateway, Priority: k.priority, Weight: h.weight, Multipath: more,
				})
				more = true
			}
		}
	}

	s.Neighbours = make([]Neighbour, 0, len(t.neighbours))
	for k, v := range t.neighbours {
		s.Neighbours = append(s.Neighbours, v.neighbour(ports[k.index], k.addr))
	}
	slices.SortFunc(s.Neighbours, compareNeighbours)
	return s
}

func (v neighbourValue) neighbour(port int, addr netip.Addr) Neighbour {
	return Neighbour{Port: port, Addr: addr, MAC: v.mac, Valid: v.valid}
}

func compareNeighbours(a, b Neighbour) int {
	return cmp.Or(cmp.Compare(a.Port, b.Port), a.Addr.Compare(b.Addr))
}
