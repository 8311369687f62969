package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// ExchangeCounters count frames, but for SentBytes (bytes of Ethernet frames without FCS), since the exchange was made.
// They are C memory, written by the worker's thread alone; others read them with sync/atomic.
type ExchangeCounters struct {
	Received    uint64 // from rx queues
	Taken       uint64 // from Handed rings
	Misdirected uint64 // freed: the verdict, or a Finished frame, named a way that this worker does not have, or Len went beyond the buffer
	_           [5]uint64
	SentPackets [MaxPorts]uint64 // taken by the port's tx queue of this worker
	SentBytes   [MaxPorts]uint64
	TxFull      [MaxPorts]uint64     // freed: the tx queue, or the ring Via, was full
	Handed      [MaxWorkers]uint64   // passed to that worker
	HandFull    [MaxWorkers]uint64   // freed: its ring was full
	Punted      [MaxPuntKinds]uint64 // passed to control
	PuntFull    [MaxPuntKinds]uint64 // freed: control's ring was full
}

var (
	_ = [1]struct{}{}[unsafe.Sizeof(ExchangeCounters{})-unsafe.Sizeof(C.struct_ld_counters{})]
	_ = [1]struct{}{}[unsafe.Offsetof(ExchangeCounters{}.SentPackets)-unsafe.Offsetof(C.struct_ld_counters{}.sent_packets)]
	_ = [1]struct{}{}[unsafe.Offsetof(ExchangeCounters{}.SentBytes)-unsafe.Offsetof(C.struct_ld_counters{}.sent_bytes)]
	_ = [1]struct{}{}[unsafe.Offsetof(ExchangeCounters{}.TxFull)-unsafe.Offsetof(C.struct_ld_counters{}.tx_full)]
	_ = [1]struct{}{}[unsafe.Offsetof(ExchangeCounters{}.Handed)-unsafe.Offsetof(C.struct_ld_counters{}.handed)]
	_ = [1]struct{}{}[unsafe.Offsetof(ExchangeCounters{}.HandFull)-unsafe.Offsetof(C.struct_ld_counters{}.hand_full)]
	_ = [1]struct{}{}[unsafe.Offsetof(ExchangeCounters{}.Punted)-unsafe.Offsetof(C.struct_ld_counters{}.punted)]
	_ = [1]struct{}{}[unsafe.Offsetof(ExchangeCounters{}.PuntFull)-unsafe.Offsetof(C.struct_ld_counters{}.punt_full)]
)

// Publish makes c what x is, word by word, for those who read c. The worker calls it, whose counters x are. It writes what has
// changed: a store that others may read is a locked instruction.
func (c *ExchangeCounters) Publish(x *ExchangeCounters) {
	from, to := x.words(), c.words()
	for i, n := range from {
		if n != to[i] {
			atomic.StoreUint64(&to[i], n)
		}
	}
}

func (c *ExchangeCounters) words() *counterWords { return (*counterWords)(unsafe.Pointer(c)) }

type counterWords [unsafe.Sizeof(ExchangeCounters{}) / 8]uint64
