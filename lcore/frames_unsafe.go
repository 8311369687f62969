package lcore

import (
	"unsafe"

	"linedirector/dpdk"
	"linedirector/lcore/forward"
)

// Both packages describe the same C memory: these do not compile unless they agree.
var (
	_ [unsafe.Sizeof(dpdk.Frame{})]byte           = [unsafe.Sizeof(forward.Frame{})]byte{}
	_ [unsafe.Offsetof(dpdk.Frame{}.Len)]byte     = [unsafe.Offsetof(forward.Frame{}.Len)]byte{}
	_ [unsafe.Offsetof(dpdk.Frame{}.Port)]byte    = [unsafe.Offsetof(forward.Frame{}.Port)]byte{}
	_ [unsafe.Offsetof(dpdk.Frame{}.Hash)]byte    = [unsafe.Offsetof(forward.Frame{}.Hash)]byte{}
	_ [unsafe.Offsetof(dpdk.Frame{}.Flags)]byte   = [unsafe.Offsetof(forward.Frame{}.Flags)]byte{}
	_ [unsafe.Offsetof(dpdk.Frame{}.Verdict)]byte = [unsafe.Offsetof(forward.Frame{}.Verdict)]byte{}
	_ [unsafe.Offsetof(dpdk.Frame{}.Out)]byte     = [unsafe.Offsetof(forward.Frame{}.Out)]byte{}
	_ [dpdk.Drop]byte                             = [forward.Drop]byte{}
	_ [dpdk.Send]byte                             = [forward.Send]byte{}
	_ [dpdk.Hand]byte                             = [forward.Hand]byte{}
	_ [dpdk.Punt]byte                             = [forward.Punt]byte{}
	_ [dpdk.FlagHash]byte                         = [forward.FlagHash]byte{}
	_ [dpdk.FlagHanded]byte                       = [forward.FlagHanded]byte{}
	_ [dpdk.FlagSegmented]byte                    = [forward.FlagSegmented]byte{}
	_ [dpdk.FlagResized]byte                      = [forward.FlagResized]byte{}
	_ [forward.MaxBurst]byte                      = [dpdk.MaxBurst]byte{}
)

// framesOf are an exchange's frames as the packet path sees them.
func framesOf(frames []dpdk.Frame) []forward.Frame {
	return unsafe.Slice((*forward.Frame)(unsafe.Pointer(unsafe.SliceData(frames))), len(frames))
}
