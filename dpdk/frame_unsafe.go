package dpdk

/*
#include "shim.h"
*/
import "C"

import "unsafe"

// Frame is what Go sees of one mbuf; 32 bytes of C memory. Numbers are in host byte order.
type Frame struct {
	Data    unsafe.Pointer // first byte of the Ethernet header
	Mbuf    uintptr        // not for Go to touch
	Len     uint16         // contiguous bytes at Data
	Port    uint16         // port it came in on
	Hash    uint32         // RSS hash, if FlagHash; of one that was handed over, what was left here for its owner
	Flags   uint8          // Flag…
	Verdict uint8          // what becomes of it; preset to Drop
	Out     uint16         // Send: egress PortID; Hand: worker; Punt: kind
	_       uint32
}

// Flags of a Frame. The exchange sets the first three; the worker FlagResized.
const (
	FlagHash      = C.LD_HASH      // Hash is valid
	FlagHanded    = C.LD_HANDED    // came from another worker's ring
	FlagSegmented = C.LD_SEGMENTED // there is more of it than Len, in further mbufs
	FlagResized   = C.LD_RESIZED   // Len was changed: the next exchange sets the mbuf's length from it
)

// Verdicts of a Frame: what the next exchange does with it.
const (
	Drop = C.LD_DROP // free it
	Send = C.LD_SEND // transmit it on port Out
	Hand = C.LD_HAND // pass it to worker Out, as received
	Punt = C.LD_PUNT // pass it to control on the ring of kind Out
)

// Both sides have one layout: a difference makes an array of negative or excess length.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(Frame{})-unsafe.Sizeof(C.struct_ld_frame{})]
	_ = [1]struct{}{}[unsafe.Offsetof(Frame{}.Mbuf)-unsafe.Offsetof(C.struct_ld_frame{}.mbuf)]
	_ = [1]struct{}{}[unsafe.Offsetof(Frame{}.Len)-unsafe.Offsetof(C.struct_ld_frame{}.len)]
	_ = [1]struct{}{}[unsafe.Offsetof(Frame{}.Port)-unsafe.Offsetof(C.struct_ld_frame{}.port)]
	_ = [1]struct{}{}[unsafe.Offsetof(Frame{}.Hash)-unsafe.Offsetof(C.struct_ld_frame{}.hash)]
	_ = [1]struct{}{}[unsafe.Offsetof(Frame{}.Flags)-unsafe.Offsetof(C.struct_ld_frame{}.flags)]
	_ = [1]struct{}{}[unsafe.Offsetof(Frame{}.Verdict)-unsafe.Offsetof(C.struct_ld_frame{}.verdict)]
	_ = [1]struct{}{}[unsafe.Offsetof(Frame{}.Out)-unsafe.Offsetof(C.struct_ld_frame{}.out)]
)

// Bytes is the frame's contiguous bytes, valid until the next exchange.
func (f *Frame) Bytes() []byte { return unsafe.Slice((*byte)(f.Data), f.Len) }
