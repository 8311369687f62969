package memory

import "unsafe"

func aligned(size int) []byte {
	mem := make([]byte, size+line)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))) & (line - 1)
	return mem[skip:][:size]
}
