package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Alloc returns size zeroed bytes of DPDK's heap (hugepages, where EAL has them) on a NUMA node, aligned to align,
// a power of two. The garbage collector does not see them: they must hold no Go pointers, and Free gives them back.
// Slow; for start-up.
func Alloc(name string, size, align, socket int) ([]byte, error) {
	if size <= 0 {
		return nil, fmt.Errorf("allocate %s: %d bytes", name, size)
	}
	var mem unsafe.Pointer
	err := attempt(fmt.Sprintf("allocate %d MiB for %s", (size+1<<20-1)>>20, name), memoryMend, func() C.int {
		withCString(name, func(n *C.char) {
			mem = C.ld_alloc(n, C.size_t(size), C.unsigned(align), C.int(socket))
		})
		return outcome(mem != nil)
	})
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(mem), size), nil
}

// Free gives memory from Alloc back.
func Free(mem []byte) { C.ld_free(unsafe.Pointer(unsafe.SliceData(mem))) }
