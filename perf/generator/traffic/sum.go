package traffic

import (
	"encoding/binary"
	"math/bits"

	"linedirector/lcore/packet"
)

// Sums here are in ones' complement (RFC 1071), in 64 bits until they are folded.

// sum adds up bytes as 16-bit words; an odd last byte is a word's first. It loads in the machine's order, since the sum of
// swapped words is the sum swapped (RFC 1071 §2), and many bytes at a time.
func sum(b []byte) uint64 {
	var total, carry uint64
	for len(b) >= 32 {
		total, carry = bits.Add64(total, binary.LittleEndian.Uint64(b[0:8]), 0)
		total, carry = bits.Add64(total, binary.LittleEndian.Uint64(b[8:16]), carry)
		total, carry = bits.Add64(total, binary.LittleEndian.Uint64(b[16:24]), carry)
		total, carry = bits.Add64(total, binary.LittleEndian.Uint64(b[24:32]), carry)
		total += carry // which does not overflow again
		b = b[32:]
	}
	for len(b) >= 4 {
		total, carry = bits.Add64(total, uint64(binary.LittleEndian.Uint32(b)), 0)
		total += carry
		b = b[4:]
	}
	var rest [4]byte
	copy(rest[:], b)
	total, carry = bits.Add64(total, uint64(binary.LittleEndian.Uint32(rest[:])), 0)
	return uint64(bits.ReverseBytes16(fold(total + carry)))
}

// fold makes 16 bits of a sum of fewer than 2^16 sums or words of 32 bits.
func fold(total uint64) uint16 {
	total = total>>32 + total&0xffffffff
	total = total>>32 + total&0xffffffff
	return packet.Fold(uint32(total>>16 + total&0xffff))
}

// halves is the sum of a word of 64 bits.
func halves(word uint64) uint64 { return word>>32 + word&0xffffffff }

// right tells whether the checksums of a TCP or UDP frame that passed Parse are.
func right(frame []byte, m *packet.Meta) bool {
	l4 := int(m.L4)
	end := packet.EthernetLen + int(binary.BigEndian.Uint16(frame[16:18]))
	if fold(sum(frame[packet.EthernetLen:l4])) != 0xffff {
		return false
	}
	if m.Protocol == packet.ProtocolUDP {
		end = l4 + (*packet.UDP)(frame[l4:]).Len()
		if binary.BigEndian.Uint16(frame[l4+6:]) == 0 {
			return true // none
		}
	}
	return fold(sum(frame[l4:end])+uint64(m.Src)+uint64(m.Dst)+uint64(m.Protocol)+uint64(end-l4)) == 0xffff
}
