package sticky

import "unsafe"

// Align is what a table's memory must be aligned to, in bytes: a bucket's size, two cache lines, which today's processors
// load together.
const (
	Align      = 128
	bucketSize = Align
)

// It does not compile otherwise.
var _ [bucketSize]byte = [unsafe.Sizeof(bucket{})]byte{}

// headSize is what the table itself takes, in bytes: whole buckets.
const headSize = (int(unsafe.Sizeof(Table{})) + bucketSize - 1) / bucketSize * bucketSize

// layOut overlays mem with a table and, behind it, so many buckets.
func layOut(mem []byte, buckets int) (*Table, []bucket) {
	base := unsafe.Pointer(unsafe.SliceData(mem))
	if uintptr(base)%bucketSize != 0 {
		panic("sticky: memory is not aligned to two cache lines")
	}
	return (*Table)(base), unsafe.Slice((*bucket)(unsafe.Pointer(&mem[headSize])), buckets)
}

// Prefetch starts the load of a client's home: a Find comes later in the burst.
func (t *Table) Prefetch(group uint16, client uint32) {
	b := t.home(t.hash(group, client))
	prefetch(unsafe.Pointer(b))
	prefetch(unsafe.Pointer(&b.entries[perBucket-1]))
}

// Heap is zeroed, aligned memory from Go's heap for a table in tests, where -race must see it.
func Heap(size int) []byte {
	mem := make([]byte, size+bucketSize)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))) & (bucketSize - 1)
	return mem[skip : skip+size : skip+size]
}
