package flowtable

// step is one bucket on a way along which entries can move: it was reached from the entry at place of the
// step numbered from.
type step struct {
	bucket uint32
	from   int16
	place  uint8
}

// reach bounds the search for room. At the load a shard is laid out for, the way is one or two moves long.
const reach = 512

// makeRoom frees a place in bucket a or b by moving entries to their other candidates, the shortest chain of
// moves first (breadth first, as DPDK's rte_hash does), and returns the bucket that now has the place.
func (t *Table) makeRoom(a, b uint32) (uint32, bool) {
	ways := &t.ways
	ways[0], ways[1] = step{bucket: a, from: -1}, step{bucket: b, from: -1}
	for head, tail := 0, 2; head < tail; head++ {
		here := &t.buckets[ways[head].bucket]
		for place := range here.tag {
			next := t.other(ways[head].bucket, here.tag[place])
			if next == ways[head].bucket {
				continue
			}
			if t.buckets[next].put(here.tag[place], here.ref[place]) {
				return t.pullBack(head, place), true
			}
			if tail < reach {
				ways[tail] = step{bucket: next, from: int16(head), place: uint8(place)}
				tail++
			}
		}
	}
	return 0, false
}

// pullBack moves each entry on the way to step at into the place that the move after it left, back to a root.
func (t *Table) pullBack(at, place int) uint32 {
	for {
		t.displaced++
		s := t.ways[at]
		here := &t.buckets[s.bucket]
		if s.from < 0 {
			here.tag[place], here.ref[place] = 0, 0
			return s.bucket
		}
		before := &t.buckets[t.ways[s.from].bucket]
		here.tag[place], here.ref[place] = before.tag[s.place], before.ref[s.place]
		at, place = int(s.from), int(s.place)
	}
}
