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
	p := prediction{member: first, response: math.MaxInt64}
	var others bool
	if t.Settled {
		slots := w.rules.Slots(t)
		others = w.predictSettled(&p, t, members[first:], slots[first:], first, except)
		others = w.predictSettled(&p, t, members[:first], slots[:first], 0, except) || others
	} else {
		others = w.predict(&p, t, members[first:], first, except)
		others = w.predict(&p, t, members[:first], 0, except) || others
	}
	if others {
		w.presume(&p, t, members, first, except)
	}
	w.turn[slot] = p.member + 1
	return p.member
}

// prediction is the best one so far.
type prediction struct {
	member   uint32
	response int64 // in beats
	conns    uint32
}

// predict looks at all members that are measured and have their whole share, and tells whether there are others. The
// first has place at.
func (w *Worker) predict(p *prediction, t *ruleset.Tier, members []ruleset.Member, at uint32, except uint16) (others bool) {
	reals, now, aging := w.counts.Reals, w.now, t.Aging
	least, fewest := p.response, p.conns // in registers
	for i := range members {
		m := &members[i]
		r := &reals[m.Real]
		sample := r.Newest.Load()
		if sample == 0 || m.Ramping {
			others = true
			continue
		}
		conns := r.Open + atomic.LoadUint32(&r.Others)
		response := predicted(uint64(conns)+1, sample.Response()) - aging.Of(sample.Age(now))
		if response > least || response == least && conns >= fewest {
			continue
		}
		if w.takes(m, except) {
			least, fewest = response, conns
			p.member = at + uint32(i)
		}
	}
	p.response, p.conns = least, fewest
	return others
}

// predictSettled is predict where all members have their whole share. It looks at a member only if it might be the one.
func (w *Worker) predictSettled(p *prediction, t *ruleset.Tier, members []ruleset.Member, slots []uint16, at uint32, except uint16) (others bool) {
	reals, now, aging := w.counts.Reals, w.now, t.Aging
	least, fewest := p.response, p.conns // in registers
	for i, slot := range slots {
		r := &reals[slot]
		sample := r.Newest.Load()
		if sample == 0 {
			others = true
			continue
		}
		conns := r.Open + atomic.LoadUint32(&r.Others)
		response := predicted(uint64(conns)+1, sample.Response()) - aging.Of(sample.Age(now))
		if response > least || response == least && conns >= fewest {
			continue
		}
		if w.takes(&members[i], except) {
			least, fewest = response, conns
			p.member = at + uint32(i)
		}
	}
	p.response, p.conns = least, fewest
	return others
}

// presume looks at the other members, from the first on. One that is not measured is taken for the fastest: as quick as
// the quickest, its measurement as old as the oldest. That it is not taken for infinitely fast matters where it is dead:
// it gets no more connections than the fastest would until it is failed.
func (w *Worker) presume(p *prediction, t *ruleset.Tier, members []ruleset.Member, first uint32, except uint16) {
	quickest, oldest := w.extremes(members)
	for k := range uint32(len(members)) {
		at := first + k
		if at >= uint32(len(members)) {
			at -= uint32(len(members))
		}
		m := &members[at]
		sample, conns := w.counts.Sample(m.Real), w.counts.Load(m.Real)
		var response int64
		switch {
		case m.Ramping:
			response = w.ramped(m, sample, conns, quickest, k == 0)
		case sample == 0:
			response = predicted(uint64(conns)+1, quickest) - t.Aging.Of(oldest)
		default:
			continue
		}
		if response <= p.response && (response < p.response || conns < p.conns) && w.takes(m, except) {
			p.member, p.response, p.conns = at, response, conns
		}
	}
}

// extremes are the quickest response time and the oldest measurement's age of those that are measured.
func (w *Worker) extremes(members []ruleset.Member) (quickest, oldest uint32) {
	for i := range members {
		sample := w.counts.Sample(members[i].Real)
		if sample == 0 {
			continue
		}
		if quickest == 0 || sample.Response() < quickest {
			quickest = sample.Response()
		}
		oldest = max(oldest, sample.Age(w.now))
	}
	return max(quickest, 1), oldest
}

// ramped is PR during a slow start: NC·R by share, as burden and ownBurden have it. Age takes nothing off it: the real
// has been away, and would be flooded for that. What was measured before it returned is of no use.
func (w *Worker) ramped(m *ruleset.Member, sample ruleset.Sample, conns, quickest uint32, turn bool) int64 {
	const most = 1 << 26 // connections: no table holds more, and the product stays within 63 bits
	response := quickest
	if sample != 0 && int32(sample.Answered()-w.rules.Real(m.Real).Since) >= 0 {
		response = sample.Response()
	}
	n := uint64(min(conns, most))
	if !turn || !w.admits(m) {
		n++
	}
	return predicted(n, response) * wholeShare / int64(max(w.share(m), 1))
}

// predicted is NC·R.
func predicted(conns uint64, response uint32) int64 { return int64(conns * uint64(response)) }
