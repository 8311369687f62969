package dpdk

/*
#include "shim.h"
*/
import "C"

import "fmt"

// Ring passes mbufs from one thread to another: one producer, one consumer.
type Ring struct{ c *C.struct_rte_ring }

// NewRing makes a ring on a NUMA node. size is rounded up to a power of two; one place of it stays empty.
// Names are unique in a process and at most 28 bytes long.
func NewRing(name string, size, socket int) (*Ring, error) {
	if size < 2 || size > 1<<30 {
		return nil, fmt.Errorf("make ring %s: size %d is not between 2 and 2^30", name, size)
	}
	var r Ring
	err := attempt("make ring "+name, memoryMend, func() C.int {
		withCString(name, func(n *C.char) { r.c = C.ld_ring_new(n, C.unsigned(size), C.int(socket)) })
		return outcome(r.c != nil)
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// Len is how many mbufs are on it. Any thread.
func (r *Ring) Len() int { return int(C.ld_ring_len(r.c)) }

// Cap is how many fit.
func (r *Ring) Cap() int { return int(C.ld_ring_cap(r.c)) }

// Free frees the ring and the mbufs left in it. Both ends must have let go of it.
func (r *Ring) Free() {
	C.ld_ring_free(r.c)
	r.c = nil
}
