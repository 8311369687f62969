package dpdk

/*
#cgo noescape ld_send
#cgo nocallback ld_send
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"syscall"
)

// Sender is a thread's way to send frames that it makes itself on one tx queue. Only one thread may use it; an Exchange of
// the same thread may send on the same queue.
type Sender struct {
	c      *C.struct_ld_sender
	handle C.uintptr_t // c as a number, which cgo does not check at each call
	frames []Frame
	ready  *C.uint32_t
	room   int
}

// NewSender makes one that has up to burst frames of a mempool at hand, 1 to MaxBurst. The port must have been opened.
func NewSender(q Queue, burst int, pool *Mempool, socket int) (*Sender, error) {
	if burst < 1 || burst > MaxBurst {
		return nil, fmt.Errorf("make a sender: burst %d is not between 1 and %d", burst, MaxBurst)
	}
	if rc := C.ld_queue_check(C.uint16_t(q.Port), C.uint16_t(q.Queue), 1); rc != 0 {
		return nil, &Error{Op: fmt.Sprintf("make a sender: tx queue %d of port %d", q.Queue, q.Port), Code: syscall.Errno(-rc)}
	}
	c := C.ld_sender_new(C.uint16_t(q.Port), C.uint16_t(q.Queue), C.uint16_t(burst), pool.c, C.int(socket))
	if c == nil {
		return nil, &Error{Op: "make a sender", Code: syscall.ENOMEM, Mend: memoryMend}
	}
	return newSender(c), nil
}

// Frames are those at hand, to be written through Room and given a Len; what they hold before is undefined. Fewer than a
// burst, or none, while the mempool is empty. Valid until the next Send.
func (s *Sender) Frames() []Frame { return s.frames[:*s.ready] }

// Send transmits the first n frames, whose Len is at most the length of their Room, and returns how many the queue took.
// The others are the first of Frames then, as written; new ones follow them. It neither allocates nor blocks.
func (s *Sender) Send(n int) int { return int(C.ld_send(s.handle, C.uint32_t(n))) }

// Close frees the frames at hand, and the sender.
func (s *Sender) Close() {
	C.ld_sender_free(s.c)
	*s = Sender{}
}
