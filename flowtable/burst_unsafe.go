package flowtable

import "unsafe"

// PrefetchBuckets starts the loads of the first candidate buckets of hashes from to to: Candidates comes later in the
// burst.
func (t *Table) PrefetchBuckets(hash *[MaxBurst]uint64, from, to int) {
	if hashes := hash[from:to]; len(hashes) > 0 {
		t.prefetchBuckets(hashes)
	}
}

// PrefetchBoth starts the loads of both candidate buckets of a hash: an Insert comes later in the burst.
func (t *Table) PrefetchBoth(hash uint64) {
	b := t.first(hash)
	prefetch(unsafe.Pointer(&t.buckets[b]))
	prefetch(unsafe.Pointer(&t.buckets[t.other(b, tagOf(hash))]))
}

// PrefetchRecord starts the load of a record.
func (t *Table) PrefetchRecord(n uint32) { prefetch(unsafe.Pointer(&t.records[n])) }

// Candidates gives for each of n hashes, at most MaxBurst, the first entry with an equal tag and starts the load
// of its record. The tag may be another flow's: compare with Matches if the flow is Steady, else with Shows, then ask
// Find. 0 says that no flow had the key at the time of the call; before Insert, ask Find whether an earlier packet of the
// burst has opened it.
func (t *Table) Candidates(hash *[MaxBurst]uint64, ref *[MaxBurst]Ref, n int) {
	t.candidates(hash, ref, n)
}

// candidatesGo is Candidates in Go: what other processors than amd64 run, and what its assembly is tested against.
func (t *Table) candidatesGo(hash *[MaxBurst]uint64, ref *[MaxBurst]Ref, n int) {
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
