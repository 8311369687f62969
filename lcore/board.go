package lcore

import (
	"os"

	"linedirector/dpdk"
	"linedirector/lcore/forward"
	"linedirector/lcore/memory"
	"linedirector/lcore/ruleset"
	"linedirector/lcore/sticky"
)

// Board is what workers and control show each other. It lies in memory that the workers' process and control's have at the
// same address, and outlives control: the next one goes on from it. Its methods are control's.
type Board struct {
	*shown
	Clock Clock

	segments []*segment
	steers   *forward.Steering
	lists    []*lister
	places   [rulesPlaces]*memory.Area
	ledgers  [ledgers]*memory.Area
}

// shown is what lies in the shared memory, at its beginning.
type shown struct {
	Hops *ruleset.Hops

	hz      uint64 // of the time stamp counter
	shared  *ruleset.Shared
	counts  []*ruleset.Counts // by worker
	seats   []*seat           // by worker
	sticky  *sticky.Table
	devices []Device // by port
	pools   [maxPools]Pool
	heap    Heap
	rules   published
	ledger  ledger
}

// seat is what one worker shows, and is asked.
type seat struct {
	cpu       int
	stats     forward.Stats
	cycles    Cycles
	exchanged dpdk.ExchangeCounters
	wants     forward.Wants
	listing   forward.Listing
}

// The first segment: what is shown, then places for rules and ledgers. Sizes are bounds: the kernel gives memory as it is
// touched.
const (
	shownRoom  = 1 << 28 // and as much again for each worker
	rulesRoom  = 1 << 34
	ledgerRoom = 1 << 32
)

// newBoard makes the board, in the workers' process.
func newBoard(c *Config) (_ *Board, err error) {
	b := &Board{}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	room := (1 + len(c.CPUs)) * shownRoom
	first, err := b.add("the board", room+rulesPlaces*rulesRoom+ledgers*ledgerRoom, false)
	if err != nil {
		return nil, err
	}
	a := memory.Over(first[:room])
	b.shown = memory.New[shown](a)
	b.hz = dpdk.TSCHz()
	b.Hops, b.shared = ruleset.NewHops(a), ruleset.NewShared(a, c.MaxSlots.Reals)
	b.devices = memory.Make[Device](a, len(c.Ports))
	b.counts, b.seats = memory.Make[*ruleset.Counts](a, len(c.CPUs)), memory.Make[*seat](a, len(c.CPUs))
	for i, cpu := range c.CPUs {
		b.counts[i], b.seats[i] = ruleset.NewCounts(a, c.MaxSlots, b.shared), memory.New[seat](a)
		b.seats[i].cpu = cpu
	}
	if err := b.addSticky(c); err != nil {
		return nil, err
	}
	b.open()
	return b, nil
}

// addSticky makes the table of sticky clients, if there is to be one: in hugepages, if they can be had.
func (b *Board) addSticky(c *Config) error {
	if c.Sticky == 0 {
		return nil
	}
	size := sticky.Size(c.Sticky)
	if err := affordable("sticky entries", size); err != nil {
		return err
	}
	mem, err := b.add("sticky entries", size, !c.NoHuge)
	if err != nil {
		return err
	}
	seed := secret()
	b.shown.sticky, err = sticky.New(mem, c.Sticky, [2]uint64(seed[:2]))
	return err
}

func (b *Board) add(name string, size int, huge bool) ([]byte, error) {
	s, err := newSegment(name, size, huge)
	if err != nil {
		return nil, err
	}
	b.segments = append(b.segments, s)
	return s.mem, nil
}

// Share says how control's process comes to the board: by these files, at those addresses.
func (b *Board) Share() (files []*os.File, at []Segment) {
	for _, s := range b.segments {
		files, at = append(files, s.file), append(at, s.Segment)
	}
	return files, at
}

// Attach takes part in the board of another process, see Share; it closes the files if it cannot. One control does so at a
// time: where one was that died, what it had in its hands is let go.
func Attach(files []*os.File, at []Segment) (_ *Board, err error) {
	b := &Board{}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	for i, file := range files {
		s, err := attachSegment(at[i], file)
		if err != nil {
			return nil, err
		}
		b.segments = append(b.segments, s)
	}
	b.shown = memory.New[shown](memory.Over(b.segments[0].mem))
	b.open()
	if b.shown.sticky != nil {
		b.shown.sticky.Abandon()
	}
	return b, nil
}

// open makes what each process has for itself.
func (b *Board) open() {
	b.Clock, b.steers = NewClock(b.hz), forward.NewSteering(len(b.seats))
	for _, s := range b.seats {
		b.lists = append(b.lists, newLister(&s.listing))
	}
	at := (1 + len(b.seats)) * shownRoom
	cut := func(size int) *memory.Area {
		at += size
		return memory.Over(b.segments[0].mem[at-size : at])
	}
	for i := range b.places {
		b.places[i] = cut(rulesRoom)
	}
	for i := range b.ledgers {
		b.ledgers[i] = cut(ledgerRoom)
	}
}

// Close lets go of the memory. Nothing that was shown may be used any more.
func (b *Board) Close() {
	for _, s := range b.segments {
		s.close()
	}
	b.segments, b.shown = nil, nil
}

// Acknowledged is the oldest generation of rules that any worker still uses.
func (b *Board) Acknowledged() uint32 {
	oldest := b.seats[0].stats.Generation.Load()
	for _, s := range b.seats[1:] {
		if g := s.stats.Generation.Load(); int32(g-oldest) < 0 {
			oldest = g
		}
	}
	return oldest
}

// Counts are the workers' counters by slot.
func (b *Board) Counts() []*ruleset.Counts { return b.counts }

// Sticky is the table of sticky clients, nil if there is none. It is there until Close.
func (b *Board) Sticky() *sticky.Table { return b.shown.sticky }

// Now is the tick by which workers reckon.
func (b *Board) Now() uint32 { return b.Clock.Tick(dpdk.TSC()) }

// Workers is how many there are.
func (b *Board) Workers() int { return len(b.seats) }

// CPU is the one that a worker is pinned to.
func (b *Board) CPU(worker int) int { return b.seats[worker].cpu }

// Stats are a worker's counters.
func (b *Board) Stats(worker int) *forward.Stats { return &b.seats[worker].stats }

// Cycles are a worker's.
func (b *Board) Cycles(worker int) *Cycles { return &b.seats[worker].cycles }

// Exchanged are the counters of a worker's exchange, to be read atomically. They are as of its last tick.
func (b *Board) Exchanged(worker int) *dpdk.ExchangeCounters { return &b.seats[worker].exchanged }

// TakeWant is the oldest on-link address that a worker misses: the device's number and the address in host byte
// order.
func (b *Board) TakeWant() (port uint16, address uint32, ok bool) {
	for _, s := range b.seats {
		if port, address, ok = s.wants.Take(); ok {
			return port, address, true
		}
	}
	return 0, 0, false
}

// Owner is the worker that owns the flows of a client's endpoint, host byte order. Any goroutine.
func (b *Board) Owner(address uint32, port uint16) int { return int(b.steers.Owner(address, port)) }
