package ruleset

import "sync/atomic"

// Counts are one worker's counters by slot: it alone writes them, whole words, so that control may read them at
// any time. Slots count from 1.
type Counts struct {
	Bindings []BindingCount
	Reals    []RealCount
}

// BindingCount counts what a worker did on one binding since it started.
type BindingCount struct {
	Opened, Closed    uint64 // connections
	Inserted, Removed uint64 // records: a slot may be given anew when all are removed
}

// RealCount is a real's share of connections that one worker holds.
type RealCount struct {
	Open   uint32 // written by the worker
	Others uint32 // what all other workers hold, written by control every millisecond
}

// NewCounts makes counters on the heap for slots up to the given ones.
func NewCounts(bindings, reals int) *Counts {
	return &Counts{make([]BindingCount, bindings+1), make([]RealCount, reals+1)}
}

// Open counts a connection on its real and its binding at once. Worker only.
func (c *Counts) Open(binding uint32, real uint16) {
	c.Reserve(real)
	c.Begin(binding)
}

// Reserve counts a connection on its real before it is open, so that the next to be scheduled sees it: Begin or
// Release follows. Worker only.
func (c *Counts) Reserve(real uint16) {
	r := &c.Reals[real]
	atomic.StoreUint32(&r.Open, r.Open+1)
}

// Release takes a Reserve back: the connection did not come about. Worker only.
func (c *Counts) Release(real uint16) {
	r := &c.Reals[real]
	atomic.StoreUint32(&r.Open, r.Open-1)
}

// Begin counts on its binding a connection that Reserve has counted on its real. What it counts is never taken
// back: others see a counter that only grows. Worker only.
func (c *Counts) Begin(binding uint32) { add(&c.Bindings[binding].Opened) }

// Close ends what Open counted. Worker only.
func (c *Counts) Close(binding uint32, real uint16) {
	add(&c.Bindings[binding].Closed)
	r := &c.Reals[real]
	atomic.StoreUint32(&r.Open, r.Open-1)
}

// Restore takes a Close back: the connection was not over. Worker only.
func (c *Counts) Restore(binding uint32, real uint16) {
	b := &c.Bindings[binding]
	atomic.StoreUint64(&b.Closed, b.Closed-1)
	r := &c.Reals[real]
	atomic.StoreUint32(&r.Open, r.Open+1)
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
