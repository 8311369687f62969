package dpdk

/*
#cgo noescape ld_exchange
#cgo nocallback ld_exchange
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"syscall"
)

// Queue is an rx or tx queue of a port.
type Queue struct {
	Port  PortID
	Queue uint16
}

// ExchangeConfig says where a worker's frames come from and go to.
type ExchangeConfig struct {
	Burst    int              // most frames a call receives, 1 to MaxBurst
	Socket   int              // NUMA node of the worker
	Spares   *Mempool         // where Spares come from; nil: there are none
	Receive  []Queue          // rx queues that this worker owns
	Handed   []*Ring          // frames that other workers hand over to this one, each of another producer
	Finished []*Ring          // frames of other workers and of control that this one transmits on the port that they name
	Transmit []Queue          // tx queues that this worker owns, at most one a port
	Via      map[PortID]*Ring // where it has no tx queue: a ring towards the worker that owns one, which has it in Finished
	Hand     []*Ring          // by worker number; nil for itself
	Punt     []*Ring          // by kind; nil where it is not punted
	Bell     *Bell            // rung after a punt, or nil
}

// Exchange is one worker's crossing into C. Only the worker's thread may call it; Counters may be read by all.
type Exchange struct {
	c        *C.struct_ld_exchange
	handle   C.uintptr_t // c as a number, which cgo does not check at each call
	frames   []Frame
	spares   []Frame
	spared   *C.uint32_t
	now      *C.uint64_t
	counters *ExchangeCounters
}

// NewExchange checks cfg and makes an exchange. The ports must have been opened. Rings and bell stay the caller's.
func NewExchange(cfg ExchangeConfig) (*Exchange, error) {
	if cfg.Burst < 1 || cfg.Burst > MaxBurst {
		return nil, fmt.Errorf("make a worker's exchange: burst %d is not between 1 and %d", cfg.Burst, MaxBurst)
	}
	var spares *C.struct_rte_mempool
	if cfg.Spares != nil {
		spares = cfg.Spares.c
	}
	c := C.ld_exchange_new(C.uint16_t(cfg.Burst), spares, C.int(cfg.Socket))
	if c == nil {
		return nil, &Error{Op: "make a worker's exchange", Code: syscall.ENOMEM, Mend: memoryMend}
	}
	if err := cfg.apply(c); err != nil {
		C.ld_exchange_free(c)
		return nil, err
	}
	return newExchange(c), nil
}

// apply tells C, one way at a time.
func (cfg *ExchangeConfig) apply(c *C.struct_ld_exchange) error {
	var err error
	check := func(rc C.int, what string, args ...any) {
		if rc != 0 && err == nil {
			err = &Error{Op: "make a worker's exchange: " + fmt.Sprintf(what, args...), Code: syscall.Errno(-rc)}
		}
	}
	for _, q := range cfg.Receive {
		check(C.ld_exchange_receive(c, C.uint16_t(q.Port), C.uint16_t(q.Queue)), "rx queue %d of port %d", q.Queue, q.Port)
	}
	for _, r := range cfg.Handed {
		check(C.ld_exchange_handed(c, r.c), "hand-over rings to it")
	}
	for _, r := range cfg.Finished {
		check(C.ld_exchange_finished(c, r.c), "rings of finished frames")
	}
	for _, q := range cfg.Transmit {
		check(C.ld_exchange_transmit(c, C.uint16_t(q.Port), C.uint16_t(q.Queue)), "tx queue %d of port %d", q.Queue, q.Port)
	}
	for port, r := range cfg.Via {
		check(C.ld_exchange_via(c, C.uint16_t(port), r.c), "ring towards port %d", port)
	}
	for worker, r := range cfg.Hand {
		if r != nil {
			check(C.ld_exchange_hand(c, C.uint16_t(worker), r.c), "ring towards worker %d", worker)
		}
	}
	for kind, r := range cfg.Punt {
		if r != nil {
			check(C.ld_exchange_punt(c, C.uint16_t(kind), r.c), "ring of punt kind %d", kind)
		}
	}
	if cfg.Bell != nil {
		C.ld_exchange_bell(c, cfg.Bell.c)
	}
	return err
}

// Exchange does what the verdicts of the last burst say, transmits what is on the Finished rings, receives the next
// burst, and returns its length. Sources take turns, so that none starves. Each frame's verdict is preset to Drop.
// It neither allocates nor blocks.
func (x *Exchange) Exchange() int { return int(C.ld_exchange(x.handle)) }

// Frames is the burst, MaxBurst long; as many as Exchange returned are valid, until the next call.
func (x *Exchange) Frames() []Frame { return x.frames }

// MaxSpares is how many spare frames there are at most.
const MaxSpares = C.LD_MAX_SPARES

// Spares are empty frames for what the worker sends of its own, MaxSpares long. Those that hold an mbuf come first;
// where the mempool is empty, others' Data is nil.
func (x *Exchange) Spares() []Frame { return x.spares }

// Spared says that so many of the first spare frames were written and have a verdict: the next Exchange sends them
// behind the burst, or without one, and fills their places anew.
func (x *Exchange) Spared(n int) { *x.spared = C.uint32_t(n) }

// Now is the TSC at the end of the last Exchange.
func (x *Exchange) Now() uint64 { return uint64(*x.now) }

// Counters are updated by each Exchange.
func (x *Exchange) Counters() *ExchangeCounters { return x.counters }

// Idle does all that Exchange does but receive: for a worker about to stop.
func (x *Exchange) Idle() { C.ld_exchange_idle(x.c) }

// Close frees the last burst's frames, whatever their verdicts, and the exchange. Rings stay as they are.
func (x *Exchange) Close() {
	C.ld_exchange_free(x.c)
	*x = Exchange{}
}
