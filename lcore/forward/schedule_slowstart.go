package forward

import "linedirector/lcore/ruleset"

// wholeShare is the share of a member whose slow start is over.
const wholeShare = 1 << 10

// burden is what leastConns and betterOfTwo compare: connections, and reported load, by share. While a member's slow start lasts, the connection that it
// would get is counted already: one in hand is then much for a small share, and it is not flooded by short ones.
func (w *Worker) burden(m *ruleset.Member) (conns, share uint64) {
	conns, share = uint64(w.counts.Load(m.Real))+uint64(m.Load), uint64(m.Weight)*wholeShare
	if m.Ramping {
		if part := w.share(m); part < wholeShare {
			conns, share = conns+1, max(uint64(m.Weight)*part, 1)
		}
	}
	return conns, share
}

// ownBurden is burden of whose turn it is: that one may have the connection that it would get, or a slow start would not
// begin in an idle group before it is over.
func (w *Worker) ownBurden(m *ruleset.Member) (conns, share uint64) {
	conns, share = w.burden(m)
	return min(conns, uint64(w.counts.Load(m.Real))+uint64(m.Load)), share
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
