package kernel

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ifreq is struct ifreq with a pointer for the kernel to read and write (linux/if.h).
type ifreq struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// ioctlEthtool hands one ethtool command to the kernel, which answers in the same bytes. They must be as
// long as the command's struct says it is. The pointer stays one that the garbage collector and a
// growing stack know, up to the system call (safchain/ethtool 0.7 keeps it in an integer, and the
// kernel then writes where the stack has been).
func ioctlEthtool(fd int, iface string, command []byte) error {
	r := ifreq{data: unsafe.Pointer(unsafe.SliceData(command))}
	copy(r.name[:unix.IFNAMSIZ-1], iface)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r)))
	runtime.KeepAlive(command)
	if errno != 0 {
		return errno
	}
	return nil
}
