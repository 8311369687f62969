package flowtable

//go:noescape
func candidatesSSE2(buckets *bucket, nbuckets uint64, records *Record, hash *uint64, ref *Ref, n int)

//go:noescape
func prefetchBuckets(buckets *bucket, nbuckets uint64, hash *uint64, n int)

func (t *Table) prefetchBuckets(hash []uint64) {
	prefetchBuckets(&t.buckets[0], uint64(t.nbuckets), &hash[0], len(hash))
}

func (t *Table) candidates(hash *[MaxBurst]uint64, ref *[MaxBurst]Ref, n int) {
	_ = hash[:n]
	candidatesSSE2(&t.buckets[0], uint64(t.nbuckets), &t.records[0], &hash[0], &ref[0], n)
}
