package lcore

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"linedirector/dpdk"
	"linedirector/flowtable"
	"linedirector/lcore/forward"
)

// Lcores are all workers and what they work with, in their process.
type Lcores struct {
	*Board
	Ports []*Port // in the order of Config.Ports

	config  Config
	workers []*worker
	notes   *forward.Notes
	sockets []int                 // that have a mempool
	pools   map[int]*dpdk.Mempool // by socket
	samples []metrics.Sample      // of the heap
	punts   [forward.PuntKinds][]*dpdk.Ring
	inject  []*injector // by worker
	bell    *dpdk.Bell
	stop    atomic.Bool
	started bool // every port was
	running sync.WaitGroup
	undo    []func() // what Close does, last first
}

// Open makes ports, memory, rings and workers; nothing moves before Start. dpdk.Init must have been called. What a
// failed Open had made is given back.
func Open(c Config) (_ *Lcores, err error) {
	l := &Lcores{config: c, pools: map[int]*dpdk.Mempool{}, samples: heapSamples()}
	if l.Board, err = newBoard(&c); err != nil {
		return nil, err
	}
	l.undo = append(l.undo, l.Board.Close)
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
	for i, p := range l.Ports {
		if err := p.open(&c, l.steers, l.pools[p.Info.Socket]); err != nil {
			return nil, &PortError{i, err}
		}
		l.undo = append(l.undo, func() { _ = p.device.Close() })
	}
	l.notes = forward.NewNotes(len(c.CPUs))
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
	l.pools[socket], l.sockets = p, append(l.sockets, socket)
	l.undo = append(l.undo, p.Free)
	return nil
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
	exchange, err := dpdk.NewExchange(l.exchangeConfig(i, socket, rings))
	if err != nil {
		return err
	}
	l.undo = append(l.undo, exchange.Close)

	w := &worker{
		number: i, cpu: cpu, clock: l.Clock, adaptive: c.Adaptive, exchange: exchange,
		seat: l.seats[i], rules: &l.rules.current, stop: &l.stop, shared: l.shared,
	}
	path := forward.Config{
		Self: i, Steering: l.steers, Table: table, Hops: l.Hops, Counts: l.counts[i],
		Stats: &w.seat.stats, Wants: &w.seat.wants, Listing: &w.seat.listing, Sticky: l.Sticky(), Notes: l.notes,
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

// Start starts ports and workers under the rules that were published. It returns when every worker polls.
func (l *Lcores) Start() error {
	rules := l.rules.current.Load()
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
		w.seat.exchanged.Publish(w.exchange.Counters())
	}
}

// Close gives everything back. The workers must have been stopped.
func (l *Lcores) Close() {
	for i := len(l.undo) - 1; i >= 0; i-- {
		l.undo[i]()
	}
	l.undo = nil
}
