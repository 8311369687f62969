package ruleset

import "math/bits"

// endpoint is what lives at an address: a virtual's or a real's (address, port, protocol), or, with port and
// protocol 0, an address of the director itself.
type endpoint struct {
	address  uint32
	port     uint16
	protocol uint8
	kind     kind
	slot     uint16
	_        uint16
}

type kind uint8

const (
	nobody kind = iota
	aVirtual
	aReal
	local
)

// endpoints is an open-addressed hash table, at most half full. Its keys are the operator's, not the traffic's,
// so its hash needs no secret.
type endpoints struct {
	table []endpoint
	mask  uint32
}

func newEndpoints(n int) endpoints {
	size := 8
	for size < 2*n {
		size *= 2
	}
	return endpoints{make([]endpoint, size), uint32(size - 1)}
}

func place(address uint32, port uint16, protocol uint8) uint32 {
	hi, lo := bits.Mul64(uint64(address)<<24^uint64(port)<<8^uint64(protocol), 0x9E3779B97F4A7C15)
	return uint32(hi) ^ uint32(lo>>32)
}

// put enters e unless its key is there already.
func (t *endpoints) put(e endpoint) {
	for i := place(e.address, e.port, e.protocol); ; i++ {
		switch at := &t.table[i&t.mask]; {
		case at.kind == nobody:
			*at = e
			return
		case at.address == e.address && at.port == e.port && at.protocol == e.protocol && at.kind == e.kind:
			return
		}
	}
}

func (t *endpoints) find(address uint32, port uint16, protocol uint8, want kind) uint16 {
	for i := place(address, port, protocol); ; i++ {
		e := &t.table[i&t.mask]
		if e.kind == nobody {
			return 0
		}
		if e.address == address && e.port == port && e.protocol == protocol && e.kind == want {
			return e.slot
		}
	}
}

// FindVirtual is the slot of the virtual at an endpoint, 0 if there is none.
func (s *Snapshot) FindVirtual(address uint32, port uint16, protocol uint8) uint16 {
	return s.endpoints.find(address, port, protocol, aVirtual)
}

// FindReal is the slot of a real that serves this protocol at an endpoint, 0 if there is none.
func (s *Snapshot) FindReal(address uint32, port uint16, protocol uint8) uint16 {
	if slot := s.endpoints.find(address, port, protocol, aReal); slot != 0 {
		return slot
	}
	return s.endpoints.find(address, 0, protocol, aReal)
}

// Local tells whether an address is the director's own: a port's or a virtual's.
func (s *Snapshot) Local(address uint32) bool {
	return s.endpoints.find(address, 0, 0, local) != 0
}
