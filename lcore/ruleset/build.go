package ruleset

// Source describes a snapshot to Build. Slots are control's.
type Source struct {
	Generation      uint32
	RouteGeneration uint16
	TransitRoute    bool
	Ports           [MaxPorts]Port
	Local           []uint32 // the director's own addresses; virtuals' are added
	Routes          []Route
	Reals           map[uint16]Real
	Virtuals        []VirtualSource
	Tables          *Tables // those of the snapshot before; nil: none are kept
}

// VirtualSource is one virtual. A draining one keeps its timers for live flows and takes no new ones; its endpoint
// stays, so that a worker that does not own a flow still knows the way to the one that does.
type VirtualSource struct {
	Slot      uint16
	Address   uint32
	Port      uint16
	Protocol  uint8
	Predictor Predictor
	Reset     bool
	Refuse    bool
	PassReset bool
	Draining  bool
	Retry     Retry
	Guard     Guard
	Timers    Timers
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
		ranges: flatten(src.Routes),
	}
	highest, members := uint16(0), 0
	for slot := range src.Reals {
		highest = max(highest, slot)
	}
	s.reals = make([]Real, int(highest)+1)
	for slot, r := range src.Reals {
		s.reals[slot] = r
	}
	highest = 0
	for i := range src.Virtuals {
		highest = max(highest, src.Virtuals[i].Slot)
		members += len(src.Virtuals[i].Members)
	}
	s.virtuals = make([]Virtual, int(highest)+1)
	s.members = make([]Member, 0, members)
	s.tables = [][]uint16{nil}
	s.endpoints = newEndpoints(len(src.Local) + 2*len(src.Virtuals) + members)
	for _, address := range src.Local {
		s.endpoints.put(endpoint{address: address, kind: local, slot: 1})
	}
	for i := range src.Virtuals {
		s.add(&src.Virtuals[i], src.Tables)
	}
	src.Tables.settle()
	return s
}

func (s *Snapshot) add(src *VirtualSource, tables *Tables) {
	v := Virtual{
		Address: src.Address, Port: src.Port, Protocol: src.Protocol,
		Reset: src.Reset, Refuse: src.Refuse, PassReset: src.PassReset, Draining: src.Draining,
		Retry: src.Retry, Guard: src.Guard, Timers: src.Timers,
	}
	for _, m := range src.Members {
		r := s.reals[m.Real]
		port := r.Port
		if port == 0 {
			port = src.Port // the client's: no other port of this real is ours to watch
		}
		s.endpoints.put(endpoint{address: r.Address, port: port, protocol: src.Protocol, kind: aReal, slot: m.Real})
	}
	if !src.Draining {
		s.endpoints.put(endpoint{address: v.Address, kind: local, slot: 1})
		first, tiers := uint32(len(s.tiers)), src.Tiers
		if tiers == nil {
			tiers = []TierSource{{Predictor: src.Predictor, Members: weighty(src.Members)}}
		}
		for i := range tiers {
			s.addTier(&tiers[i], tables)
		}
		v.tiers = span{first, uint32(len(s.tiers)) - first}
		v.trials = s.addMembers(src.Trials, false)
	}
	s.virtuals[src.Slot] = v
	s.endpoints.put(endpoint{address: v.Address, port: v.Port, protocol: v.Protocol, kind: aVirtual, slot: src.Slot})
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
	}
	return span{first, uint32(len(members))}
}
