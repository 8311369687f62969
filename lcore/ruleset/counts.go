package ruleset

import (
	"sync/atomic"

	"linedirector/lcore/memory"
)

// Counts are one worker's counters by slot: it alone writes them, whole words, so that control may read them at
// any time. Slots count from 1.
type Counts struct {
	Bindings []BindingCount
	Reals    []RealCount
	Tallies  []RealTally
	Virtuals []VirtualCount
	Shared   *Shared // with all other workers
}

// Slots are the highest slot numbers.
type Slots struct{ Bindings, Reals, Virtuals int }

// BindingCount counts what a worker did on one binding since it started.
type BindingCount struct {
	Opened, Closed    uint64 // connections
	Inserted, Removed uint64 // records: a slot may be given anew when all are removed
}

// RealCount is a real's share of connections that one worker holds, and what else it must know to choose one.
type RealCount struct {
	Open   uint32 // written by the worker
	Others uint32 // what all other workers hold, written by control every millisecond
	Newest Sample // over all workers, written by the worker and by control
}

// RealTally counts what a worker saw a real do.
type RealTally struct {
	Silent, Refused uint64 // connections that it ditched: by silence; by RST or ICMP unreachable
	Moved           uint64 // of those, taken by another real
	Response        uint32 // beats from the last SYN that was answered at once to its answer
	Answered        uint32 // tick of that answer; with Response 0: none yet
}

// VirtualCount is a worker's share of a virtual's half-open connections, and what found no real.
type VirtualCount struct {
	HalfOpen uint32
	Others   uint32 // as RealCount's
	NoReal   uint64 // SYNs and first datagrams that no real could take
}

// NewCounts makes counters in an area, whose memory must be zeroed, and in which shared must lie.
func NewCounts(a *memory.Area, n Slots, shared *Shared) *Counts {
	c := memory.New[Counts](a)
	*c = Counts{
		memory.Make[BindingCount](a, n.Bindings+1), memory.Make[RealCount](a, n.Reals+1), memory.Make[RealTally](a, n.Reals+1),
		memory.Make[VirtualCount](a, n.Virtuals+1), shared,
	}
	return c
}

// Reserve counts a connection on its real before it is open, so that the next to be scheduled sees it: Begin or
// Release follows. It returns false, and counts nothing, if the real has most connections already, over all workers;
// most 0 is no limit. Worker only.
func (c *Counts) Reserve(real uint16, most uint32) bool {
	if !c.Shared.take(real, most) {
		return false
	}
	r := &c.Reals[real]
	atomic.StoreUint32(&r.Open, r.Open+1)
	return true
}

// Release takes a Reserve back: the connection did not come about. Worker only.
func (c *Counts) Release(real uint16) {
	r := &c.Reals[real]
	atomic.StoreUint32(&r.Open, r.Open-1)
	c.Shared.giveBack(real)
}

// Begin counts on its binding a connection that Reserve has counted on its real. What it counts is never taken
// back: others see a counter that only grows. Worker only.
func (c *Counts) Begin(binding uint32) { add(&c.Bindings[binding].Opened) }

// Close ends what Reserve and Begin counted. Worker only.
func (c *Counts) Close(binding uint32, real uint16) {
	add(&c.Bindings[binding].Closed)
	c.Release(real)
}

// Restore takes a Close back: the connection was not over. It counts even on a real that is full by now: it is live.
// Worker only.
func (c *Counts) Restore(binding uint32, real uint16) {
	b := &c.Bindings[binding]
	atomic.StoreUint64(&b.Closed, b.Closed-1)
	c.Reserve(real, 0)
}

// Ditch counts a connection that a real ditched, refused or by silence. Worker only.
func (c *Counts) Ditch(real uint16, refused bool) {
	if refused {
		add(&c.Tallies[real].Refused)
	} else {
		add(&c.Tallies[real].Silent)
	}
}

// Move counts a ditched connection that another real takes. Worker only.
func (c *Counts) Move(from uint16) { add(&c.Tallies[from].Moved) }

// Measure notes a response time, in beats, at a tick. Worker only.
func (c *Counts) Measure(real uint16, beats, tick uint32) {
	t := &c.Tallies[real]
	beats = max(beats, 1)
	atomic.StoreUint32(&t.Response, beats)
	atomic.StoreUint32(&t.Answered, tick)
	c.Reals[real].Newest.store(NewSample(beats, tick))
}

// NoReal counts a packet to a virtual that no real could take. Worker only.
func (c *Counts) NoReal(virtual uint16) { add(&c.Virtuals[virtual].NoReal) }

// HalfOpen counts so many more half-open connections of a virtual, or fewer. Worker only.
func (c *Counts) HalfOpen(virtual uint16, more int32) {
	v := &c.Virtuals[virtual]
	atomic.StoreUint32(&v.HalfOpen, v.HalfOpen+uint32(more))
}

// AllHalfOpen is how many half-open connections a virtual has over all workers: this worker's own to the newest, the
// others' at most a millisecond old. Worker only.
func (c *Counts) AllHalfOpen(virtual uint16) uint32 {
	v := &c.Virtuals[virtual]
	return v.HalfOpen + atomic.LoadUint32(&v.Others)
}

// Insert counts a record that refers to the binding. Worker only.
func (c *Counts) Insert(binding uint32) { add(&c.Bindings[binding].Inserted) }

// Remove ends what Insert counted. Worker only.
func (c *Counts) Remove(binding uint32) { add(&c.Bindings[binding].Removed) }

// add needs no read-modify-write on the bus: there is one writer.
func add(p *uint64) { atomic.StoreUint64(p, *p+1) }

// Load is how many connections a real has over all workers, as this worker knows it: its own to the newest, the
// others' at most a millisecond old. Worker only.
func (c *Counts) Load(real uint16) uint32 {
	r := &c.Reals[real]
	return r.Open + atomic.LoadUint32(&r.Others)
}

// Binding reads a binding's counters. Any goroutine.
func (c *Counts) Binding(slot uint32) BindingCount {
	b := &c.Bindings[slot]
	// Ends are read before beginnings, so that no difference is ever negative.
	closed, removed := atomic.LoadUint64(&b.Closed), atomic.LoadUint64(&b.Removed)
	return BindingCount{
		Closed: closed, Removed: removed,
		Opened: atomic.LoadUint64(&b.Opened), Inserted: atomic.LoadUint64(&b.Inserted),
	}
}

// Tally reads what a worker saw a real do. Any goroutine.
func (c *Counts) Tally(real uint16) RealTally {
	t := &c.Tallies[real]
	return RealTally{
		Moved: atomic.LoadUint64(&t.Moved), Silent: atomic.LoadUint64(&t.Silent), Refused: atomic.LoadUint64(&t.Refused),
		Response: atomic.LoadUint32(&t.Response), Answered: atomic.LoadUint32(&t.Answered),
	}
}

// Virtual reads a virtual's counters. Any goroutine.
func (c *Counts) Virtual(slot uint16) VirtualCount {
	v := &c.Virtuals[slot]
	return VirtualCount{HalfOpen: atomic.LoadUint32(&v.HalfOpen), NoReal: atomic.LoadUint64(&v.NoReal)}
}
