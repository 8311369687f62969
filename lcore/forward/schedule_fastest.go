package forward

import (
	"math"
	"sync/atomic"

	"linedirector/lcore/ruleset"
)

// fastest is the member whose predicted response time is the least (US 6,317,775; SPEC.md section 3):
//
//	PR = NC·R − f(age)
//
// NC are the connections on its real, the one that it would get included, R is what its real needed for its last answer,
// and f(age) makes that measurement count for less the older it is, so that a slow real is tried again. PR may fall below
// zero. Who has the fewest connections is first among equals, then whose turn it is.
func (w *Worker) fastest(slot uint16, t *ruleset.Tier, members []ruleset.Member, except uint16) uint32 {
	first := w.turn[slot]
	if first >= uint32(len(members)) {
		first = 0
	}
	p := prediction{member: first, response: math.MaxInt64, turn: noTurn}
	if m := &members[first]; m.Ramping && w.admits(m) {
		p.turn = first
	}
	unknown := w.predict(&p, t, members[first:], first, except)
	if w.predict(&p, t, members[:first], 0, except) || unknown {
		quickest, oldest := w.extremes(members)
		w.presume(&p, quickest, t.Aged(oldest), members[first:], first, except)
		w.presume(&p, quickest, t.Aged(oldest), members[:first], 0, except)
	}
	w.turn[slot] = p.member + 1
	return p.member
}

// prediction is the best one so far.
type prediction struct {
	member   uint32
	response int64 // in beats
	conns    uint32
	turn     uint32 // place of the member that slow start lets have its turn
}

const noTurn = ^uint32(0)

// predict looks at all members that are measured, of which the first has place at, and tells whether there are others.
func (w *Worker) predict(p *prediction, t *ruleset.Tier, members []ruleset.Member, at uint32, except uint16) (unknown bool) {
	reals, samples, least, fewest := w.counts.Reals, w.counts.Samples, p.response, p.conns
	for i := range members {
		m := &members[i]
		r, sample := &reals[m.Real], samples[m.Real].Load()
		if sample == 0 || m.Ramping && !w.measuredSince(m, sample) {
			unknown = true
			continue
		}
		conns := r.Open + atomic.LoadUint32(&r.Others)
		response := predicted(conns, sample.Response()) - t.Aged(w.ageOf(sample))
		if m.Ramping {
			response = w.ramped(m, conns, sample.Response(), at+uint32(i) == p.turn)
		}
		if response <= least && (response < least || conns < fewest) && w.takes(m, except) {
			least, fewest = response, conns
			p.member = at + uint32(i)
		}
	}
	p.response, p.conns = least, fewest
	return unknown
}

// extremes are the quickest response time and the oldest measurement of those that are measured.
func (w *Worker) extremes(members []ruleset.Member) (quickest, oldest uint32) {
	for i := range members {
		sample := w.counts.Sample(members[i].Real)
		if sample == 0 {
			continue
		}
		if quickest == 0 || sample.Response() < quickest {
			quickest = sample.Response()
		}
		oldest = max(oldest, w.ageOf(sample))
	}
	return max(quickest, 1), oldest
}

// presume looks at the members that are not measured. Such a one is taken for the fastest: as quick as the quickest, its
// measurement as old as the oldest. That it is not taken for infinitely fast matters where it is dead: it gets no more
// connections than the fastest would until it is failed.
func (w *Worker) presume(p *prediction, quickest uint32, aged int64, members []ruleset.Member, at uint32, except uint16) {
	for i := range members {
		m := &members[i]
		sample, conns := w.counts.Sample(m.Real), w.counts.Load(m.Real)
		var response int64
		switch {
		case m.Ramping && (sample == 0 || !w.measuredSince(m, sample)):
			response = w.ramped(m, conns, quickest, at+uint32(i) == p.turn)
		case sample == 0:
			response = predicted(conns, quickest) - aged
		default:
			continue
		}
		if (response < p.response || response == p.response && conns < p.conns) && w.takes(m, except) {
			p.member, p.response, p.conns = at+uint32(i), response, conns
		}
	}
}

// predicted is NC·R. It needs 58 bits at most.
func predicted(conns, response uint32) int64 { return (int64(conns) + 1) * int64(response) }

// ramped is PR during a slow start: NC·R by share, as burden and ownBurden have it. Age takes nothing off it: the real
// has been away, and would be flooded for that.
func (w *Worker) ramped(m *ruleset.Member, conns, response uint32, turn bool) int64 {
	const most = 1 << 26 // connections: no table holds more, and the product stays within 63 bits
	conns = min(conns, most)
	if !turn {
		conns++
	}
	return int64(conns) * int64(response) * wholeShare / int64(max(w.share(m), 1))
}

// ageOf is a measurement's age in ticks; another worker's clock may be ahead.
func (w *Worker) ageOf(s ruleset.Sample) uint32 { return uint32(max(int32(w.now-s.Answered()), 0)) }

// measuredSince tells whether a measurement is of the real's present time in service.
func (w *Worker) measuredSince(m *ruleset.Member, s ruleset.Sample) bool {
	return int32(s.Answered()-w.rules.Real(m.Real).Since) >= 0
}
