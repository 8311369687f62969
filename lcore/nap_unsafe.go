package lcore

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func rawNanosleep(t *unix.Timespec) {
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(t)), 0, 0)
}
