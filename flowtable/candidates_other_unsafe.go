//go:build !amd64

package flowtable

import "unsafe"

func (t *Table) prefetchBuckets(hash []uint64) {
	for _, h := range hash {
		prefetch(unsafe.Pointer(&t.buckets[t.first(h)]))
	}
}

func (t *Table) candidates(hash *[MaxBurst]uint64, ref *[MaxBurst]Ref, n int) {
	t.candidatesGo(hash, ref, n)
}
