package dpdk

/*
#include "shim.h"
*/
import "C"

import "unsafe"

// newExchange looks at C's memory once, so that Frames, Now and Counters cost no crossing.
func newExchange(c *C.struct_ld_exchange) *Exchange {
	return &Exchange{
		c:        c,
		handle:   C.uintptr_t(uintptr(unsafe.Pointer(c))),
		frames:   unsafe.Slice((*Frame)(unsafe.Pointer(C.ld_exchange_frames(c))), MaxBurst),
		spares:   unsafe.Slice((*Frame)(unsafe.Pointer(C.ld_exchange_spares(c))), MaxSpares),
		spared:   C.ld_exchange_spared(c),
		now:      C.ld_exchange_now(c),
		counters: (*ExchangeCounters)(unsafe.Pointer(C.ld_exchange_counters(c))),
	}
}
