package flowtable

import (
	"math/rand/v2"
	"testing"
)

var testSeed = [3]uint64{0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0}

// newTable is a shard on the heap, where -race sees it.
func newTable(tb testing.TB, flows int) *Table {
	tb.Helper()
	t, err := New(Heap(Size(flows)), flows, testSeed)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// flow is the connection of client number i to one virtual and one of four reals.
func flow(i int) Record {
	return Record{
		Client: 0xC6336400 + uint32(i), ClientPort: uint16(1024 + i%60000),
		Virtual: 0xC000020A, VirtualPort: 80,
		Real: 0x0A00000B + uint32(i%4), RealPort: 8080,
		Protocol: 6, Phase: Established,
	}
}

// randomFlow is a connection with a random client.
func randomFlow(rng *rand.Rand) Record {
	r := flow(0)
	r.Client, r.ClientPort, r.Real = rng.Uint32(), uint16(rng.Uint32()), 0x0A00000B+rng.Uint32N(64)
	return r
}

func insert(tb testing.TB, t *Table, r Record) uint32 {
	tb.Helper()
	n, err := t.Insert(&r)
	if err != nil {
		tb.Fatalf("insert of %+v with %d records in use: %v", r, t.used, err)
	}
	return n
}

func find(t *Table, k Key) Ref { return t.Find(&k, t.Hash(&k)) }

// key is what packets going the way d show.
func key(r *Record, d Direction) Key {
	if d == Forward {
		return r.ForwardKey()
	}
	return r.ReplyKey()
}

// seededHash is the shard's own hash; tests that force collisions have others.
func seededHash(t *Table) func(*Key) uint64 { return t.Hash }

// check looks at every entry and record: an entry stands in one of its two buckets under its tag, a record in use
// has one entry for each direction, a record that is not is in the free list, and the counts are right.
func check(tb testing.TB, t *Table, hash func(*Key) uint64) {
	tb.Helper()
	free := make(map[uint32]bool)
	for n := t.free; n != 0; n = t.records[n].Real {
		if free[n] || n > t.extent {
			tb.Fatalf("free list: record %d (extent %d) twice or out of bounds", n, t.extent)
		}
		free[n] = true
		if want := (Record{Real: t.records[n].Real}); t.records[n] != want {
			tb.Fatalf("free record %d holds %+v", n, t.records[n])
		}
	}
	if int(t.used)+len(free) != int(t.extent) {
		tb.Fatalf("%d records in use + %d free, extent %d", t.used, len(free), t.extent)
	}
	seen := make(map[Ref]bool)
	for b := range t.buckets {
		for place, tag := range t.buckets[b].tag {
			ref := t.buckets[b].ref[place]
			if tag == 0 || ref == 0 {
				if tag != 0 || ref != 0 {
					tb.Fatalf("bucket %d place %d: tag %#x, ref %#x", b, place, tag, ref)
				}
				continue
			}
			n := ref.Record()
			if n == 0 || n > t.extent || free[n] || seen[ref] {
				tb.Fatalf("bucket %d place %d leads to record %d, which is free, unused or entered twice", b, place, n)
			}
			seen[ref] = true
			k := key(&t.records[n], ref.Direction())
			h := hash(&k)
			if first := t.first(h); tag != tagOf(h) || uint32(b) != first && uint32(b) != t.other(first, tag) {
				tb.Fatalf("entry of %+v with tag %#x stands in bucket %d", k, tag, b)
			}
		}
	}
	if len(seen) != 2*int(t.used) {
		tb.Fatalf("%d entries for %d records", len(seen), t.used)
	}
	translated := 0
	for n := range t.extent {
		if t.records[n+1].Flags&Translated != 0 {
			translated++
		}
	}
	if translated != int(t.translated) {
		tb.Fatalf("%d records are translated, counted %d", translated, t.translated)
	}
}
