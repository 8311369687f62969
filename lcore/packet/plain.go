package packet

import (
	"encoding/binary"
	"math/bits"
)

// Head is the beginning of a frame's buffer: all that the packet path reads and writes of a plain frame, which is
// nearly every one: TCP or UDP in an Ethernet frame, whole, whose IPv4 header has no options. Its fields stand at
// fixed places. A buffer has AnswerRoom bytes, so a Head may be read whatever the frame's length; only what lies
// within the frame means anything.
type Head [PlainLen + TCPLen]byte

// PlainLen is where the transport header of a plain frame begins.
const PlainLen = EthernetLen + IPv4Len

// The first bytes of a plain frame at its EtherType, little-endian: IPv4, version 4, five words.
const (
	plain     = 0x45<<16 | EtherTypeIPv4>>8 | EtherTypeIPv4&0xff<<8
	plainMask = 0xffffff
)

// DstMAC is the frame's destination.
func (h *Head) DstMAC() MAC { return MAC(binary.LittleEndian.Uint64(h[0:8])) & macMask }

// payload is the length of the datagram behind a header without options, and whether the header is one of a whole
// datagram.
func (h *Head) payload() (int, bool) {
	whole := binary.LittleEndian.Uint32(h[12:16])&plainMask == plain && binary.LittleEndian.Uint16(h[20:22])&(fragmentMask>>8|fragmentMask&0xff<<8) == 0
	return int(binary.BigEndian.Uint16(h[16:18])) - IPv4Len, whole
}

// Plain reads a plain frame of this length into m. It returns false, with m undefined, for what Parse must look at.
func (h *Head) Plain(length uint16, m *Meta) bool {
	payload, whole := h.payload()
	if !whole || payload > int(length)-PlainLen {
		return false
	}
	flags := uint8(0)
	switch h[23] {
	case ProtocolTCP:
		if header := int(h[PlainLen+12] >> 4 * 4); header < TCPLen || header > payload {
			return false
		}
		flags = h[PlainLen+13]
	case ProtocolUDP:
		if n := int(binary.BigEndian.Uint16(h[PlainLen+4 : PlainLen+6])); n < UDPLen || n > payload {
			return false
		}
	default:
		return false
	}
	m.Protocol, m.TCPFlags, m.TTL, m.L4, m.Kind = h[23], flags, h[22], PlainLen, KindFlow
	addresses := bits.RotateLeft64(binary.BigEndian.Uint64(h[26:34]), 32) // one load and one store for both
	m.Src, m.Dst = uint32(addresses), uint32(addresses>>32)
	ports := bits.RotateLeft32(binary.BigEndian.Uint32(h[34:38]), 16)
	m.SrcPort, m.DstPort = uint16(ports), uint16(ports>>16)
	return true
}

// Rewrite is what the function of that name does, for a frame that Plain took.
func (h *Head) Rewrite(protocol uint8, side Side, addr uint32, port, l3Diff, l4Diff uint16, low uint64, high uint32) {
	n := (*network)(h[:])
	n.link(low, high)
	n.rewrite(side, addr, l3Diff)
	if protocol == ProtocolTCP {
		(*TCP)(h[PlainLen:]).rewrite(side, port, l4Diff)
	} else {
		(*UDP)(h[PlainLen:]).rewrite(side, port, l4Diff)
	}
}
