package memory

import (
	"fmt"
	"unsafe"
)

// Area is a stretch of memory that is given out from its beginning on. Nil stands for Go's heap, where tests want it: the race
// detector sees nothing elsewhere. One goroutine.
type Area struct {
	mem  []byte
	used int
}

// line is what all that is given out is aligned to, in bytes: two cache lines, which today's processors load together.
const line = 128

// Over is an area over all of mem, which must be aligned to 128 bytes.
func Over(mem []byte) *Area {
	if uintptr(unsafe.Pointer(unsafe.SliceData(mem)))%line != 0 {
		panic("memory: an area that is not aligned to two cache lines")
	}
	return &Area{mem: mem}
}

// Used is how many bytes were given out, and what aligning them took.
func (a *Area) Used() int { return a.used }

// Reset gives out everything anew. Nothing may use what was given out before.
func (a *Area) Reset() { a.used = 0 }

// take gives bytes out. That an area is too small is its maker's error.
func (a *Area) take(size int) unsafe.Pointer {
	at := (a.used + line - 1) &^ (line - 1)
	if size > len(a.mem)-at {
		panic(fmt.Sprintf("memory: %d bytes wanted of an area of %d, with %d in use", size, len(a.mem), at))
	}
	a.used = at + size
	return unsafe.Pointer(unsafe.SliceData(a.mem[at:]))
}

// New is a T in a. What it holds is what the memory held: zeros, if nobody has used it before.
func New[T any](a *Area) *T {
	if a == nil {
		return new(T)
	}
	var t T
	return (*T)(a.take(int(unsafe.Sizeof(t))))
}

// Make is n of T in a, as New.
func Make[T any](a *Area, n int) []T {
	if a == nil {
		return make([]T, n)
	}
	var t T
	if n == 0 || unsafe.Sizeof(t) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(a.take(n*int(unsafe.Sizeof(t)))), n)
}

// Copy is a copy of all in a; nil stays nil.
func Copy[T any](a *Area, all []T) []T {
	if all == nil {
		return nil
	}
	out := Make[T](a, len(all))
	copy(out, all)
	return out
}
