package forward

import "linedirector/lcore/ruleset"

// schedule chooses the member of a virtual that takes a new connection (SPEC.md section 3).
func (w *Worker) schedule(slot uint16, v *ruleset.Virtual, members []ruleset.Member) (uint32, bool) {
	if len(members) == 0 {
		return 0, false
	}
	switch v.Predictor {
	case ruleset.RoundRobin:
		return w.advance(slot, uint32(len(members))), true
	case ruleset.Weighted:
		return w.weighted(slot, v), true
	default:
		return w.leastConns(slot, v, members), true
	}
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

func (w *Worker) weighted(slot uint16, v *ruleset.Virtual) uint32 {
	turns := w.rules.Turns(v)
	return turns[w.advance(slot, uint32(len(turns)))]
}

// leastConns is the member with the fewest connections for its weight; among equals the weighted rotation
// decides, so that an idle group is not served by its first member alone.
func (w *Worker) leastConns(slot uint16, v *ruleset.Virtual, members []ruleset.Member) uint32 {
	best := w.weighted(slot, v)
	conns, weight := uint64(w.counts.Load(members[best].Real)), uint64(members[best].Weight)
	for i := range members {
		m := &members[i]
		if n := uint64(w.counts.Load(m.Real)); n*weight < conns*uint64(m.Weight) {
			best, conns, weight = uint32(i), n, uint64(m.Weight)
		}
	}
	return best
}
