package sticky

import (
	"fmt"
	"math/bits"
	"sync/atomic"
)

// MaxCapacity is the most entries that a table may be made for.
const MaxCapacity = 1 << 30

// Table is all entries. A client's entry lies in its home, a bucket that a hash gives; where that is full, in another
// bucket of the spill, which is smaller. Locks are taken in this order, so that nobody waits in a circle.
type Table struct {
	homes, spill []bucket
	seed         [2]uint64
	capacity     int

	_ [bucketSize]byte // counters that all write, apart from what all read
	counters
	_ [bucketSize]byte

	swept int // next bucket of Sweep
}

type counters struct {
	used             atomic.Int64
	refused, gaveWay atomic.Uint64
}

// homesFor lays homes out for four and a half entries each, so that one entry in thirty finds its home full.
func homesFor(capacity int) int { return (2*capacity+8)/9 + 1 }

// spillFor leaves room for all of those, and for small tables' bad luck.
func spillFor(capacity int) int { return homesFor(capacity)/8 + 2 }

// Size is the memory, in bytes, that a table for so many entries needs.
func Size(capacity int) int { return headSize + (homesFor(capacity)+spillFor(capacity))*bucketSize }

// New lays a table for so many entries over mem, itself at the beginning, so that all who have the memory at the same
// address share it. It must be zeroed, aligned to Align, at least Size(capacity) long, and stay alive and unmoved as long as
// the table. The seed is the hash's secret: draw it at random.
func New(mem []byte, capacity int, seed [2]uint64) (*Table, error) {
	if capacity < 1 || capacity > MaxCapacity {
		return nil, fmt.Errorf("sticky: %d entries; a table takes 1 to %d", capacity, MaxCapacity)
	}
	if len(mem) < Size(capacity) {
		return nil, fmt.Errorf("sticky: %d bytes for %d entries; %d needed", len(mem), capacity, Size(capacity))
	}
	homes := homesFor(capacity)
	t, buckets := layOut(mem, homes+spillFor(capacity))
	t.homes, t.spill, t.capacity = buckets[:homes], buckets[homes:], capacity
	t.seed = [2]uint64{seed[0] ^ 0x9E3779B97F4A7C15, seed[1] ^ 0xA0761D6478BD642F} // spreads under a seed of few bits, too
	return t, nil
}

// hash mixes a client with the table's secret, so that nobody outside can aim for one bucket.
func (t *Table) hash(group uint16, client uint32) uint64 {
	hi, lo := bits.Mul64(uint64(group)<<32^uint64(client)^t.seed[0], 0xE7037ED1A0B428DB^t.seed[1])
	hi, lo = bits.Mul64(hi^lo^t.seed[1], 0x8EBC6AF09C88C6E3)
	return hi ^ lo
}

// reduce maps h evenly onto [0, n) without a division.
func reduce(h uint32, n int) uint32 { return uint32(uint64(h) * uint64(n) >> 32) }

func (t *Table) home(hash uint64) *bucket { return &t.homes[reduce(uint32(hash>>32), len(t.homes))] }

func (t *Table) spilled(hash uint64) *bucket { return &t.spill[reduce(uint32(hash), len(t.spill))] }

// held is what a method has locked: a client's home, and its bucket in the spill if it must look there.
type held struct {
	by          holder
	home, spill *bucket
	both        bool
}

// hold locks a client's home, and finds its entry, nil if there is none.
func (t *Table) hold(by holder, group uint16, client uint32) (h held, e *Entry) {
	hash := t.hash(group, client)
	h = held{by: by, home: t.home(hash), spill: t.spilled(hash)}
	h.home.lock(by)
	if e = h.home.find(group, client); e == nil && h.home.away.Load() != 0 {
		h.lockSpill()
		e = h.spill.find(group, client)
	}
	return h, e
}

func (h *held) lockSpill() {
	if !h.both {
		h.spill.lock(h.by)
		h.both = true
	}
}

func (h *held) leave() {
	if h.both {
		h.spill.unlock()
	}
	h.home.unlock()
}

// Find is the real of a client's entry that has not expired. Any worker may call it; it does not allocate.
func (t *Table) Find(group uint16, client, now uint32) (real uint16, ok bool) {
	h, e := t.hold(aWorker, group, client)
	if e != nil && !e.Expired(now) {
		real, ok = e.Real, true
	}
	h.leave()
	return real, ok
}

// Open counts a connection of a client, which opened at a real, on the client's entry. Where there is none it makes one;
// an entry of the real in slot from is given to this real, and only this connection counts on it then. It returns the real
// that has the entry: the connection counts if that is this one. joined tells that it was this one before. holder 0 says
// that there is no entry and no room for one. Any worker may call it; it does not allocate.
func (t *Table) Open(group uint16, client uint32, real, from uint16, now uint32) (holder uint16, joined bool) {
	h, e := t.hold(aWorker, group, client)
	switch {
	case e == nil:
		if e = t.room(&h, now); e == nil {
			h.leave()
			t.refused.Add(1)
			return 0, false
		}
		*e = Entry{Client: client, Group: group, Real: real, Live: 1}
	case e.Expired(now) || e.Real == from && from != real:
		e.Real, e.Live = real, 1
	case e.Real == real:
		e.Live++
		joined = true
	}
	holder = e.Real
	h.leave()
	return holder, joined
}

// Reopen takes a Close back, as the connection was not over, and tells whether it could: the client's entry must be there
// and still this real's. Any worker may call it; it does not allocate.
func (t *Table) Reopen(group uint16, client uint32, real uint16, now uint32) bool {
	h, e := t.hold(aWorker, group, client)
	counts := e != nil && e.Real == real && !e.Expired(now)
	if counts {
		e.Live++
	}
	h.leave()
	return counts
}

// Close ends what Open counted, if the entry is there and still this real's. If it was the last connection, the entry ends
// at the tick until, less than 1<<31 ahead. Any worker may call it; it does not allocate.
func (t *Table) Close(group uint16, client uint32, real uint16, until uint32) {
	h, e := t.hold(aWorker, group, client)
	if e != nil && e.Real == real && e.Live > 0 {
		if e.Live--; e.Live == 0 {
			e.Until = until
		}
	}
	h.leave()
}

// room is a place for a new entry, nil if none can be had: a free one or an expired entry's, at home, then in the spill;
// else that of the entry that has no connections and would end first.
func (t *Table) room(h *held, now uint32) *Entry {
	at, away := h.home.free(now), false
	if at == nil {
		h.lockSpill()
		at, away = h.spill.free(now), true
	}
	if at == nil {
		home := h.home.idlest(nil, now)
		if at = h.spill.idlest(home, now); at == nil {
			return nil
		}
		away = at != home
		t.gaveWay.Add(1)
	}
	if at.Group != 0 {
		t.forget(at, away)
	}
	t.used.Add(1)
	if away {
		h.home.away.Add(1)
	}
	return at
}

// forget takes an entry out, whose bucket is locked; away tells that this is one of the spill. Its home need not be locked:
// who looks into the spill in vain finds nothing there.
func (t *Table) forget(e *Entry, away bool) {
	if away {
		t.home(t.hash(e.Group, e.Client)).away.Add(^uint32(0))
	}
	*e = Entry{}
	t.used.Add(-1)
}

// Stats tells how full a table is, and what it cost to be full.
type Stats struct {
	Used     int    // entries, those that expired and were not swept included
	Capacity int    // that they were promised
	GaveWay  uint64 // entries without connections that gave way to new ones
	Refused  uint64 // clients' connections that found no entry and no room for one
}

// Stats reads the counters. Any goroutine may call it.
func (t *Table) Stats() Stats {
	return Stats{Used: int(t.used.Load()), Capacity: t.capacity, GaveWay: t.gaveWay.Load(), Refused: t.refused.Load()}
}
