package dpdk

/*
#include "shim.h"
*/
import "C"

import "unsafe"

// newSender looks at C's memory once, so that Frames costs no crossing.
func newSender(c *C.struct_ld_sender) *Sender {
	return &Sender{
		c:      c,
		handle: C.uintptr_t(uintptr(unsafe.Pointer(c))),
		frames: unsafe.Slice((*Frame)(unsafe.Pointer(C.ld_sender_frames(c))), MaxBurst),
		ready:  C.ld_sender_ready(c),
		room:   int(C.ld_sender_room(c)),
	}
}

// Room is all the bytes that a frame of Frames can have, whatever its Len. Valid until the next Send.
func (s *Sender) Room(f *Frame) []byte { return unsafe.Slice((*byte)(f.Data), s.room) }
