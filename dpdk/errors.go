package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"strings"
	"syscall"
)

// ErrFull says that a ring has no room for another frame.
var ErrFull = errors.New("ring is full")

// ErrNoMbuf says that a mempool is empty.
var ErrNoMbuf = errors.New("mempool has no mbuf left")

// Error is a failure of DPDK in one line: what was tried, DPDK's words, what it logged meanwhile, what to do.
type Error struct {
	Op   string        // what was tried, as in "start DPDK"
	Code syscall.Errno // DPDK's error number: an errno, or one of DPDK's own above 1000
	Log  []string      // relevant lines that DPDK logged during the call, without their prefixes
	Mend string        // what the operator can do, or ""
}

// Error returns "op: words (log; log): mend".
func (e *Error) Error() string {
	s := e.Op + ": " + words(e.Code)
	if log := strings.Join(e.Log, "; "); log != "" {
		s += " (" + log + ")"
		if e.Code == syscall.EPERM { // it is -1, which many drivers return for whatever they logged
			s = e.Op + ": " + log
		}
	}
	if e.Mend != "" {
		s += ": " + e.Mend
	}
	return s
}

// Unwrap lets errors.Is compare with an errno such as syscall.ENODEV.
func (e *Error) Unwrap() error { return e.Code }

// words is rte_strerror: the C library's text, or DPDK's for its own numbers.
func words(code syscall.Errno) string {
	return C.GoString(C.ld_strerror(C.int(code)))
}

// attempt runs a call that returns 0 or a negative errno, and makes an Error of the latter with what DPDK logged meanwhile.
func attempt(op, mend string, call func() C.int) error {
	mark := logMark()
	if rc := call(); rc < 0 {
		return &Error{Op: op, Code: syscall.Errno(-rc), Log: logSince(mark, maxLogWords), Mend: mend}
	}
	return nil
}

// outcome is the result of a C call that returns NULL with the errno in rte_errno.
func outcome(ok bool) C.int {
	if ok {
		return 0
	}
	if code := C.ld_errno(); code > 0 {
		return -code
	}
	return -C.int(syscall.ENOMEM)
}
