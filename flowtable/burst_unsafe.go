package flowtable

import "unsafe"

// PrefetchBuckets starts the loads of the first candidate bucket of n hashes: Candidates comes next.
func (t *Table) PrefetchBuckets(hash *[MaxBurst]uint64, n int) {
	for i := range hash[:n] {
		prefetch(unsafe.Pointer(&t.buckets[t.first(hash[i])]))
	}
}

// PrefetchBucket starts the load of one hash's first candidate bucket.
func (t *Table) PrefetchBucket(hash uint64) { prefetch(unsafe.Pointer(&t.buckets[t.first(hash)])) }

// Candidates gives for each of n hashes the first entry with an equal tag (0: surely no flow) and starts the
// load of its record. The tag may be another flow's: compare with Matches, then ask Find.
func (t *Table) Candidates(hash *[MaxBurst]uint64, ref *[MaxBurst]Ref, n int) {
	for i := range hash[:n] {
		tag, b := tagOf(hash[i]), t.first(hash[i])
		r := t.buckets[b].find(tag)
		if r == 0 {
			r = t.buckets[t.other(b, tag)].find(tag)
		}
		ref[i&(MaxBurst-1)] = r
		prefetch(unsafe.Pointer(&t.records[r.Record()]))
	}
}
