package lcore

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"linedirector/dpdk"
	"linedirector/flowtable"
	"linedirector/lcore/forward"
	"linedirector/lcore/ruleset"
	"linedirector/lcore/sticky"
)

// Lcores are all workers and what they work with. Its methods are control's.
type Lcores struct {
	Ports []*Port // in the order of Config.Ports
	Clock Clock
	Hops  *ruleset.Hops

	config  Config
	workers []*worker
	counts  []*ruleset.Counts
	shared  *ruleset.Shared
	sticky  *sticky.Table
	wants   []*forward.Wants
	lists   []*lister
	steers  *forward.Steering
	pools   map[int]*dpdk.Mempool // by socket
	punts   [forward.PuntKinds][]*dpdk.Ring
	inject  []*injector // by worker
	bell    *dpdk.Bell
	rules   atomic.Pointer[ruleset.Snapshot]
	stop    atomic.Bool
	started bool // every port was
	running sync.WaitGroup
	undo    []func() // what Close does, last first
}

// Open makes ports, memory, rings and workers; nothing moves before Start. dpdk.Init must have been called. What a
// failed Open had made is given back.
func Open(c Config) (_ *Lcores, err error) {
	l := &Lcores{config: c, Clock: NewClock(dpdk.TSCHz()), Hops: ruleset.NewHops(), pools: map[int]*dpdk.Mempool{}}
	l.shared = ruleset.NewShared(c.MaxSlots.Reals)
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	if l.Ports, err = find(&c); err != nil {
		return nil, err
	}
	if l.bell, err = dpdk.NewBell(); err != nil {
		return nil, err
	}
	l.undo = append(l.undo, l.bell.Close)
	for _, p := range l.Ports { // before any port, hence freed after all: frames of each may be in any port's queues
		if err := l.addPool(p.Info.Socket); err != nil {
			return nil, err
		}
	}
	if err := l.addSticky(); err != nil {
		return nil, err
	}
	l.steers = forward.NewSteering(len(c.CPUs))
	for i, p := range l.Ports {
		if err := p.open(&c, l.steers, l.pools[p.Info.Socket]); err != nil {
			return nil, &PortError{i, err}
		}
		l.undo = append(l.undo, func() { _ = p.device.Close() })
	}
	rings, err := l.newRings()
	if err != nil {
		return nil, err
	}
	for i, cpu := range c.CPUs {
		if err := l.addWorker(i, cpu, rings); err != nil {
			return nil, fmt.Errorf("worker %d: %w", i, err)
		}
	}
	return l, nil
}

// addPool makes the mempool of a NUMA node, unless there is one.
func (l *Lcores) addPool(socket int) error {
	if l.pools[socket] != nil {
		return nil
	}
	p, err := dpdk.NewMempool(fmt.Sprintf("mbufs-%d", socket), l.config.MostMbufs(), mbufCache, mbufRoom, socket)
	if err != nil {
		return err
	}
	l.pools[socket] = p
	l.undo = append(l.undo, p.Free)
	return nil
}

// addSticky makes the table of sticky clients, if there is to be one.
func (l *Lcores) addSticky() error {
	entries := l.config.Sticky
	if entries == 0 {
		return nil
	}
	mem, err := dpdk.Alloc("sticky entries", sticky.Size(entries), sticky.Align, l.socket())
	if err != nil {
		return err
	}
	l.undo = append(l.undo, func() { dpdk.Free(mem) })
	seed := secret()
	l.sticky, err = sticky.New(mem, entries, [2]uint64(seed[:2]))
	return err
}

// socket is the NUMA node of the workers' tables: the first port's.
func (l *Lcores) socket() int {
	if len(l.Ports) > 0 {
		return l.Ports[0].Info.Socket
	}
	return dpdk.AnySocket
}

func (l *Lcores) addWorker(i, cpu int, rings *rings) error {
	c, socket := &l.config, l.socket()
	mem, err := dpdk.Alloc(fmt.Sprintf("shard-%d", i), flowtable.Size(c.Flows), 64, socket)
	if err != nil {
		return err
	}
	l.undo = append(l.undo, func() { dpdk.Free(mem) })
	table, err := flowtable.New(mem, c.Flows, secret())
	if err != nil {
		return err
	}
	counts, free, err := newCounts(c.MaxSlots, l.shared)
	if err != nil {
		return err
	}
	l.undo = append(l.undo, free)
	exchange, err := dpdk.NewExchange(l.exchangeConfig(i, socket, rings))
	if err != nil {
		return err
	}
	l.undo = append(l.undo, exchange.Close)

	w := &worker{
		number: i, cpu: cpu, clock: l.Clock, adaptive: c.Adaptive, exchange: exchange,
		stats: &forward.Stats{}, cycles: &Cycles{}, rules: &l.rules, stop: &l.stop, shared: l.shared,
	}
	wants, list := &forward.Wants{}, &lister{}
	path := forward.Config{
		Self: i, Steering: l.steers, Table: table, Hops: l.Hops, Counts: counts, Stats: w.stats, Wants: wants, Listing: &list.Listing,
		Sticky: l.sticky,
		Spares: framesOf(exchange.Spares()), TickShift: beatShift,
		TicksPerSecond: l.Clock.Ticks(time.Second), Start: l.Clock.Tick(dpdk.TSC()),
		Silence: l.Clock.Ticks(3 * time.Second), Sweep: l.Clock.Ticks(1500 * time.Millisecond),
		AnswerRate: uint32(1000/len(c.CPUs) + 1), Seed: secret()[0],
	}
	for kind := range path.PuntRate {
		path.PuntRate[kind] = c.PuntRate[kind]/uint32(len(c.CPUs)) + 1
	}
	w.path = forward.New(path)
	l.workers = append(l.workers, w)
	l.counts = append(l.counts, counts)
	l.wants = append(l.wants, wants)
	l.lists = append(l.lists, list)
	return nil
}

// secret is the seed of a table's hash.
func secret() (seed [3]uint64) {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	for i := range seed {
		seed[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return seed
}

// Start starts ports and workers under these rules. It returns when every worker polls.
func (l *Lcores) Start(rules *ruleset.Snapshot) error {
	l.rules.Store(rules)
	for i, p := range l.Ports {
		if err := p.device.Start(); err != nil {
			return &PortError{i, err}
		}
	}
	l.started = true
	ready := make(chan error, len(l.workers))
	for _, w := range l.workers {
		l.running.Go(func() {
			err := w.pin()
			if err == nil {
				w.path.Use(rules)
			}
			ready <- err
			if err == nil {
				w.run()
			}
		})
	}
	var err error
	for range l.workers {
		err = errors.Join(err, <-ready)
	}
	return err
}

// Stop ends the workers and stops the ports. Frames on their way are lost.
func (l *Lcores) Stop() error {
	l.stop.Store(true)
	l.running.Wait()
	if l.started {
		l.drain()
	}
	var err error
	for i, p := range l.Ports {
		if e := p.device.Stop(); e != nil {
			err = errors.Join(err, &PortError{i, e})
		}
	}
	return err
}

// drainRounds bounds drain: an endless source has no last frame.
const drainRounds = 256

// drain frees what the devices still hold for the workers, which have ended: not every driver gives it back itself
// (net_ring does not). Each exchange presets its frames to be dropped; those that others had finished may come in once
// more, so all must have been silent twice.
func (l *Lcores) drain() {
	for silent, round := 0, 0; silent < 2 && round < drainRounds; round++ {
		frames := 0
		for _, w := range l.workers {
			frames += w.exchange.Exchange()
		}
		if silent++; frames > 0 {
			silent = 0
		}
	}
	for _, w := range l.workers {
		w.exchange.Idle()
	}
}

// Close gives everything back. The workers must have been stopped.
func (l *Lcores) Close() {
	for i := len(l.undo) - 1; i >= 0; i-- {
		l.undo[i]()
	}
	l.undo = nil
}

// Publish makes the workers use rules from their next burst on.
func (l *Lcores) Publish(rules *ruleset.Snapshot) { l.rules.Store(rules) }

// Acknowledged is the oldest generation of rules that any worker still uses.
func (l *Lcores) Acknowledged() uint32 {
	oldest := l.workers[0].stats.Generation.Load()
	for _, w := range l.workers[1:] {
		if g := w.stats.Generation.Load(); int32(g-oldest) < 0 {
			oldest = g
		}
	}
	return oldest
}

// Counts are the workers' counters by slot.
func (l *Lcores) Counts() []*ruleset.Counts { return l.counts }

// Sticky is the table of sticky clients, nil if there is none. It is there until Close.
func (l *Lcores) Sticky() *sticky.Table { return l.sticky }

// Now is the tick by which workers reckon.
func (l *Lcores) Now() uint32 { return l.Clock.Tick(dpdk.TSC()) }

// Workers is how many there are.
func (l *Lcores) Workers() int { return len(l.workers) }

// CPU is the one that a worker is pinned to.
func (l *Lcores) CPU(worker int) int { return l.workers[worker].cpu }

// Stats are a worker's counters.
func (l *Lcores) Stats(worker int) *forward.Stats { return l.workers[worker].stats }

// Cycles are a worker's.
func (l *Lcores) Cycles(worker int) *Cycles { return l.workers[worker].cycles }

// Exchanged are the counters of a worker's exchange, to be read atomically.
func (l *Lcores) Exchanged(worker int) *dpdk.ExchangeCounters {
	return l.workers[worker].exchange.Counters()
}

// Mempools are the mempools by socket.
func (l *Lcores) Mempools() map[int]*dpdk.Mempool { return l.pools }

// TakeWant is the oldest on-link address that a worker misses: the device's number and the address in host byte
// order.
func (l *Lcores) TakeWant() (port uint16, address uint32, ok bool) {
	for _, q := range l.wants {
		if port, address, ok = q.Take(); ok {
			return port, address, true
		}
	}
	return 0, 0, false
}
