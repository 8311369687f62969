package traffic

import (
	"encoding/binary"

	"linedirector/lcore/packet"
)

// template is a frame from a client, written once: all but endpoints, stamp, and TCP's numbers and flags.
type template struct {
	bytes  []byte
	l3, l4 uint64 // sums of what stays: the IPv4 header, and pseudo-header, transport header and data
	data   int    // where the stamp goes; 0: there is none
}

// newTemplate makes one of so many bytes; with stamp, its data is a pattern, else there is none and the frame is padded.
func newTemplate(protocol uint8, length int, stamped bool, from, to [6]byte) *template {
	t := &template{bytes: make([]byte, length), data: tcpData}
	if protocol == packet.ProtocolUDP {
		t.data = udpData
	}
	b, end := t.bytes, length
	if !stamped {
		end = t.data
		t.data = 0
	}
	copy(b[0:6], to[:])
	copy(b[6:12], from[:])
	binary.BigEndian.PutUint16(b[12:14], packet.EtherTypeIPv4)
	header(b, protocol, end)
	l4 := b[packet.PlainLen:end]
	if protocol == packet.ProtocolUDP {
		binary.BigEndian.PutUint16(l4[4:6], uint16(len(l4)))
	} else {
		l4[12] = packet.TCPLen / 4 << 4
		binary.BigEndian.PutUint16(l4[14:16], window)
	}
	if stamped {
		for i := range b[t.data+stampLen:] {
			b[t.data+stampLen+i] = byte(7*i + 1)
		}
	}
	t.l3 = sum(b[packet.EthernetLen:packet.PlainLen])
	t.l4 = uint64(protocol) + uint64(len(l4)) + sum(l4)
	return t
}

// window is the one that TCP segments name.
const window = 0xffff

// header writes an IPv4 header without addresses and checksum, for a frame that ends at end.
func header(b []byte, protocol uint8, end int) {
	h := (*[packet.IPv4Len]byte)(b[packet.EthernetLen:])
	*h = [packet.IPv4Len]byte{0: 0x45, 6: 0x40, 8: 64, 9: protocol} // don't fragment
	binary.BigEndian.PutUint16(h[2:4], uint16(end-packet.EthernetLen))
}

// flow is a flow's endpoints.
type flow struct {
	src, dst         uint32
	srcPort, dstPort uint16
}

// start copies the template into b, writes the endpoints and the IPv4 header's checksum, and returns the frame and the
// transport's sum.
func (t *template) start(b []byte, f *flow) ([]byte, uint64) {
	b = b[:len(t.bytes)]
	copy(b, t.bytes)
	binary.BigEndian.PutUint64(b[26:34], uint64(f.src)<<32|uint64(f.dst))
	ports := uint32(f.srcPort)<<16 | uint32(f.dstPort)
	binary.BigEndian.PutUint32(b[34:38], ports)
	addresses := uint64(f.src) + uint64(f.dst)
	binary.BigEndian.PutUint16(b[24:26], ^fold(t.l3+addresses))
	return b, t.l4 + addresses + uint64(ports)
}

// datagram writes a UDP frame and returns its length.
func (t *template) datagram(b []byte, f *flow, s *stamp) int {
	b, total := t.start(b, f)
	total += s.put(b[udpData:])
	binary.BigEndian.PutUint16(b[40:42], sent(^fold(total)))
	return len(b)
}

// sent is a UDP checksum as it is sent: 0 would say that there is none.
func sent(checksum uint16) uint16 {
	if checksum == 0 {
		return 0xffff
	}
	return checksum
}

// segment writes a TCP frame, with s if the template has room for a stamp, and returns its length.
func (t *template) segment(b []byte, f *flow, seq, ack uint32, flags uint8, s *stamp) int {
	b, total := t.start(b, f)
	binary.BigEndian.PutUint64(b[38:46], uint64(seq)<<32|uint64(ack))
	b[47] = flags
	total += uint64(seq) + uint64(ack) + uint64(flags)
	if t.data > 0 {
		total += s.put(b[tcpData:])
	}
	binary.BigEndian.PutUint16(b[50:52], ^fold(total))
	return len(b)
}

// payload is how many bytes of data a frame of it holds.
func (t *template) payload() uint32 {
	if t.data == 0 {
		return 0
	}
	return uint32(len(t.bytes) - t.data)
}
