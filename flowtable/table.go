package flowtable

import (
	"errors"
	"fmt"
)

// MaxFlows is the most connections one shard can hold: a ref has 31 bits for a record's number.
const MaxFlows = 1<<31 - 2

// MaxBurst is the longest burst that Candidates takes.
const MaxBurst = 128

// Errors that Insert returns. Neither changes the shard.
var (
	ErrFull  = errors.New("flow table full")
	ErrTaken = errors.New("another flow has this tuple")
)

// Table is one shard. Its methods are for the worker that owns it; none allocates or blocks.
type Table struct {
	buckets  []bucket
	records  []Record // record 0 is never used
	nbuckets uint32
	seed     [3]uint64

	free       uint32 // newest freed record, linked through Record.Real; 0 ends the list
	extent     uint32 // records above it were never used
	used       uint32
	translated uint32 // of those used
	displaced  uint64
	ways       [reach]step
}

// bucketsFor lays the index out for a load of 3/4: 93 % of the entries then sit in their first bucket.
func bucketsFor(flows int) int { return (flows+2)/3 + 1 }

// Size is the memory, in bytes, that a shard for so many connections needs.
func Size(flows int) int { return (bucketsFor(flows) + flows + 1) * lineSize }

// New lays a shard for so many connections over mem, which must be zeroed, 64-byte aligned, at least
// Size(flows) long, and stay alive and unmoved as long as the shard. The seed is the hash's secret: draw it at random.
func New(mem []byte, flows int, seed [3]uint64) (*Table, error) {
	if flows < 1 || flows > MaxFlows {
		return nil, fmt.Errorf("flowtable: %d flows; a shard takes 1 to %d", flows, MaxFlows)
	}
	if len(mem) < Size(flows) {
		return nil, fmt.Errorf("flowtable: %d bytes for %d flows; %d needed", len(mem), flows, Size(flows))
	}
	t := &Table{nbuckets: uint32(bucketsFor(flows)), seed: whiten(seed)}
	t.buckets, t.records = layOut(mem, bucketsFor(flows), flows+1)
	return t, nil
}

// Record is the record of that number: valid until Remove. A caller may change what neither key is made of.
func (t *Table) Record(n uint32) *Record { return &t.records[n] }

// Extent is the number of the highest record ever used: a sweep visits 1 to Extent.
func (t *Table) Extent() uint32 { return t.extent }

// Stats tells how full a shard is.
type Stats struct {
	Used, Capacity uint32 // records
	Displaced      uint64 // index entries moved to make room, ever
}

// Stats returns the shard's counters.
func (t *Table) Stats() Stats {
	return Stats{Used: t.used, Capacity: uint32(len(t.records) - 1), Displaced: t.displaced}
}

// Find is the ref of the flow that a packet with key k is of, 0 if there is none. The hash is Hash(k).
func (t *Table) Find(k *Key, hash uint64) Ref {
	tag, b := tagOf(hash), t.first(hash)
	if ref := t.findIn(b, tag, k); ref != 0 {
		return ref
	}
	other := t.other(b, tag)
	if ref := t.findIn(other, tag, k); ref != 0 || t.translated == 0 {
		return ref
	}
	if ref := t.findTranslatedIn(b, tag, k); ref != 0 {
		return ref
	}
	return t.findTranslatedIn(other, tag, k)
}

// findIn goes on past entries whose tag is equal and whose tuple is not, and past translated flows': to ask for their
// tuples here would cost all others.
func (t *Table) findIn(b, tag uint32, k *Key) Ref {
	here := &t.buckets[b]
	for i := range here.tag {
		if here.tag[i] == tag {
			if r := &t.records[here.ref[i].Record()]; r.Flags&Translated == 0 && r.Matches(k, here.ref[i].Direction()) {
				return here.ref[i]
			}
		}
	}
	return 0
}

func (t *Table) findTranslatedIn(b, tag uint32, k *Key) Ref {
	here := &t.buckets[b]
	for i := range here.tag {
		if here.tag[i] == tag {
			if r := &t.records[here.ref[i].Record()]; r.Flags&Translated != 0 && r.Shows(k, here.ref[i].Direction()) {
				return here.ref[i]
			}
		}
	}
	return 0
}

// Insert takes a free record, gives it r's content and enters both its tuples. It returns the record's number,
// or ErrTaken if a flow already shows r's reply tuple (the caller has just missed the forward one), or ErrFull.
func (t *Table) Insert(r *Record) (uint32, error) {
	forward, reply := r.ForwardKey(), r.ReplyKey()
	return t.insert(r, t.Hash(&forward), t.Hash(&reply))
}

// insert is Insert with the hashes given, so that a test can make them collide.
func (t *Table) insert(r *Record, forward, reply uint64) (uint32, error) {
	if key := r.ReplyKey(); t.Find(&key, reply) != 0 {
		return 0, ErrTaken
	}
	n := t.take()
	if n == 0 {
		return 0, ErrFull
	}
	if !t.put(forward, refTo(n, Forward)) {
		t.give(n)
		return 0, ErrFull
	}
	if !t.put(reply, refTo(n, Reply)) {
		t.drop(forward, refTo(n, Forward))
		t.give(n)
		return 0, ErrFull
	}
	t.records[n] = *r
	if r.Flags&Translated != 0 {
		t.translated++
	}
	return n, nil
}

// Remove takes a record and both its index entries out.
func (t *Table) Remove(n uint32) {
	forward, reply := t.records[n].ForwardKey(), t.records[n].ReplyKey()
	t.remove(n, t.Hash(&forward), t.Hash(&reply))
}

func (t *Table) remove(n uint32, forward, reply uint64) {
	t.drop(forward, refTo(n, Forward))
	t.drop(reply, refTo(n, Reply))
	if t.records[n].Flags&Translated != 0 {
		t.translated--
	}
	t.give(n)
}

// take is a record to fill, 0 when all are in use. Fresh ones are touched as late as can be, so that an idle
// shard costs no memory traffic.
func (t *Table) take() uint32 {
	n := t.free
	switch {
	case n != 0:
		t.free = t.records[n].Real
	case int(t.extent)+1 < len(t.records):
		t.extent++
		n = t.extent
	default:
		return 0
	}
	t.used++
	return n
}

func (t *Table) give(n uint32) {
	t.records[n] = Record{Real: t.free}
	t.free = n
	t.used--
}

// nearby is how many records beside the candidates' own GivesWay looks at.
const nearby = 48

// GivesWay is the full-table rule: a guest in reach, else the opening connection in reach whose last packet is oldest, 0 if
// there is none. In reach are the entries of the hash's two buckets and a few records after number from, around the end. now
// is a tick, not before the Last of any opening one.
func (t *Table) GivesWay(hash uint64, from, now uint32) uint32 {
	guest, oldest, age := uint32(0), uint32(0), uint32(0)
	look := func(n uint32) {
		switch r := &t.records[n]; {
		case r.Guest():
			guest = n
		case r.Phase.Opening() && (oldest == 0 || now-r.Last > age):
			oldest, age = n, now-r.Last
		}
	}
	b := t.first(hash)
	for _, b := range [2]uint32{b, t.other(b, tagOf(hash))} {
		for _, ref := range t.buckets[b].ref {
			look(ref.Record())
		}
	}
	for n := range min(nearby, t.extent) {
		look((from+n)%t.extent + 1)
	}
	if guest != 0 {
		return guest
	}
	return oldest
}
