package packet

import "encoding/binary"

// Protocol numbers of the Internet header.
const (
	ProtocolICMP = 1
	ProtocolTCP  = 6
	ProtocolUDP  = 17
	ProtocolVRRP = 112
)

// IPv4Len is the length of an Internet header without options.
const IPv4Len = 20

// IPv4 is a view of the fixed 20 bytes of an IPv4 header (RFC 791 §3.1); options follow it.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-------+---------------+-------------------------------+
//	|Version|  IHL  |Type of service|          Total length         |
//	+-------+-------+---------------+-----+-------------------------+
//	|         Identification        |Flags|      Fragment offset    |
//	+---------------+---------------+-----+-------------------------+
//	|  Time to live |    Protocol   |         Header checksum       |
//	+---------------+---------------+-------------------------------+
//	|                         Source address                        |
//	+---------------------------------------------------------------+
//	|                      Destination address                      |
//	+---------------------------------------------------------------+
type IPv4 [IPv4Len]byte

// fragmentMask covers the more-fragments flag and the offset.
const fragmentMask = 0x3fff

// HeaderLen is the header's length with options, in bytes.
func (h *IPv4) HeaderLen() int { return int(h[0]&0x0f) * 4 }

// TotalLen is the datagram's length in bytes.
func (h *IPv4) TotalLen() int { return int(binary.BigEndian.Uint16(h[2:4])) }

// Fragment tells whether the datagram is a piece of a larger one.
func (h *IPv4) Fragment() bool { return binary.BigEndian.Uint16(h[6:8])&fragmentMask != 0 }

// TTL is the time to live.
func (h *IPv4) TTL() uint8 { return h[8] }

// Protocol is the protocol of the payload.
func (h *IPv4) Protocol() uint8 { return h[9] }

// Src is the source address in host byte order.
func (h *IPv4) Src() uint32 { return binary.BigEndian.Uint32(h[12:16]) }

// Dst is the destination address in host byte order.
func (h *IPv4) Dst() uint32 { return binary.BigEndian.Uint32(h[16:20]) }

// Unicast tells whether an address can be one host's beyond its own link: not of network 0, loopback, multicast,
// class E or broadcast (RFC 1812 §5.3.7).
func Unicast(address uint32) bool {
	top := address >> 24
	return top != 0 && top != 127 && top < 224
}

// set writes a whole header without options, checksum included.
func (h *IPv4) set(total int, ttl, protocol uint8, src, dst uint32) {
	*h = IPv4{0: 0x45, 6: 0x40, 8: ttl, 9: protocol} // don't fragment: the identification may stay 0 (RFC 6864)
	binary.BigEndian.PutUint16(h[2:4], uint16(total))
	binary.BigEndian.PutUint32(h[12:16], src)
	binary.BigEndian.PutUint32(h[16:20], dst)
	binary.BigEndian.PutUint16(h[10:12], ^Sum(h[:], 0))
}
