package packet

import (
	"encoding/binary"
	"math/bits"
)

// Head is the beginning of a frame's buffer: all that the packet path reads and writes of a plain frame, which is
// nearly every one: TCP or UDP in an Ethernet frame, whole, whose IPv4 header has no options. Its fields stand at
// fixed places. A buffer has AnswerRoom bytes, so a Head may be read whatever the frame's length; only what lies
// within the frame means anything.
//
// Its methods are small enough for the compiler to put them into the caller's loop, which a call would slow down: what
// Parse and Rewrite do in one, they do in pieces. A frame is plain if Protocol is one of the two and that one's Fits says
// so of Payload.
type Head [PlainLen + TCPLen]byte

// PlainLen is where the transport header of a plain frame begins.
const PlainLen = EthernetLen + IPv4Len

// The first bytes of a plain frame at its EtherType, little-endian: IPv4, version 4, five words.
const (
	plain     = 0x45<<16 | EtherTypeIPv4>>8 | EtherTypeIPv4&0xff<<8
	plainMask = 0xffffff
)

// IsFor tells whether the frame's destination is this address.
func (h *Head) IsFor(dst MAC) bool { return (binary.LittleEndian.Uint64(h[0:8])^uint64(dst))<<16 == 0 }

// Payload is how many bytes follow a header without options, of a datagram that is whole and lies in a frame of this
// length. It is -1 for any other frame.
func (h *Head) Payload(length uint16) int {
	payload := int(binary.BigEndian.Uint16(h[16:18])) - IPv4Len
	other := binary.LittleEndian.Uint32(h[12:16])&plainMask ^ plain
	piece := binary.LittleEndian.Uint16(h[20:22]) & (fragmentMask>>8 | fragmentMask&0xff<<8)
	if other|uint32(piece) != 0 || payload > int(length)-PlainLen {
		return -1
	}
	return payload
}

// Protocol is the protocol of the payload.
func (h *Head) Protocol() uint8 { return h[23] }

// TCPFits tells whether a TCP header's length is one that it can have in a payload of so many bytes.
func (h *Head) TCPFits(payload int) bool {
	return int64(uint32(h[PlainLen+12]>>4*4)-TCPLen) <= int64(payload-TCPLen) // one that is too short turns out huge
}

// UDPFits is TCPFits for UDP.
func (h *Head) UDPFits(payload int) bool {
	return int64(uint32(binary.BigEndian.Uint16(h[PlainLen+4:PlainLen+6]))-UDPLen) <= int64(payload-UDPLen)
}

// TTL is the time to live.
func (h *Head) TTL() uint8 { return h[22] }

// TCPFlags are the flags of a TCP header.
func (h *Head) TCPFlags() uint8 { return h[PlainLen+13] }

// Addresses are the source's and, in the upper half, the destination's: one load for both.
func (h *Head) Addresses() uint64 { return bits.RotateLeft64(binary.BigEndian.Uint64(h[26:34]), 32) }

// Ports are the source's and, in the upper half, the destination's.
func (h *Head) Ports() uint32 { return bits.RotateLeft32(binary.BigEndian.Uint32(h[34:38]), 16) }

// Show fills m with what Parse would, from a plain frame's Addresses, Ports and so on. UDP has no flags: 0.
func (m *Meta) Show(addresses uint64, ports uint32, protocol, flags, ttl uint8) {
	m.Src, m.Dst = uint32(addresses), uint32(addresses>>32) // one store for both
	m.SrcPort, m.DstPort = uint16(ports), uint16(ports>>16)
	m.Protocol, m.TCPFlags, m.TTL, m.L4, m.Kind = protocol, flags, ttl, PlainLen, KindFlow
}

// RewriteLink is what Rewrite does to the Ethernet header of a plain frame.
func (h *Head) RewriteLink(low uint64, high uint32) { (*network)(h[:]).link(low, high) }

// RewriteIPv4 is what Rewrite does to the IPv4 header of a plain frame.
func (h *Head) RewriteIPv4(side Side, addr uint32, diff uint16) {
	h[22]--
	sum := uint32(^binary.LittleEndian.Uint16(h[24:26])) + uint32(bits.ReverseBytes16(diff)) + uint32(ttlStepSwapped)
	binary.LittleEndian.PutUint16(h[24:26], ^Fold(sum)) // the order of bytes is nothing to such a sum (RFC 1071 §2)
	binary.BigEndian.PutUint32(h[26+4*uint(side&1):], addr)
}

// RewriteTCP is what Rewrite does to the TCP header of a plain frame.
func (h *Head) RewriteTCP(side Side, port, diff uint16) {
	(*TCP)(h[PlainLen:]).rewrite(side, port, diff)
}

// RewriteUDP is what Rewrite does to the UDP header of a plain frame.
func (h *Head) RewriteUDP(side Side, port, diff uint16) {
	(*UDP)(h[PlainLen:]).rewrite(side, port, diff)
}
