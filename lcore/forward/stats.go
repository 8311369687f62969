package forward

import (
	"sync/atomic"

	"linedirector/lcore/packet"
)

// live are the counters of the path itself: plain, the worker's alone.
type live struct {
	packets, bytes           [2]uint64
	drops                    [packet.Causes]uint64
	opened, closed, evicted  uint64 // records
	gaveWay, translated, cut uint64
	handed, refused, transit uint64
	stickyHits               uint64
}

// Stats are a worker's counters as others may read them, at any time, since the start. Directions are
// flowtable's.
type Stats struct {
	Packets, Bytes [2]atomic.Uint64
	Drops          [packet.Causes]atomic.Uint64
	Opened, Closed atomic.Uint64 // records
	Handed         atomic.Uint64 // frames given to other workers
	Evicted        atomic.Uint64 // half-open connections that gave way in a full table
	GaveWay        atomic.Uint64 // half-open connections that gave way to others of their virtual (synguard)
	Translated     atomic.Uint64 // connections whose real sees another port of the client's
	Cut            atomic.Uint64 // connections that a flush, or an idle timer with IdleReset, ended
	Refused        atomic.Uint64 // RSTs sent
	Transit        atomic.Uint64 // frames routed for others
	StickyHits     atomic.Uint64 // connections that went where their client's sticky entry says
	FlowsUsed      atomic.Uint64
	Guests         atomic.Uint64 // copies of other workers' flows: not among those used
	FlowsCapacity  atomic.Uint64
	Displaced      atomic.Uint64
	Sweeps         atomic.Uint64
	Generation     atomic.Uint32 // of the rules in use
}

// drop counts a dropped frame; its verdict is Drop unless something is sent in answer.
func (w *Worker) drop(cause packet.DropCause) { w.live.drops[cause]++ }

// Publish makes the counters readable. The worker calls it about once a millisecond.
func (w *Worker) Publish() {
	s, l := w.stats, &w.live
	for d := range l.packets {
		s.Packets[d].Store(l.packets[d])
		s.Bytes[d].Store(l.bytes[d])
	}
	for cause := range l.drops {
		if n := l.drops[cause]; s.Drops[cause].Load() != n {
			s.Drops[cause].Store(n)
		}
	}
	s.Opened.Store(l.opened)
	s.Closed.Store(l.closed)
	s.Handed.Store(l.handed)
	s.Evicted.Store(l.evicted)
	s.GaveWay.Store(l.gaveWay)
	s.Translated.Store(l.translated)
	s.Cut.Store(l.cut)
	s.Refused.Store(l.refused)
	s.Transit.Store(l.transit)
	s.StickyHits.Store(l.stickyHits)
	table := w.table.Stats()
	s.FlowsUsed.Store(uint64(table.Used - w.guests))
	s.Guests.Store(uint64(w.guests))
	s.FlowsCapacity.Store(uint64(table.Capacity))
	s.Displaced.Store(table.Displaced)
	s.Sweeps.Store(w.sweep.done)
	s.Generation.Store(w.rules.Generation)
}
