package dpdk

/*
#include "shim.h"
*/
import "C"

import "unsafe"

// Batch is the control core's hold of up to BatchSize frames that it took off a ring. One goroutine a batch.
type Batch struct {
	c *C.struct_ld_batch
	n int
}

// NewBatch makes an empty one. Close it at the end.
func NewBatch() *Batch {
	c := C.ld_batch_new()
	if c == nil {
		panic("out of memory")
	}
	return &Batch{c: c}
}

// Take frees what the batch holds, takes frames off r, whose only consumer the caller is, and returns their number.
// It neither blocks nor allocates. Their Port is the one they came in on.
func (b *Batch) Take(r *Ring) int {
	b.n = int(C.ld_batch_take(b.c, r.c))
	return b.n
}

// Frames is what Take took, valid until the next Take, Free or Close.
func (b *Batch) Frames() []Frame {
	return unsafe.Slice((*Frame)(unsafe.Pointer(&b.c.frame)), b.n)
}

// Free frees the mbufs held.
func (b *Batch) Free() {
	C.ld_batch_drop(b.c)
	b.n = 0
}

// Close frees the mbufs and the batch.
func (b *Batch) Close() {
	C.ld_batch_free(b.c)
	b.c, b.n = nil, 0
}
