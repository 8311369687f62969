package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
)

// Bell wakes the control core when a worker has punted frames: an eventfd that is written to only while it is armed.
// Control arms it, looks at the rings once more, and sleeps on FD only if they are empty.
type Bell struct{ c *C.struct_ld_bell }

// NewBell makes an eventfd (non-blocking, close-on-exec).
func NewBell() (*Bell, error) {
	b := C.ld_bell_new()
	if b == nil {
		return nil, errors.New("make an eventfd: too many open files or no memory: raise ulimit -n")
	}
	return &Bell{b}, nil
}

// FD is the eventfd, readable once the bell has rung. The bell owns it.
func (b *Bell) FD() int { return int(b.c.fd) }

// Arm asks for a ring at the next punt. The caller looks at its rings after it, before it sleeps.
func (b *Bell) Arm() { C.ld_bell_arm(b.c) }

// Disarm takes that back and silences a bell that has rung.
func (b *Bell) Disarm() { C.ld_bell_disarm(b.c) }

// Close closes the eventfd. No exchange may use the bell any more.
func (b *Bell) Close() {
	C.ld_bell_free(b.c)
	b.c = nil
}
