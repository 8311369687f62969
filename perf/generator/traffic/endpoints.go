package traffic

import (
	"encoding/binary"
	"net/netip"
)

// firstPort is the lowest that clients use; they use all above it.
const firstPort = 1024

// endpoints numbers the clients' endpoints: all addresses with the lowest port first, then with the next.
type endpoints struct {
	first     uint32 // address
	addresses uint32
}

// newEndpoints takes the host addresses of a prefix.
func newEndpoints(p netip.Prefix) endpoints {
	first, n := word(p.Masked().Addr()), uint32(1)<<min(32-p.Bits(), 31)
	if n > 2 { // without network and broadcast address
		return endpoints{first + 1, n - 2}
	}
	return endpoints{first, n}
}

// word is an IPv4 address in host byte order.
func word(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// space is how many there are, as many as 32 bits count.
func (e endpoints) space() uint64 { return min(uint64(e.addresses)*(1<<16-firstPort), 1<<32-1) }

// at is the endpoint of a number below space.
func (e endpoints) at(number uint32) (address uint32, port uint16) {
	return e.first + number%e.addresses, uint16(firstPort + number/e.addresses)
}

// number is the number of an endpoint, if it has one.
func (e endpoints) number(address uint32, port uint16) (uint32, bool) {
	offset := address - e.first
	if offset >= e.addresses || port < firstPort {
		return 0, false
	}
	n := uint64(port-firstPort)*uint64(e.addresses) + uint64(offset)
	return uint32(n), n < e.space()
}
