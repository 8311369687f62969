package ruleset

import "math/bits"

// endpoint is what lives at an address: a virtual's or a real's (address, port, protocol, class of clients), or, with
// port and protocol 0, an address of the director itself. Port 0 of a virtual or real is every port.
type endpoint struct {
	address  uint32
	port     uint16
	protocol uint8
	kind     kind
	class    uint16 // 0 but of aVirtual
	slot     uint16
}

// key is all of an endpoint but its class, as one number; never 0.
func key(address uint32, port uint16, protocol uint8, kind kind) uint64 {
	return uint64(address)<<32 | uint64(port)<<16 | uint64(protocol)<<8 | uint64(kind)
}

type kind uint8

const (
	nobody   kind = iota
	aVirtual      // takes new connections
	draining      // a virtual that was removed, of whatever class
	classed       // a virtual of a class, for whoever has no virtual there
	aReal
	local // slot own or virtuals
)

// The slots of an address that is the director's.
const (
	own      = 1 + iota // a port's
	virtuals            // virtuals' alone
)

// endpoints is an open-addressed hash table, at most half full. Its keys are the operator's, not the traffic's,
// so its hash needs no secret.
type endpoints struct {
	table []entry
	mask  uint32
}

// entry is an endpoint in the table; key 0 is an empty place.
type entry struct {
	key         uint64
	class, slot uint16
}

func newEndpoints(n int) endpoints {
	size := 8
	for size < 2*n {
		size *= 2
	}
	return endpoints{make([]entry, size), uint32(size - 1)}
}

func place(key uint64, class uint16) uint32 {
	hi, lo := bits.Mul64(key^uint64(class)<<44, 0x9E3779B97F4A7C15)
	return uint32(hi) ^ uint32(lo>>32)
}

// put enters e unless its key is there already.
func (t *endpoints) put(e endpoint) {
	k := key(e.address, e.port, e.protocol, e.kind)
	for i := place(k, e.class); ; i++ {
		switch at := &t.table[i&t.mask]; {
		case at.key == 0:
			*at = entry{k, e.class, e.slot}
			return
		case at.key == k && at.class == e.class:
			return
		}
	}
}

// find is the slot of a key and class, 0 if they are not there.
func (t *endpoints) find(key uint64, class uint16) uint16 {
	for i := place(key, class); ; i++ {
		e := &t.table[i&t.mask]
		if e.key == key && e.class == class || e.key == 0 {
			return e.slot
		}
	}
}
