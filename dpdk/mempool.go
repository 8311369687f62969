package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
)

const memoryMend = "give DPDK more memory (--memory, sysctl vm.nr_hugepages)"

// Mempool is a pool of mbufs, the buffers that frames live in.
type Mempool struct{ c *C.struct_rte_mempool }

// NewMempool makes a pool of mbufs buffers on a NUMA node. Each registered thread keeps up to cache of them at hand
// (at most 512). A buffer holds frames of dataRoom bytes; longer ones take several.
func NewMempool(name string, mbufs, cache, dataRoom, socket int) (*Mempool, error) {
	if mbufs <= 0 || cache < 0 || dataRoom <= 0 {
		return nil, fmt.Errorf("make mempool %s of %d mbufs, cache %d, %d bytes a frame: not positive", name, mbufs, cache, dataRoom)
	}
	var m Mempool
	err := attempt(fmt.Sprintf("make mempool %s of %d mbufs", name, mbufs), memoryMend, func() C.int {
		withCString(name, func(n *C.char) {
			m.c = C.ld_mempool_new(n, C.unsigned(mbufs), C.unsigned(cache), C.unsigned(dataRoom), C.int(socket))
		})
		return outcome(m.c != nil)
	})
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// InUse is how many mbufs are neither in the pool nor in a thread's cache. Any thread; a snapshot, costly with
// many threads.
func (m *Mempool) InUse() int { return int(C.ld_mempool_in_use(m.c)) }

// Avail is how many mbufs are in the pool and in caches.
func (m *Mempool) Avail() int { return int(C.ld_mempool_avail(m.c)) }

// Size is how many mbufs there are.
func (m *Mempool) Size() int { return int(C.ld_mempool_size(m.c)) }

// Free gives the pool's memory back. No port, ring or exchange may hold one of its mbufs any more.
func (m *Mempool) Free() {
	C.ld_mempool_free(m.c)
	m.c = nil
}

// Inject copies a frame into an mbuf and puts it on a ring whose other end transmits it on port out (Finished of an
// ExchangeConfig). It does not block or allocate. One goroutine a ring. Errors are ErrFull and ErrNoMbuf, or that
// the frame is empty or longer than an mbuf.
func Inject(m *Mempool, r *Ring, out PortID, frame []byte) error {
	if len(frame) == 0 || len(frame) > 1<<16-1 {
		return errFrameLength
	}
	switch rc := C.ld_inject(m.c, r.c, C.uint16_t(out), (*C.uint8_t)(&frame[0]), C.uint16_t(len(frame))); rc {
	case 0:
		return nil
	case -C.ENOMEM:
		return ErrNoMbuf
	case -C.ENOBUFS:
		return ErrFull
	default:
		return errFrameLength
	}
}

var errFrameLength = errors.New("frame is empty or longer than an mbuf's room")
