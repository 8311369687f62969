package flowtable

import "unsafe"

// Matches tells whether a packet with key k is of this flow, going the way d; of a translated one ask Shows. The
// direction of the next packet cannot be guessed, so it is not branched on: it says where in the record the key's two
// neighbours begin.
//
// Both neighbours are compared as one word, addresses and ports alike.
func (r *Record) Matches(k *Key, d Direction) bool {
	i := uintptr(d&1) ^ 1
	addrs := *(*uint64)(unsafe.Add(unsafe.Pointer(&r.Real), 4*i)) ^ *(*uint64)(unsafe.Pointer(&k.Src))
	ports := *(*uint32)(unsafe.Add(unsafe.Pointer(&r.RealPort), 2*i)) ^ *(*uint32)(unsafe.Pointer(&k.SrcPort))
	return addrs|uint64(ports)|uint64(r.Protocol^k.Protocol) == 0
}

// Stays tells whether a packet with key k is of this flow, going the way d, and the flow is in that phase and one whose
// packets have just one endpoint replaced: not both, as those of a translated one. All of it is one comparison.
func (r *Record) Stays(k *Key, d Direction, phase Phase) bool {
	i := uintptr(d&1) ^ 1
	addrs := *(*uint64)(unsafe.Add(unsafe.Pointer(&r.Real), 4*i)) ^ *(*uint64)(unsafe.Pointer(&k.Src))
	ports := *(*uint32)(unsafe.Add(unsafe.Pointer(&r.RealPort), 2*i)) ^ *(*uint32)(unsafe.Pointer(&k.SrcPort))
	return addrs|uint64(ports)|uint64(r.Protocol^k.Protocol|uint8(r.Phase^phase)|r.Flags&(Watched|Translated)) == 0
}

// Target is what a packet going the way d is given in place of the virtual's or the real's endpoint, and what its
// checksums gain by it.
func (r *Record) Target(d Direction) (addr uint32, port, l3Diff, l4Diff uint16) {
	addrs := (*[3]uint32)(unsafe.Pointer(&r.Real))
	ports := (*[3]uint16)(unsafe.Pointer(&r.RealPort))
	i, flip := 2*(d&1), -uint16(d&1)
	return addrs[i], ports[i], r.L3Diff ^ flip, r.L4Diff ^ flip
}

// NextHop is the slot of the next hop of a packet going the way d.
func (r *Record) NextHop(d Direction) uint16 {
	return (*[2]uint16)(unsafe.Pointer(&r.ToReal))[d&1]
}

// The neighbours that these index: these do not compile if a field between them moves.
var (
	_ [4]byte = [unsafe.Offsetof(Record{}.Client) - unsafe.Offsetof(Record{}.Real)]byte{}
	_ [4]byte = [unsafe.Offsetof(Record{}.Virtual) - unsafe.Offsetof(Record{}.Client)]byte{}
	_ [2]byte = [unsafe.Offsetof(Record{}.ClientPort) - unsafe.Offsetof(Record{}.RealPort)]byte{}
	_ [2]byte = [unsafe.Offsetof(Record{}.VirtualPort) - unsafe.Offsetof(Record{}.ClientPort)]byte{}
	_ [4]byte = [unsafe.Offsetof(Key{}.Dst) - unsafe.Offsetof(Key{}.Src)]byte{}
	_ [2]byte = [unsafe.Offsetof(Key{}.DstPort) - unsafe.Offsetof(Key{}.SrcPort)]byte{}
	_ [2]byte = [unsafe.Offsetof(Record{}.ToClient) - unsafe.Offsetof(Record{}.ToReal)]byte{}
)
