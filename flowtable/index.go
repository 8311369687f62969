package flowtable

import "math/bits"

// bucket is one cache line of the index: eight tags, then the eight refs they stand for. Tag 0 is empty.
type bucket struct {
	tag [8]uint32
	ref [8]Ref
}

// Ref is what an index entry leads to: a record's number and the direction of the tuple that found it.
// 0 is none.
type Ref uint32

// Record is the number of the record.
func (r Ref) Record() uint32 { return uint32(r >> 1) }

// Direction is the direction of packets with the entry's tuple.
func (r Ref) Direction() Direction { return Direction(r & 1) }

func refTo(record uint32, d Direction) Ref { return Ref(record<<1 | uint32(d)) }

// whiten makes the hash spread under a seed of few bits, too. (It does not make such a seed a secret.)
func whiten(seed [3]uint64) [3]uint64 {
	return [3]uint64{seed[0] ^ 0x9E3779B97F4A7C15, seed[1] ^ 0xA0761D6478BD642F, seed[2] ^ 0x8EBC6AF09C88C6E3}
}

// Hash mixes k with the shard's secret, so that nobody outside can aim for one bucket.
func (t *Table) Hash(k *Key) uint64 {
	return t.HashWords(uint64(k.Dst)<<32|uint64(k.Src), uint32(k.DstPort)<<16|uint32(k.SrcPort), k.Protocol)
}

// HashWords is Hash of the key whose addresses and ports are these, the destination's in the upper half.
func (t *Table) HashWords(addresses uint64, ports uint32, protocol uint8) uint64 {
	a, b := addresses, uint64(protocol)<<32|uint64(ports)
	hi, lo := bits.Mul64(a^t.seed[0], b^t.seed[1])
	hi, lo = bits.Mul64(hi^lo^t.seed[2], 0xE7037ED1A0B428DB)
	return hi ^ lo
}

// tagOf is the part of a hash that an entry keeps; never 0.
func tagOf(hash uint64) uint32 { return uint32(hash) | 1 }

// reduce maps h evenly onto [0, n) without a division.
func reduce(h, n uint32) uint32 { return uint32(uint64(h) * uint64(n) >> 32) }

// first is the bucket that a key is put into when it has room.
func (t *Table) first(hash uint64) uint32 { return reduce(uint32(hash>>32), t.nbuckets) }

// other is the second candidate of an entry that sits in bucket b. It needs only the tag, so that an entry
// can be displaced without a look at its record: both candidates add up to a number that the tag gives.
func (t *Table) other(b, tag uint32) uint32 {
	sum := reduce(tag*0x9E3779B1, t.nbuckets)
	if sum >= b {
		return sum - b
	}
	return sum + t.nbuckets - b
}

// find is the first entry with this tag, 0 if there is none.
func (b *bucket) find(tag uint32) Ref {
	for i := range b.tag {
		if b.tag[i] == tag {
			return b.ref[i]
		}
	}
	return 0
}

// put writes an entry into a free place of b, if there is one.
func (b *bucket) put(tag uint32, ref Ref) bool {
	for i := range b.tag {
		if b.tag[i] == 0 {
			b.tag[i], b.ref[i] = tag, ref
			return true
		}
	}
	return false
}

// clear empties the entry of ref.
func (b *bucket) clear(ref Ref) bool {
	for i := range b.ref {
		if b.ref[i] == ref {
			b.tag[i], b.ref[i] = 0, 0
			return true
		}
	}
	return false
}

// put enters ref under hash, displacing others if both candidate buckets are full.
func (t *Table) put(hash uint64, ref Ref) bool {
	tag, b := tagOf(hash), t.first(hash)
	if t.buckets[b].put(tag, ref) {
		return true
	}
	other := t.other(b, tag)
	if t.buckets[other].put(tag, ref) {
		return true
	}
	free, ok := t.makeRoom(b, other)
	if ok {
		t.buckets[free].put(tag, ref)
	}
	return ok
}

// drop takes the entry of ref out of the index.
func (t *Table) drop(hash uint64, ref Ref) {
	tag, b := tagOf(hash), t.first(hash)
	if !t.buckets[b].clear(ref) && !t.buckets[t.other(b, tag)].clear(ref) {
		panic("flowtable: a record without its index entry")
	}
}
