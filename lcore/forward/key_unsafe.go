package forward

import (
	"unsafe"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

// keyOf is what a parsed frame shows, as the flow table looks it up: the beginning of its Meta, not copied.
func keyOf(m *packet.Meta) *flowtable.Key { return (*flowtable.Key)(unsafe.Pointer(m)) }

// A Meta begins as a Key does: these do not compile otherwise.
var (
	_ [unsafe.Offsetof(packet.Meta{}.Src)]byte                                = [unsafe.Offsetof(flowtable.Key{}.Src)]byte{}
	_ [unsafe.Offsetof(packet.Meta{}.Dst)]byte                                = [unsafe.Offsetof(flowtable.Key{}.Dst)]byte{}
	_ [unsafe.Offsetof(packet.Meta{}.SrcPort)]byte                            = [unsafe.Offsetof(flowtable.Key{}.SrcPort)]byte{}
	_ [unsafe.Offsetof(packet.Meta{}.DstPort)]byte                            = [unsafe.Offsetof(flowtable.Key{}.DstPort)]byte{}
	_ [unsafe.Offsetof(packet.Meta{}.Protocol)]byte                           = [unsafe.Offsetof(flowtable.Key{}.Protocol)]byte{}
	_ [unsafe.Sizeof(packet.Meta{}) - unsafe.Sizeof(flowtable.Key{})]struct{} // a Key must not reach beyond
)
