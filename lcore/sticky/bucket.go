package sticky

import (
	"runtime"
	"sync/atomic"
)

// Entry is a client of a group and its real. A client is an address, host byte order, with zeros where it does not count.
type Entry struct {
	Client uint32
	Group  uint16 // 0: no entry
	Real   uint16 // slot
	Live   uint32 // connections that count on it
	Until  uint32 // tick at which it ends, if it has none
}

// Expired tells whether the entry's time was up at a tick: then it counts as gone.
func (e *Entry) Expired(now uint32) bool { return e.Live == 0 && int32(now-e.Until) >= 0 }

// perBucket is how many entries a bucket holds.
const perBucket = 7

// bucket is entries under one lock. They are in no order, and have holes.
type bucket struct {
	word    atomic.Uint32 // the lock: its holder
	away    atomic.Uint32 // entries at home here that found no room and lie in the spill; a home's alone
	_       [8]byte
	entries [perBucket]Entry
}

// holder is who holds a bucket's lock. A worker lives as long as the table; control may die in between (Abandon).
type holder uint32

const (
	nobody holder = iota
	aWorker
	control
)

// spins is how often a lock is looked at before the thread lets others run: for some microseconds, longer than any holder
// needs that runs.
const spins = 1 << 13

// lock waits by spinning: a holder is out again after some tens of nanoseconds. If the kernel has taken the holder's CPU
// away, or the garbage collector has stopped it, all who want this bucket wait until it goes on; they offer their own CPU
// meanwhile, in case the holder needs just that.
func (b *bucket) lock(by holder) {
	for tries := 1; !b.word.CompareAndSwap(uint32(nobody), uint32(by)); tries++ {
		for b.word.Load() != uint32(nobody) {
			if tries++; tries%spins == 0 {
				runtime.Gosched()
			}
		}
	}
}

func (b *bucket) unlock() { b.word.Store(uint32(nobody)) }

// find is the client's entry, nil if it is not here.
func (b *bucket) find(group uint16, client uint32) *Entry {
	for i := range b.entries {
		if e := &b.entries[i]; e.Client == client && e.Group == group {
			return e
		}
	}
	return nil
}

// free is a place of no entry, or else of an expired one, nil if there is neither.
func (b *bucket) free(now uint32) *Entry {
	var expired *Entry
	for i := range b.entries {
		e := &b.entries[i]
		if e.Group == 0 {
			return e
		}
		if e.Expired(now) {
			expired = e
		}
	}
	return expired
}

// idlest is the entry without connections that ends first, of those here and of one found before, nil if there is none.
func (b *bucket) idlest(before *Entry, now uint32) *Entry {
	for i := range b.entries {
		e := &b.entries[i]
		if e.Live == 0 && (before == nil || int32(e.Until-now) < int32(before.Until-now)) {
			before = e
		}
	}
	return before
}
