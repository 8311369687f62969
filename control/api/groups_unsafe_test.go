package api_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// setgroups is setgroups(2) for this thread alone; unix.Setgroups is for the whole process.
func setgroups(groups []int) error {
	gids := make([]uint32, len(groups)+1)
	for i, g := range groups {
		gids[i] = uint32(g)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&gids[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
