package forward

import "linedirector/lcore/ruleset"

// schedule chooses the member that takes a new connection of a virtual (SPEC.md section 3), reserves the connection on
// its real, and returns the member's place. The real in slot except takes none; 0 excepts nobody.
func (w *Worker) schedule(slot uint16, v *ruleset.Virtual, except uint16) (uint32, bool) {
	tiers := w.rules.Tiers(v)
	for i := range tiers {
		if at, ok := w.choose(slot, &tiers[i], except); ok {
			return w.rules.First(&tiers[i]) + at, true
		}
	}
	return 0, false
}

// choose is schedule within one tier. The predictor names a member; if that one is full, who stands in for it is next,
// then the other members in turn.
func (w *Worker) choose(slot uint16, t *ruleset.Tier, except uint16) (uint32, bool) {
	members := w.rules.Members(t)
	var at uint32
	switch t.Predictor {
	case ruleset.RoundRobin:
		at = w.roundRobin(slot, members)
	case ruleset.Weighted:
		at = w.weighted(slot, t, members)
	default:
		at = w.leastConns(slot, t, members, except)
	}
	all := w.rules.All(t)
	for range members {
		if taken, ok := w.reserve(all, at, except); ok {
			return taken, true
		}
		if at++; at == uint32(len(members)) {
			at = 0
		}
	}
	return 0, false
}

// reserve counts a connection on a member's real, or on that of who stands in for it, and returns whose it was.
func (w *Worker) reserve(all []ruleset.Member, at uint32, except uint16) (uint32, bool) {
	for range all {
		m := &all[at]
		if m.Real != except && w.counts.Reserve(m.Real, w.most(m)) {
			return at, true
		}
		if m.StandIn == 0 {
			break
		}
		at = uint32(m.StandIn) - 1
	}
	return 0, false
}

// most is how many connections a member's real may have; 0 is no limit.
func (w *Worker) most(m *ruleset.Member) uint32 {
	if !m.Limited {
		return 0
	}
	return w.rules.Real(m.Real).MaxConns
}

// full tells whether a member's real takes no more connections.
func (w *Worker) full(m *ruleset.Member) bool {
	return m.Limited && w.counts.Shared.Connections(m.Real) >= w.most(m)
}

// advance is the virtual's next place in a round of n.
func (w *Worker) advance(slot uint16, n uint32) uint32 {
	at := w.turn[slot]
	if at >= n {
		at %= n
	}
	w.turn[slot] = at + 1
	return at
}

func (w *Worker) roundRobin(slot uint16, members []ruleset.Member) uint32 {
	first := w.advance(slot, uint32(len(members)))
	for at := first; ; at = w.advance(slot, uint32(len(members))) {
		if w.admits(&members[at]) {
			return at
		}
		if w.turn[slot]%uint32(len(members)) == first { // nobody did: it is the first one's turn after all
			w.turn[slot] = first + 1
			return first
		}
	}
}

// weighted asks a whole round for who admits: a heavy member has many turns in a row.
func (w *Worker) weighted(slot uint16, t *ruleset.Tier, members []ruleset.Member) uint32 {
	turns := w.rules.Turns(t)
	n := uint32(len(turns))
	first := w.advance(slot, n)
	for turn := first; ; turn = w.advance(slot, n) {
		if at := turns[turn]; w.admits(&members[at]) {
			return at
		}
		if w.turn[slot]%n == first {
			w.turn[slot] = first + 1
			return turns[first]
		}
	}
}

// leastConns is the member with the fewest connections for its weight; among equals the weighted rotation
// decides, so that an idle group is not served by its first member alone. Full members come last.
func (w *Worker) leastConns(slot uint16, t *ruleset.Tier, members []ruleset.Member, except uint16) uint32 {
	best := w.weighted(slot, t, members)
	_, weight := w.burden(&members[best])
	conns := uint64(w.counts.Load(members[best].Real)) // whose turn it is may have the connection that it would get
	out := members[best].Real == except || w.full(&members[best])
	for i := range members {
		m := &members[i]
		n, share := w.burden(m)
		if (out || n*weight < conns*share) && m.Real != except && !w.full(m) {
			best, conns, weight, out = uint32(i), n, share, false
		}
	}
	return best
}

// wholeShare is the share of a member whose slow start is over.
const wholeShare = 1 << 10

// burden is what leastConns compares: connections by share. While a member's slow start lasts, the connection that it
// would get is counted already: one in hand is then much for a small share, and it is not flooded by short ones.
func (w *Worker) burden(m *ruleset.Member) (conns, share uint64) {
	conns, share = uint64(w.counts.Load(m.Real)), uint64(m.Weight)*wholeShare
	if m.Ramping {
		if part := w.share(m); part < wholeShare {
			conns, share = conns+1, max(uint64(m.Weight)*part, 1)
		}
	}
	return conns, share
}

// share is how much of its turns a member gets: slow start is linear.
func (w *Worker) share(m *ruleset.Member) uint64 {
	r := w.rules.Real(m.Real)
	age := max(int32(w.now-r.Since), 0) // control's clock may be a tick ahead
	if uint32(age) < r.Ramp {
		return uint64(age) * wholeShare / uint64(r.Ramp)
	}
	return wholeShare
}

// golden is the fraction of the golden section: its multiples fill a circle evenly (Weyl).
const golden = 0x9E3779B9

// admits tells whether a member takes its turn. During slow start it lets some go by, evenly spread.
func (w *Worker) admits(m *ruleset.Member) bool {
	if !m.Ramping {
		return true
	}
	w.spread += golden
	return uint64(w.spread)*wholeShare>>32 < w.share(m)
}

// others tells whether a virtual has another real than the one in slot that takes a connection now.
func (w *Worker) others(v *ruleset.Virtual, slot uint16) bool {
	tiers := w.rules.Tiers(v)
	for i := range tiers {
		all := w.rules.All(&tiers[i])
		for k := range all {
			if all[k].Real != slot && !w.full(&all[k]) {
				return true
			}
		}
	}
	return false
}

// takesNew tells whether a real is among those that take a virtual's new connections.
func (w *Worker) takesNew(v *ruleset.Virtual, slot uint16) bool {
	tiers := w.rules.Tiers(v)
	for i := range tiers {
		all := w.rules.All(&tiers[i])
		for k := range all {
			if all[k].Real == slot {
				return true
			}
		}
	}
	return false
}

// trial makes the caller's connection the trial of a real in state testing, if one waits for it, and reserves it there.
func (w *Worker) trial(v *ruleset.Virtual) (uint32, bool) {
	first, members := w.rules.Trials(v)
	for i := range members {
		m := &members[i]
		if !w.counts.Shared.TakeTrial(m.Real) {
			continue
		}
		if w.counts.Reserve(m.Real, w.most(m)) {
			return first + uint32(i), true
		}
		w.counts.Shared.ReturnTrial(m.Real)
	}
	return 0, false
}
