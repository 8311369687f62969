package packet

import "encoding/binary"

// Fold turns a sum of 16-bit words into one in ones' complement (RFC 1071 §2).
func Fold(sum uint32) uint16 {
	sum = sum&0xffff + sum>>16
	return uint16(sum + sum>>16)
}

// Sum adds data's 16-bit words to an earlier, folded sum (RFC 1071); an odd last byte counts as a word's
// first. The checksum that stands in a header is its complement.
func Sum(data []byte, initial uint16) uint16 {
	sum := uint64(initial)
	for len(data) >= 4 {
		sum += uint64(binary.BigEndian.Uint32(data))
		data = data[4:]
	}
	if len(data) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(data))
		data = data[2:]
	}
	if len(data) > 0 {
		sum += uint64(data[0]) << 8
	}
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	return Fold(uint32(sum>>16) + uint32(sum&0xffff))
}

// pseudo is the sum of the pseudo-header that TCP's and UDP's checksums cover (RFC 9293 §3.1).
func pseudo(src, dst uint32, protocol uint8, length int) uint16 {
	return Fold(src>>16 + src&0xffff + dst>>16 + dst&0xffff + uint32(protocol) + uint32(length))
}

// AddressDiff is what a header's sum gains when the address from becomes to (RFC 1624 §3: ~m + m').
func AddressDiff(from, to uint32) uint16 {
	return Fold(^from>>16 + ^from&0xffff + to>>16 + to&0xffff)
}

// PortDiff adds to a difference what TCP's and UDP's sum gain when the port from becomes to.
func PortDiff(diff, from, to uint16) uint16 {
	return Fold(uint32(diff) + uint32(^from) + uint32(to))
}

// apply gives the checksum that stands for a sum changed by diff (RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m')).
func apply(checksum, diff uint16) uint16 {
	sum := uint32(^checksum) + uint32(diff)
	return ^uint16(sum + sum>>16) // of two words, once is enough
}
