package ruleset

import (
	"cmp"
	"slices"
)

// Source describes a snapshot to Build. Slots are control's.
type Source struct {
	Generation      uint32
	RouteGeneration uint16
	TransitRoute    bool
	Ports           [MaxPorts]Port
	Local           []uint32 // the director's own addresses; virtuals' are added. Those that stand here are never secured
	Secure          bool     // TCP and UDP to a virtual's address and none of its ports is dropped; else the kernel has it
	Classes         []Class
	Routes          []Route
	Reals           map[uint16]Real
	Virtuals        []VirtualSource
	Tables          *Tables // those of the snapshot before; nil: none are kept
}

// Class are clients that have virtuals of their own (US 6,324,177). The longest prefix that holds a client's address says
// its class; clients of none are of class 0.
type Class struct {
	Prefix uint32 // host byte order
	Bits   uint8
	Class  uint16 // above 0
}

// VirtualSource is one virtual. A draining one keeps its timers for live flows and takes no new ones; its endpoint
// stays, so that a worker that does not own a flow still knows the way to the one that does.
type VirtualSource struct {
	Slot      uint16
	Address   uint32
	Port      uint16 // 0: every port that no other virtual of the address has
	Protocol  uint8  // 0: TCP and UDP
	Class     uint16 // of clients; 0: those that no virtual of their own class is for
	Predictor Predictor
	Reset     bool
	Refuse    bool
	PassReset bool
	Draining  bool
	IdleReset bool
	Flush     bool
	Retry     Retry
	Guard     Guard
	Timers    Timers
	Sticky    Sticky
	Keepers   []Member     // who takes clients with a sticky entry
	Members   []Member     // all bindings: weight 0 and the removed ones that still have flows included
	Tiers     []TierSource // who of them takes new connections; nil: those of weight above 0, in one tier
	Trials    []Member     // who of them is in state testing; TCP only: what opens no connection proves nothing
}

// TierSource is one tier.
type TierSource struct {
	Predictor Predictor
	Aging     Aging    // for Fastest
	ByPort    bool     // for Hash
	Table     uint32   // for Hash: the table's length, a prime; 0: by the number of members
	Members   []Member // none of weight 0
	StandIns  []Member // who takes over from full members, whose StandIn counts on from Members to here
}

// Build lays out a snapshot. Control only; it allocates.
func Build(src *Source) *Snapshot {
	s := &Snapshot{
		Generation: src.Generation, RouteGeneration: src.RouteGeneration,
		TransitRoute: src.TransitRoute, Ports: src.Ports,
		ways: ways(src.Routes), classes: classRanges(src.Classes), secure: src.Secure,
	}
	highest, members, endpoints := uint16(0), 0, len(src.Local)
	for slot := range src.Reals {
		highest = max(highest, slot)
	}
	s.reals = make([]Real, int(highest)+1)
	for slot, r := range src.Reals {
		s.reals[slot] = r
	}
	highest = 0
	for i := range src.Virtuals {
		v := &src.Virtuals[i]
		highest = max(highest, v.Slot)
		members += len(v.Members)
		endpoints += 1 + len(v.protocols())*(2+len(v.Members))
	}
	s.virtuals = make([]Virtual, int(highest)+1)
	s.virtuals[0].Draining = true // nobody's: for what a flow may have that no virtual takes
	s.members = make([]Member, 0, members)
	s.tables = [][]uint16{nil}
	s.endpoints = newEndpoints(endpoints)
	for _, address := range src.Local {
		s.endpoints.put(endpoint{address: address, kind: local, slot: own})
	}
	for i := range src.Virtuals {
		s.add(&src.Virtuals[i], src.Tables)
	}
	for _, exact := range [...]bool{true, false} { // what is entered first stays: an exact protocol goes before any
		for i := range src.Virtuals {
			if v := &src.Virtuals[i]; (v.Protocol != 0) == exact {
				s.enter(v)
			}
		}
	}
	src.Tables.settle()
	return s
}

func (s *Snapshot) add(src *VirtualSource, tables *Tables) {
	v := Virtual{
		Address: src.Address, Port: src.Port, Protocol: src.Protocol,
		Reset: src.Reset, Refuse: src.Refuse, PassReset: src.PassReset, Draining: src.Draining,
		IdleReset: src.IdleReset, Flush: src.Flush,
		Retry: src.Retry, Guard: src.Guard, Timers: src.Timers, Sticky: src.Sticky,
	}
	for _, m := range src.Members {
		r := s.reals[m.Real]
		port := r.Port
		if port == 0 {
			port = src.Port // the client's: no other port of this real is ours to watch
		}
		for _, protocol := range src.protocols() {
			s.endpoints.put(endpoint{address: r.Address, port: port, protocol: protocol, kind: aReal, slot: m.Real})
		}
	}
	if !src.Draining {
		s.endpoints.put(endpoint{address: v.Address, kind: local, slot: virtuals})
		first, tiers := uint32(len(s.tiers)), src.Tiers
		if tiers == nil {
			tiers = []TierSource{{Predictor: src.Predictor, Members: weighty(src.Members)}}
		}
		for i := range tiers {
			s.addTier(&tiers[i], tables)
		}
		v.tiers = span{first, uint32(len(s.tiers)) - first}
		v.trials = s.addMembers(src.Trials, false)
		keepers := slices.Clone(src.Keepers)
		slices.SortFunc(keepers, func(a, b Member) int { return cmp.Compare(a.Real, b.Real) })
		v.keepers = s.addMembers(keepers, false)
	}
	s.virtuals[src.Slot] = v
}

// protocols are those that a virtual takes.
func (v *VirtualSource) protocols() []uint8 {
	if v.Protocol == 0 {
		return anyProtocol
	}
	return []uint8{v.Protocol}
}

var anyProtocol = []uint8{6, 17} // TCP, UDP

// enter enters a virtual's endpoints.
func (s *Snapshot) enter(v *VirtualSource) {
	for _, protocol := range v.protocols() {
		e := endpoint{address: v.Address, port: v.Port, protocol: protocol, kind: aVirtual, class: v.Class, slot: v.Slot}
		if v.Draining {
			e.kind, e.class = draining, 0
			s.special |= removed
		}
		s.endpoints.put(e)
		if e.class != 0 {
			e.kind, e.class = classed, 0
			s.endpoints.put(e)
			s.special |= classes
		}
	}
	if v.Port == 0 && !v.Draining {
		s.special |= everyPort
	}
}

// classRanges are the ranges of clients of one class each.
func classRanges(all []Class) []reach[uint16] {
	prefixes := make([]prefix[uint16], len(all))
	for i, c := range all {
		prefixes[i] = prefix[uint16]{c.Prefix, c.Bits, c.Class}
	}
	return flatten(prefixes, 0)
}

// weighty are the members that take new connections.
func weighty(members []Member) (out []Member) {
	for _, m := range members {
		if m.Weight > 0 {
			out = append(out, m)
		}
	}
	return out
}

// addTier appends a tier. One without members is left out: it could take nothing.
func (s *Snapshot) addTier(src *TierSource, tables *Tables) {
	if len(src.Members) == 0 {
		return
	}
	t := Tier{Predictor: src.Predictor, ByPort: src.ByPort, Aging: src.Aging, standIns: uint32(len(src.StandIns))}
	t.members = s.addMembers(src.Members, src.Predictor == Loaded)
	all := of(s.members, t.members)
	t.Settled = !slices.ContainsFunc(all, func(m Member) bool { return m.Ramping })
	t.Even = t.Settled && !slices.ContainsFunc(all, func(m Member) bool { return m.Weight != all[0].Weight })
	s.addMembers(src.StandIns, src.Predictor == Loaded)
	round := turns(src.Members)
	t.turns = span{uint32(len(s.turns)), uint32(len(round))}
	s.turns = append(s.turns, round...)
	if src.Predictor == Hash {
		s.addTables(&t, src.Table, tables)
	}
	s.tiers = append(s.tiers, t)
}

// addMembers appends members, and what workers need to know of their reals at once.
func (s *Snapshot) addMembers(members []Member, loaded bool) span {
	first := uint32(len(s.members))
	for _, m := range members {
		r := &s.reals[m.Real]
		m.Limited, m.Ramping = r.MaxConns > 0, r.Ramp > 0
		if loaded {
			m.Load = r.Load
		}
		s.members = append(s.members, m)
		s.slots, s.loads = append(s.slots, m.Real), append(s.loads, m.Load)
	}
	return span{first, uint32(len(members))}
}
