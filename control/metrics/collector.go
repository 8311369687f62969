package metrics

import (
	"runtime/metrics"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// collector reads everything anew for each scrape. read returns false when there is nothing to read any more.
type collector struct{ read func() (Readings, bool) }

// Describe is prometheus.Collector's: which metrics there are depends on the configuration.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (c collector) Collect(out chan<- prometheus.Metric) {
	r, ok := c.read()
	if !ok {
		return
	}
	e := emitter{out}
	e.workers(r.Workers)
	e.bindings(&r)
	e.virtuals(r.Virtuals)
	e.reals(r.Reals, r.States)
	for _, d := range r.Drops {
		e.counter(families.drops, d.Value, d.Name)
	}
	for _, p := range r.Punted {
		e.counter(families.punted, p.Value, p.Name)
	}
	for i := range r.Ports {
		e.port(&r.Ports[i])
	}
	for _, m := range r.Mempools {
		e.gauge(families.mbufsUsed, float64(m.InUse), m.Socket)
		e.gauge(families.mbufs, float64(m.Size), m.Socket)
	}
	if s := r.Sticky; s != nil {
		e.gauge(families.stickyEntries, float64(s.Used))
		e.gauge(families.stickyCapacity, float64(s.Capacity))
		e.counter(families.stickyHits, stickyHits(r.Workers))
		e.counter(families.stickyGaveWay, s.GaveWay)
		e.counter(families.stickyRefused, s.Refused)
	}
	allocated, collections := heap()
	e.counter(families.allocated, allocated)
	e.counter(families.collections, collections)
	e.counter(families.workersAllocated, r.WorkersHeap.Allocated)
	e.counter(families.workersCollections, r.WorkersHeap.Collections)
}

type emitter struct{ out chan<- prometheus.Metric }

func (e emitter) counter(d *prometheus.Desc, v uint64, labels ...string) {
	e.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func (e emitter) gauge(d *prometheus.Desc, v float64, labels ...string) {
	e.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (e emitter) workers(workers []Worker) {
	var t Worker
	for i := range workers {
		w, name := &workers[i], strconv.Itoa(i)
		t.Flows += w.Flows
		t.Capacity += w.Capacity
		t.Guests += w.Guests
		t.Opened += w.Opened
		t.Closed += w.Closed
		t.Evicted += w.Evicted
		t.GaveWay += w.GaveWay
		t.Translated += w.Translated
		t.Cut += w.Cut
		t.Displaced += w.Displaced
		t.ForwardPackets += w.ForwardPackets
		t.ReplyPackets += w.ReplyPackets
		t.ForwardBytes += w.ForwardBytes
		t.ReplyBytes += w.ReplyBytes
		t.Transit += w.Transit
		t.Refused += w.Refused
		t.Handed += w.Handed
		e.counter(families.cycles, w.Cycles, name)
		e.counter(families.busyCycles, w.BusyCycles, name)
		e.gauge(families.stall, w.LongestStall, name)
		e.polls(&w.Polls, name)
	}
	e.gauge(families.flowsOpen, float64(t.Flows))
	e.gauge(families.flowsCapacity, float64(t.Capacity))
	e.gauge(families.flowsGuests, float64(t.Guests))
	e.counter(families.flowsOpened, t.Opened)
	e.counter(families.flowsClosed, t.Closed)
	e.counter(families.flowsEvicted, t.Evicted)
	e.counter(families.flowsGaveWay, t.GaveWay)
	e.counter(families.flowsTranslated, t.Translated)
	e.counter(families.flowsCut, t.Cut)
	e.counter(families.indexMoves, t.Displaced)
	e.counter(families.packets, t.ForwardPackets, "forward")
	e.counter(families.packets, t.ReplyPackets, "reply")
	e.counter(families.bytes, t.ForwardBytes, "forward")
	e.counter(families.bytes, t.ReplyBytes, "reply")
	e.counter(families.transit, t.Transit)
	e.counter(families.refused, t.Refused)
	e.counter(families.handed, t.Handed)
}

// polls adds buckets up, as Prometheus wants them.
func (e emitter) polls(p *Polls, worker string) {
	below, total := make(map[float64]uint64, len(p.Below)), uint64(0)
	for i, n := range p.Counts {
		total += n
		if i < len(p.Below) {
			below[p.Below[i]] = total
		}
	}
	e.out <- prometheus.MustNewConstHistogram(families.polls, total, p.Seconds, below, worker)
}

func stickyHits(workers []Worker) (n uint64) {
	for i := range workers {
		n += workers[i].StickyHits
	}
	return n
}

// bindings are added up by name: a real that was given another endpoint drains under the same name.
func (e emitter) bindings(r *Readings) {
	type names struct{ virtual, real string }
	opened := map[names]uint64{}
	virtuals, reals := map[string]uint64{}, map[string]uint64{}
	for i := range r.Virtuals {
		virtuals[r.Virtuals[i].Name] = 0
	}
	for i := range r.Reals {
		reals[r.Reals[i].Name] = 0
	}
	for _, b := range r.Bindings {
		opened[names{b.Virtual, b.Real}] += b.Opened
		virtuals[b.Virtual] += b.Open
		reals[b.Real] += b.Open
	}
	for n, v := range opened {
		e.counter(families.connections, v, n.virtual, n.real)
	}
	for name, v := range virtuals {
		e.gauge(families.virtualConnections, float64(v), name)
	}
	for name, v := range reals {
		e.gauge(families.realConnections, float64(v), name)
	}
}

// virtuals are added up by name, as bindings are.
func (e emitter) virtuals(virtuals []Virtual) {
	total := map[string]Virtual{}
	for _, v := range virtuals {
		t := total[v.Name]
		total[v.Name] = Virtual{v.Name, t.HalfOpen + v.HalfOpen, t.NoReal + v.NoReal}
	}
	for name, v := range total {
		e.gauge(families.virtualHalfOpen, float64(v.HalfOpen), name)
		e.counter(families.virtualNoReal, v.NoReal, name)
	}
}

// reals are added up by name, too; a state has only the one that does not drain.
func (e emitter) reals(reals []Real, states []string) {
	type totals struct{ silent, refused, moved uint64 }
	type entered struct{ name, state string }
	total, transitions := map[string]totals{}, map[entered]uint64{}
	for i := range reals {
		r := &reals[i]
		t := total[r.Name]
		total[r.Name] = totals{t.silent + r.Silent, t.refused + r.Refused, t.moved + r.Moved}
		for _, n := range r.Transitions {
			transitions[entered{r.Name, n.Name}] += n.Value
		}
		if !r.Draining {
			e.real(r, states)
		}
	}
	for name, t := range total {
		e.counter(families.realDitchedTotal, t.silent, name, "silence")
		e.counter(families.realDitchedTotal, t.refused, name, "reset")
		e.counter(families.realReassigned, t.moved, name)
	}
	for to, n := range transitions {
		e.counter(families.realTransitions, n, to.name, to.state)
	}
}

func (e emitter) real(r *Real, states []string) {
	for _, state := range states {
		e.gauge(families.realState, one(state == r.State), r.Name, state)
	}
	e.gauge(families.realDitched, float64(r.Ditched), r.Name)
	if r.Response != nil {
		e.gauge(families.realResponse, *r.Response, r.Name)
	}
	if r.ProbeUp != nil {
		e.gauge(families.probeUp, one(*r.ProbeUp), r.Name)
	}
}

// one is a yes or no as Prometheus has it.
func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func (e emitter) port(p *Port) {
	e.gauge(families.portUp, one(p.Up), p.Name)
	e.gauge(families.portSteering, 1, p.Name, p.Steering)
	e.counter(families.portPackets, p.RxPackets, p.Name, "rx")
	e.counter(families.portPackets, p.TxPackets, p.Name, "tx")
	e.counter(families.portBytes, p.RxBytes, p.Name, "rx")
	e.counter(families.portBytes, p.TxBytes, p.Name, "tx")
	e.counter(families.portErrors, p.RxMissed, p.Name, "missed")
	e.counter(families.portErrors, p.RxNoMbuf, p.Name, "no-mbuf")
	e.counter(families.portErrors, p.RxErrors, p.Name, "rx")
	e.counter(families.portErrors, p.TxErrors, p.Name, "tx")
	e.counter(families.portErrors, p.TxFull, p.Name, "tx-full")
}

// heap is what the control core ever allocated, in bytes, and how often its garbage was collected. It does not stop the
// world, as runtime.ReadMemStats would.
func heap() (allocated, collections uint64) {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64()
}
