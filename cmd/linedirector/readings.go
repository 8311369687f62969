package main

import (
	"strconv"
	"sync/atomic"

	"linedirector/control"
	"linedirector/control/metrics"
	"linedirector/flowtable"
	"linedirector/lcore"
	"linedirector/lcore/forward"
	"linedirector/lcore/packet"
)

// readings gathers all counters for one scrape.
func readings(p *peer, director *control.Director) metrics.Readings {
	var r metrics.Readings
	b := p.board
	devices, pools, heap := p.devices()
	r.WorkersHeap = metrics.Heap{Allocated: heap.Allocated, Collections: heap.Collections}
	var drops [packet.Causes]uint64
	var punted [forward.PuntKinds]uint64
	txFull := make([]uint64, len(p.ports))
	for i := range b.Workers() {
		r.Workers = append(r.Workers, worker(b, i))
		for cause := range drops {
			drops[cause] += b.Stats(i).Drops[cause].Load()
		}
		x := b.Exchanged(i)
		for k := range p.ports {
			full := atomic.LoadUint64(&x.TxFull[p.ports[k].ID])
			txFull[k] += full
			drops[packet.TxFull] += full
		}
		for other := range b.Workers() {
			drops[packet.HandFull] += atomic.LoadUint64(&x.HandFull[other])
		}
		for kind := range punted {
			punted[kind] += atomic.LoadUint64(&x.Punted[kind])
			drops[packet.PuntFull] += atomic.LoadUint64(&x.PuntFull[kind])
		}
	}
	for cause := packet.None + 1; cause < packet.Causes; cause++ {
		r.Drops = append(r.Drops, metrics.Named{Name: cause.String(), Value: drops[cause]})
	}
	for kind := range punted {
		r.Punted = append(r.Punted, metrics.Named{Name: forward.PuntKind(kind).String(), Value: punted[kind]})
	}
	director.Read(&r)
	for i := range p.ports {
		r.Ports = append(r.Ports, port(&p.ports[i], &devices[i], txFull[i]))
	}
	if t := b.Sticky(); t != nil {
		s := t.Stats()
		r.Sticky = &metrics.Sticky{Used: s.Used, Capacity: s.Capacity, GaveWay: s.GaveWay, Refused: s.Refused}
	}
	for _, m := range pools {
		r.Mempools = append(r.Mempools, metrics.Mempool{Socket: node(m.Socket), InUse: m.InUse, Size: m.Size})
	}
	return r
}

func worker(b *lcore.Board, i int) metrics.Worker {
	s, c := b.Stats(i), b.Cycles(i)
	return metrics.Worker{
		Flows: s.FlowsUsed.Load(), Capacity: s.FlowsCapacity.Load(), Guests: s.Guests.Load(),
		Opened: s.Opened.Load(), Closed: s.Closed.Load(), Evicted: s.Evicted.Load(), GaveWay: s.GaveWay.Load(),
		Translated: s.Translated.Load(), Cut: s.Cut.Load(), Displaced: s.Displaced.Load(),
		ForwardPackets: s.Packets[flowtable.Forward].Load(), ReplyPackets: s.Packets[flowtable.Reply].Load(),
		ForwardBytes: s.Bytes[flowtable.Forward].Load(), ReplyBytes: s.Bytes[flowtable.Reply].Load(),
		StickyHits: s.StickyHits.Load(),
		Transit:    s.Transit.Load(), Refused: s.Refused.Load(), Handed: s.Handed.Load(),
		Cycles: c.Total.Load(), BusyCycles: c.Busy.Load(),
		LongestStall: b.Clock.Duration(c.Longest.Load()).Seconds(),
		Polls:        polls(b.Clock, c),
	}
}

// polls are a worker's, in seconds.
func polls(clock lcore.Clock, c *lcore.Cycles) metrics.Polls {
	p := metrics.Polls{
		Seconds: clock.Duration(c.Polled.Load()).Seconds(),
		Below:   make([]float64, lcore.PollBuckets-1), Counts: make([]uint64, lcore.PollBuckets),
	}
	for i := range p.Counts {
		p.Counts[i] = c.Polls[i].Load()
		if bound := lcore.PollBound(i); bound > 0 {
			p.Below[i] = clock.Duration(bound).Seconds()
		}
	}
	return p
}

// port is a device; what it did not tell is 0.
func port(o *opened, d *lcore.Device, txFull uint64) metrics.Port {
	return metrics.Port{
		Name: o.Name, Steering: o.Steering, TxFull: txFull, Up: d.Link.Up,
		RxPackets: d.Stats.RxPackets, TxPackets: d.Stats.TxPackets, RxBytes: d.Stats.RxBytes, TxBytes: d.Stats.TxBytes,
		RxMissed: d.Stats.RxMissed, RxErrors: d.Stats.RxErrors, TxErrors: d.Stats.TxErrors, RxNoMbuf: d.Stats.RxNoMbuf,
	}
}

// node names a NUMA node. Memory of any node, as virtual devices have it, comes from the first that has some.
func node(socket int) string { return strconv.Itoa(max(socket, 0)) }
