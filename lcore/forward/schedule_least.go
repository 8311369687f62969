package forward

import (
	"math"
	"sync/atomic"

	"linedirector/lcore/ruleset"
)

// leastConns is the member with the fewest connections, and reported load, for its weight; among equals the weighted rotation
// decides, so that an idle group is not served by its first member alone. Full members come last.
func (w *Worker) leastConns(slot uint16, t *ruleset.Tier, members []ruleset.Member, except uint16) uint32 {
	if t.Even {
		return w.leastOfEven(slot, t, members, except)
	}
	best := w.weighted(slot, t, members)
	conns, weight := uint64(1), uint64(0) // more than anybody has
	if w.takes(&members[best], except) {
		conns, weight = w.ownBurden(&members[best])
	}
	reals := w.counts.Reals
	for i := range members {
		m := &members[i]
		r := &reals[m.Real]
		n, share := uint64(r.Open+atomic.LoadUint32(&r.Others))+uint64(m.Load), uint64(m.Weight)*wholeShare
		if m.Ramping {
			n, share = w.burden(m)
		}
		if n*weight < conns*share && w.takes(m, except) {
			best, conns, weight = uint32(i), n, share
		}
	}
	return best
}

// leastOfEven is leastConns where weights say nothing, with the plain rotation: no products are compared, and members are
// looked at only if they might be it. A load and all connections together are below 1<<32.
func (w *Worker) leastOfEven(slot uint16, t *ruleset.Tier, members []ruleset.Member, except uint16) uint32 {
	best := w.advance(slot, uint32(len(members)))
	reals, slots := w.counts.Reals, w.rules.Slots(t)
	loads := w.rules.Loads(t)[:len(slots)]
	least := uint32(math.MaxUint32)
	if m := &members[best]; w.takes(m, except) {
		least = w.counts.Load(m.Real) + m.Load
	}
	for i, slot := range slots {
		r := &reals[slot]
		if n := r.Open + atomic.LoadUint32(&r.Others) + loads[i]; n < least && w.takes(&members[i], except) {
			best, least = uint32(i), n
		}
	}
	return best
}
