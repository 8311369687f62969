package traffic

import "linedirector/perf/histogram"

// track follows stamped frames that arrive in one direction.
type track struct {
	Arrivals
	latency histogram.Histogram // cycles

	first   uint64 // sequence number of the first frame that counts
	top     uint64 // one above the highest seen
	arrived [seen / 64]uint64
	last    []uint64 // by flow, of the first ones: 1 + the sequence number seen last
}

// seen is how far below the highest sequence number one that comes again is told from a late one.
const seen = 1 << 16

// Arrivals count frames with a stamp that arrived in one direction.
type Arrivals struct {
	Received   uint64 // but for duplicates
	Duplicates uint64 // came before
	Late       uint64 // of those received, so late that they may be duplicates
	Reordered  uint64 // overtaken by a later one of their own flow
}

// start begins to count, with this sequence number.
func (t *track) start(seq uint64) {
	t.Arrivals = Arrivals{}
	t.latency.Reset()
	t.first = seq
}

// add takes a stamp.
func (t *track) add(s *stamp, now uint64) {
	counts := s.seq >= t.first
	switch {
	case s.seq >= t.top:
		for gap := max(t.top, s.seq-min(s.seq, seen-1)); gap < s.seq; gap++ {
			t.arrived[gap%seen/64] &^= 1 << (gap % 64)
		}
		t.top = s.seq + 1
	case t.top-s.seq > seen:
		if counts {
			t.Late++
		}
	case t.arrived[s.seq%seen/64]&(1<<(s.seq%64)) != 0:
		if counts {
			t.Duplicates++
		}
		return
	}
	if t.top-s.seq <= seen {
		t.arrived[s.seq%seen/64] |= 1 << (s.seq % 64)
	}
	overtaken := false
	if uint64(s.flow) < uint64(len(t.last)) {
		last := &t.last[s.flow]
		overtaken = s.seq < *last
		*last = max(*last, s.seq+1)
	}
	if !counts {
		return
	}
	t.Received++
	if overtaken {
		t.Reordered++
	}
	t.latency.Record(s.age(now))
}
