package forward

import (
	"unsafe"

	"linedirector/lcore/packet"
)

// Verdict is what becomes of a frame.
type Verdict uint8

const (
	Drop Verdict = iota // free it
	Send                // transmit on port Out
	Hand                // pass to worker Out, which owns the flow
	Punt                // pass to the kernel's tap of the port it came in on, in the queue of kind Out
)

// Flags of a frame.
const (
	FlagHash      = 1   // Hash is valid
	FlagHanded    = 2   // another worker handed it over
	FlagSegmented = 4   // longer than one mbuf
	FlagResized   = 128 // the packet path changed Len
)

// Frame is what Go sees of one mbuf: 32 bytes of C memory, laid out as the exchange fills them (package lcore
// asserts that both agree).
type Frame struct {
	Data    unsafe.Pointer // first byte of the Ethernet header; the buffer has packet.AnswerRoom bytes or more
	Mbuf    uintptr
	Len     uint16
	Port    uint16 // it came in on
	Hash    uint32 // of RSS, if FlagHash; of a frame that was handed over, who did so and its ticket
	Flags   uint8
	Verdict Verdict
	Out     uint16
	_       uint32
}

// Bytes is the frame, and no more.
func (f *Frame) Bytes() []byte {
	return (*[1 << 16]byte)(f.Data)[:f.Len:f.Len]
}

// head is the frame's beginning, to be read at fixed places: the buffer has packet.AnswerRoom bytes whatever Len is.
func (f *Frame) head() *packet.Head { return (*packet.Head)(f.Data) }

// room is the frame with room to grow into the answer to it.
func (f *Frame) room() []byte {
	return (*[1 << 16]byte)(f.Data)[:f.Len:max(f.Len, packet.AnswerRoom)]
}

// SetBytes points the frame at b, whose capacity must be at least packet.AnswerRoom. For tests and generators.
func (f *Frame) SetBytes(b []byte) {
	f.Data, f.Len = unsafe.Pointer(unsafe.SliceData(b)), uint16(len(b))
}
