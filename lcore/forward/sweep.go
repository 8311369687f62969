package forward

import "linedirector/flowtable"

// sweep is the place of the expiry sweep, which visits every record once a round.
type sweep struct {
	next  uint32 // record
	last  uint32 // tick
	round uint32 // ticks
	debt  uint64 // records × ticks still to visit, by round
	done  uint64 // rounds
}

// slice is the most records that one burst visits; an idle one, which may be followed by a nap, more.
const (
	slice     = 64
	idleSlice = 512
)

// expire visits as many records as the time since the last burst asks for.
func (w *Worker) expire(frames int) {
	s := &w.sweep
	if passed := w.now - s.last; passed != 0 {
		s.last = w.now
		s.debt = min(s.debt+uint64(passed)*uint64(w.table.Extent()), uint64(s.round)*uint64(w.table.Extent()))
		if w.now-w.start >= w.silence {
			w.silence = 0
		}
	}
	most := slice
	if frames == 0 {
		most = idleSlice
	}
	spared := w.spared
	for range most {
		if s.debt < uint64(s.round) {
			return
		}
		s.debt -= uint64(s.round)
		if s.next > w.table.Extent() {
			s.next = 1
			s.done++
		}
		w.visit(s.next)
		s.next++
		if w.spared > spared && len(w.spares)-w.spared < cutFrames {
			return // the next one that is cut may want them all, and has them in the next burst
		}
	}
}

// trialSeconds is how long a trial may be silent before it is taken for vanished, so that another client's connection is
// the next.
const trialSeconds = 10

// visit ends the flow of record n if its timer ran out.
func (w *Worker) visit(n uint32) {
	r := w.table.Record(n)
	if r.Phase == flowtable.Free {
		return
	}
	if r.RouteGeneration != w.rules.RouteGeneration {
		r.RouteGeneration = 0 // generations wrap around: an old one must never seem new again
	}
	if r.Guest() {
		w.visitGuest(n, r)
		return
	}
	v := w.rules.Virtual(r.VirtualSlot)
	if v.Flush || w.rules.Real(r.RealSlot).Flush {
		if w.flush(n); r.Phase == flowtable.Free {
			return
		}
	}
	timers := &v.Timers
	limit := timers.Idle
	switch r.Phase {
	case flowtable.HalfOpen, flowtable.Ditched:
		limit = timers.HalfOpen
		if r.Flags&flowtable.Trial != 0 {
			limit = min(limit, trialSeconds*w.second)
		}
	case flowtable.Closing, flowtable.Reset, flowtable.Cut:
		limit = timers.CloseDelay
	case flowtable.UDP:
		limit = timers.UDPIdle
	}
	if w.now-r.Last >= limit+w.unheard(r) {
		if v.IdleReset && r.Phase == flowtable.Established {
			w.cut(r)
		} else if w.recall(r) {
			w.remove(n)
			return
		}
	}
	if r.Phase == flowtable.Cut {
		w.provoke(r)
	}
	if r.Phase == flowtable.Established || r.Phase == flowtable.UDP {
		w.watchFor(r)
	} else {
		w.recall(r)
	}
}
