package forward

import (
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// Choosing a real. The predictors are in files by family:
//
//	schedule_rotation.go   roundrobin, weighted: in turn
//	schedule_least.go      leastconns, loaded: the least of all
//	schedule_fastest.go    fastest: the least predicted response time
//	schedule_p2c.go        p2c: the better of two
//	schedule_hash.go       hash: always the same for a client
//	schedule_slowstart.go  the share of a real that has just returned

// schedule chooses the member that takes a new connection of a virtual (SPEC.md section 3), reserves the connection on
// its real, and returns the member's place. m is the client's packet. The real in slot except takes none; 0 excepts
// nobody.
func (w *Worker) schedule(m *packet.Meta, slot uint16, v *ruleset.Virtual, except uint16) (uint32, bool) {
	tiers := w.rules.Tiers(v)
	for i := range tiers {
		if at, ok := w.choose(m, slot, &tiers[i], except); ok {
			return w.rules.First(&tiers[i]) + at, true
		}
	}
	return 0, false
}

// choose is schedule within one tier. The predictor names a member; if that one is full, who stands in for it is next,
// then the other members in turn.
func (w *Worker) choose(m *packet.Meta, slot uint16, t *ruleset.Tier, except uint16) (uint32, bool) {
	members := w.rules.Members(t)
	var at uint32
	switch t.Predictor {
	case ruleset.RoundRobin:
		at = w.roundRobin(slot, members)
	case ruleset.Weighted:
		at = w.weighted(slot, t, members)
	case ruleset.Fastest:
		at = w.fastest(slot, t, members, except)
	case ruleset.Hash:
		at = w.hashed(m, t, members, except)
	case ruleset.P2C:
		at = w.betterOfTwo(t, members, except)
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

// trial makes the connection that a packet opens the trial of a real in state testing, if one waits for it, and reserves
// it there. UDP proves nothing, and a connection whose client another real keeps is none.
func (w *Worker) trial(m *packet.Meta, v *ruleset.Virtual, kept bool) (uint32, bool) {
	if kept || m.Protocol != packet.ProtocolTCP {
		return 0, false
	}
	first, members := w.rules.Trials(v)
	for i := range members {
		to := &members[i]
		if !w.counts.Shared.TakeTrial(to.Real) {
			continue
		}
		if w.counts.Reserve(to.Real, w.most(to)) {
			return first + uint32(i), true
		}
		w.counts.Shared.ReturnTrial(to.Real)
	}
	return 0, false
}
