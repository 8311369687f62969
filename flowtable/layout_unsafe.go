package flowtable

import "unsafe"

// lineSize is a cache line, a bucket and a record.
const lineSize = 64

// A bucket and a record are a cache line each: these do not compile otherwise.
var (
	_ [lineSize]byte = [unsafe.Sizeof(bucket{})]byte{}
	_ [lineSize]byte = [unsafe.Sizeof(Record{})]byte{}
)

// layOut overlays mem with buckets, then records.
func layOut(mem []byte, buckets, records int) ([]bucket, []Record) {
	base := unsafe.Pointer(unsafe.SliceData(mem))
	if uintptr(base)%lineSize != 0 {
		panic("flowtable: memory is not aligned to a cache line")
	}
	return unsafe.Slice((*bucket)(base), buckets),
		unsafe.Slice((*Record)(unsafe.Add(base, buckets*lineSize)), records)
}

// Heap is zeroed, aligned memory from Go's heap for a shard in tests, where -race must see it.
func Heap(size int) []byte {
	mem := make([]byte, size+lineSize)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))) & (lineSize - 1)
	return mem[skip : skip+size : skip+size]
}
