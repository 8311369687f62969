package health

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// An echo request or reply is the same for IPv4 (RFC 792) and IPv6 (RFC 4443 §4):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------+---------------+-------------------------------+
//	|     type      |   code = 0    |           checksum            |
//	+---------------+---------------+-------------------------------+
//	|              id               |        sequence number        |
//	+---------------+---------------+-------------------------------+
//	|                       cookie, 8 bytes                         |
//	+---------------------------------------------------------------+
//
// An error holds, in place of id and sequence number, four bytes of no interest, then the packet it is about: its IP
// header, and at least the eight bytes behind.
const (
	echoReply4, echoRequest4    = 0, 8
	echoReply6, echoRequest6    = 129, 128
	unreachable4, timeExceeded4 = 3, 11
	unreachable6, timeExceeded6 = 1, 3

	icmpHeader = 8
	echoSize   = icmpHeader + 8
	ip4Header  = 20
	ip6Header  = 40
)

// putEcho writes a request to b. The kernel fills in ICMPv6's checksum.
func putEcho(b []byte, v6 bool, key uint32, cookie uint64) []byte {
	b = b[:echoSize]
	b[0], b[1], b[2], b[3] = echoRequest4, 0, 0, 0
	if v6 {
		b[0] = echoRequest6
	}
	binary.BigEndian.PutUint32(b[4:], key)
	binary.BigEndian.PutUint64(b[8:], cookie)
	if !v6 {
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	return b
}

// checksum is RFC 1071's.
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum + sum>>16)
}

// heard is what a packet says about an echo request of somebody's.
type heard struct {
	key       uint32
	real      netip.Addr // that the request went to; not known of an ICMPv6 reply
	cookie    uint64
	hasCookie bool
	cause     string // why there will be no answer; "" if this is it
}

// parseICMP reads what a raw socket receives: for IPv4 with the IP header, for IPv6 without it. It accepts anything.
func parseICMP(b []byte, v6 bool) (h heard, ok bool) {
	var source netip.Addr
	if !v6 {
		rest, from, _, ok := ip4(b)
		if !ok {
			return heard{}, false
		}
		b, source = rest, from
	}
	if len(b) < icmpHeader {
		return heard{}, false
	}
	kind, code, reply, request := b[0], b[1], byte(echoReply4), byte(echoRequest4)
	if v6 {
		reply, request = echoReply6, echoRequest6
	}
	if kind == reply {
		h.read(b)
		h.real = source
		return h, true
	}
	if h.cause = cause(kind, code, v6); h.cause == "" {
		return heard{}, false
	}
	b = b[icmpHeader:]
	if v6 {
		const nextHeader, destination, icmp = 6, 24, 58
		if len(b) < ip6Header+icmpHeader || b[nextHeader] != icmp {
			return heard{}, false
		}
		h.real = netip.AddrFrom16([16]byte(b[destination:ip6Header]))
		b = b[ip6Header:]
	} else {
		if b, _, h.real, ok = ip4(b); !ok || len(b) < icmpHeader {
			return heard{}, false
		}
		h.cause += " (says " + source.String() + ")"
	}
	if b[0] != request {
		return heard{}, false
	}
	h.read(b)
	return h, true
}

// read takes what tells one echo from another.
func (h *heard) read(b []byte) {
	h.key = binary.BigEndian.Uint32(b[4:])
	if h.hasCookie = len(b) >= echoSize; h.hasCookie {
		h.cookie = binary.BigEndian.Uint64(b[8:])
	}
}

// ip4 is an IPv4 packet's payload, source and destination, if it is an ICMP one.
func ip4(b []byte) (payload []byte, source, destination netip.Addr, ok bool) {
	if len(b) < ip4Header || b[0]>>4 != 4 || b[9] != 1 {
		return nil, source, destination, false
	}
	size := int(b[0]&15) * 4
	if size < ip4Header || len(b) < size {
		return nil, source, destination, false
	}
	return b[size:], netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), true
}

// cause puts an error message into words; "" for what is none.
func cause(kind, code byte, v6 bool) string {
	if v6 {
		switch kind {
		case unreachable6:
			return unreachable(code, "no route", "prohibited", "beyond scope", "address unreachable", "port unreachable")
		case timeExceeded6:
			return "hop limit exceeded on the way"
		}
		return ""
	}
	switch kind {
	case unreachable4:
		return unreachable(code, "net unreachable", "host unreachable", "protocol unreachable", "port unreachable",
			"fragmentation needed")
	case timeExceeded4:
		return "time to live exceeded on the way"
	}
	return ""
}

func unreachable(code byte, names ...string) string {
	if int(code) < len(names) {
		return names[code]
	}
	return "unreachable, code " + strconv.Itoa(int(code))
}
