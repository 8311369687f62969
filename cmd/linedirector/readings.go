package main

import (
	"strconv"
	"sync/atomic"

	"linedirector/control"
	"linedirector/control/metrics"
	"linedirector/dpdk"
	"linedirector/flowtable"
	"linedirector/lcore"
	"linedirector/lcore/forward"
	"linedirector/lcore/packet"
)

// readings gathers all counters for one scrape.
func readings(lcores *lcore.Lcores, director *control.Director) metrics.Readings {
	var r metrics.Readings
	var drops [packet.Causes]uint64
	var punted [forward.PuntKinds]uint64
	txFull := map[dpdk.PortID]uint64{}
	for i := range lcores.Workers() {
		r.Workers = append(r.Workers, worker(lcores, i))
		for cause := range drops {
			drops[cause] += lcores.Stats(i).Drops[cause].Load()
		}
		x := lcores.Exchanged(i)
		for _, p := range lcores.Ports {
			full := atomic.LoadUint64(&x.TxFull[p.ID])
			txFull[p.ID] += full
			drops[packet.TxFull] += full
		}
		for other := range lcores.Workers() {
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
	for i, p := range lcores.Ports {
		r.Ports = append(r.Ports, port(director.Conf().Ports[i].Name, p, lcores.Workers(), txFull[p.ID]))
	}
	if t := lcores.Sticky(); t != nil {
		s := t.Stats()
		r.Sticky = &metrics.Sticky{Used: s.Used, Capacity: s.Capacity, GaveWay: s.GaveWay, Refused: s.Refused}
	}
	for socket, m := range lcores.Mempools() {
		r.Mempools = append(r.Mempools, metrics.Mempool{Socket: node(socket), InUse: m.InUse(), Size: m.Size()})
	}
	return r
}

func worker(lcores *lcore.Lcores, i int) metrics.Worker {
	s, c := lcores.Stats(i), lcores.Cycles(i)
	return metrics.Worker{
		Flows: s.FlowsUsed.Load(), Capacity: s.FlowsCapacity.Load(),
		Opened: s.Opened.Load(), Closed: s.Closed.Load(), Evicted: s.Evicted.Load(), GaveWay: s.GaveWay.Load(),
		Translated: s.Translated.Load(), Cut: s.Cut.Load(), Displaced: s.Displaced.Load(),
		ForwardPackets: s.Packets[flowtable.Forward].Load(), ReplyPackets: s.Packets[flowtable.Reply].Load(),
		ForwardBytes: s.Bytes[flowtable.Forward].Load(), ReplyBytes: s.Bytes[flowtable.Reply].Load(),
		StickyHits: s.StickyHits.Load(),
		Transit:    s.Transit.Load(), Refused: s.Refused.Load(), Handed: s.Handed.Load(),
		Cycles: c.Total.Load(), BusyCycles: c.Busy.Load(),
		LongestStall: lcores.Clock.Duration(c.Longest.Load()).Seconds(),
		Polls:        polls(lcores.Clock, c),
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

// port reads a device; what it does not tell stays 0.
func port(name string, p *lcore.Port, workers int, txFull uint64) metrics.Port {
	m := metrics.Port{Name: name, Steering: steering(p, workers), TxFull: txFull}
	if s, err := p.Stats(); err == nil {
		m.RxPackets, m.TxPackets, m.RxBytes, m.TxBytes = s.RxPackets, s.TxPackets, s.RxBytes, s.TxBytes
		m.RxMissed, m.RxErrors, m.TxErrors, m.RxNoMbuf = s.RxMissed, s.RxErrors, s.TxErrors, s.RxNoMbuf
	}
	if link, err := p.Link(); err == nil {
		m.Up = link.Up
	}
	return m
}

// steering is who brings packets to the workers that own their flows; with one worker nobody has to.
func steering(p *lcore.Port, workers int) string {
	switch {
	case workers == 1:
		return "none"
	case p.HardwareSteered(workers):
		return "hardware"
	default:
		return "software"
	}
}

// node names a NUMA node. Memory of any node, as virtual devices have it, comes from the first that has some.
func node(socket int) string { return strconv.Itoa(max(socket, 0)) }
