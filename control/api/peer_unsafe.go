package api

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// supplementary returns the supplementary groups that the process at the other end of a Unix socket had when it connected
// (SO_PEERGROUPS, Linux 4.13).
func supplementary(fd int) ([]uint32, error) {
	gids := make([]uint32, 64)
	for {
		size := uint32(len(gids) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(unsafe.SliceData(gids))), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return gids[:size/4], nil
		case errno == unix.ERANGE && int(size) > len(gids)*4:
			gids = make([]uint32, size/4)
		default:
			return nil, errno
		}
	}
}
