package dpdk

/*
#include <stdlib.h>
*/
import "C"

import "unsafe"

// withCString calls f with a C copy of s that lives as long as the call.
func withCString(s string, f func(*C.char)) {
	c := C.CString(s)
	defer C.free(unsafe.Pointer(c))
	f(c)
}

// argv is a C copy of args with the terminating NULL. It is never freed: EAL keeps pointers into it.
func argv(args []string) **C.char {
	mem := (**C.char)(C.calloc(C.size_t(len(args)+1), C.size_t(unsafe.Sizeof((*C.char)(nil)))))
	for i, arg := range args {
		unsafe.Slice(mem, len(args))[i] = C.CString(arg)
	}
	return mem
}
