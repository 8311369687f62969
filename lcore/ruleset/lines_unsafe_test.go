package ruleset

import "unsafe"

// lines is zeroed memory aligned to two cache lines.
func lines(size int) []byte {
	mem := make([]byte, size+128)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))) & 127
	return mem[skip:][:size]
}
