package packet

import "encoding/binary"

// Side is the endpoint of a packet that a rewrite replaces.
type Side uint8

const (
	Source Side = iota
	Destination
)

// ttlStep is what the header's sum gains when the time to live falls by one: its word falls by 0x0100.
const (
	ttlStep        = ^uint16(0x0100)
	ttlStepSwapped = ttlStep&0xff<<8 | ttlStep>>8
)

// Link is the Ethernet header's first 12 bytes, destination and source address, as two little-endian words.
type Link struct {
	Low  uint64 // bytes 0 to 7
	High uint32 // bytes 8 to 11
}

// Rewrite replaces one endpoint of a frame that Parse took for KindFlow, changes the checksums by the given
// differences (a wrong one stays wrong), lowers the time to live, which must not be 0, and sets the link
// addresses. UDP's checksum 0 stays 0, a computed 0 becomes 0xffff (RFC 768). Nothing branches on the side: that of
// the next packet cannot be guessed.
func Rewrite(frame []byte, m *Meta, side Side, addr uint32, port, l3Diff, l4Diff uint16, link *Link) {
	h := (*network)(frame)
	h.link(link.Low, link.High)
	h.rewrite(side, addr, l3Diff)
	if m.Protocol == ProtocolTCP {
		(*TCP)(frame[m.L4:]).rewrite(side, port, l4Diff)
	} else {
		(*UDP)(frame[m.L4:]).rewrite(side, port, l4Diff)
	}
}

// SetPort replaces the port of the other side of a frame that Rewrite has rewritten. Checksums stay: Rewrite's difference
// counts this port, too.
func SetPort(frame []byte, m *Meta, side Side, port uint16) {
	binary.BigEndian.PutUint16(frame[int(m.L4)+2*int(side&1):], port)
}

// network is a frame's headers up to the transport's, or to IPv4's options.
type network [EthernetLen + IPv4Len]byte

func (h *network) link(low uint64, high uint32) {
	binary.LittleEndian.PutUint64(h[0:8], low)
	binary.LittleEndian.PutUint32(h[8:12], high)
}

func (h *network) rewrite(side Side, addr uint32, diff uint16) {
	ttl := binary.BigEndian.Uint32(h[22:26]) // and protocol and checksum, in one load and one store
	sum := ^Fold(^ttl&0xffff + uint32(diff) + uint32(ttlStep))
	binary.BigEndian.PutUint32(h[22:26], ttl&0xffff0000-1<<24|uint32(sum))
	binary.BigEndian.PutUint32(h[26+4*uint(side&1):], addr)
}

func (h *TCP) rewrite(side Side, port, diff uint16) {
	binary.BigEndian.PutUint16(h[2*uint(side&1):], port)
	binary.BigEndian.PutUint16(h[16:18], apply(binary.BigEndian.Uint16(h[16:18]), diff))
}

func (h *UDP) rewrite(side Side, port, diff uint16) {
	binary.BigEndian.PutUint16(h[2*uint(side&1):], port)
	if sum := binary.BigEndian.Uint16(h[6:8]); sum != 0 {
		if sum = apply(sum, diff); sum == 0 {
			sum = 0xffff
		}
		binary.BigEndian.PutUint16(h[6:8], sum)
	}
}

// Route sets the link addresses of an IPv4 frame and lowers its time to live, which must not be 0: all that a
// router does.
func Route(frame []byte, link Link) {
	h := (*network)(frame)
	h.link(link.Low, link.High)
	h[22]--
	binary.BigEndian.PutUint16(h[24:26], apply(binary.BigEndian.Uint16(h[24:26]), ttlStep))
}
