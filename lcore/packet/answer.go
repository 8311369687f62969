package packet

import "encoding/binary"

// AnswerRoom is the most bytes that an answer needs in a frame's buffer, whatever the frame's own length.
const AnswerRoom = 128

// hops is the time to live of packets that the director makes itself.
const hops = 64

// mirror swaps the link addresses: an answer goes back the way its question came.
func mirror(frame []byte) {
	e := (*[12]byte)(frame)
	src, dst := [6]byte(e[6:12]), [6]byte(e[0:6])
	copy(e[0:6], src[:])
	copy(e[6:12], dst[:])
}

// AnswerReset turns a TCP frame into the RST that refuses it (RFC 9293 §3.10.7.1), sent back the way it came,
// and returns the new length: 54 bytes. The frame must have passed Parse and must not be a RST itself. Its
// buffer must have AnswerRoom bytes.
func AnswerReset(frame []byte, m *Meta) int {
	ip := (*IPv4)(frame[EthernetLen:])
	old := *(*TCP)(frame[m.L4:])
	data := ip.TotalLen() - ip.HeaderLen() - old.HeaderLen()

	h := TCP{12: TCPLen / 4 << 4, 13: RST}
	binary.BigEndian.PutUint16(h[0:2], old.DstPort())
	binary.BigEndian.PutUint16(h[2:4], old.SrcPort())
	if old.Flags()&ACK != 0 {
		binary.BigEndian.PutUint32(h[4:8], old.Ack())
	} else {
		flags := old.Flags()
		next := old.Seq() + uint32(data) + uint32(flags&FIN) + uint32(flags>>1&1) // FIN and SYN take a number each
		binary.BigEndian.PutUint32(h[8:12], next)
		h[13] |= ACK
	}
	binary.BigEndian.PutUint16(h[16:18], ^Sum(h[:], pseudo(m.Dst, m.Src, ProtocolTCP, TCPLen)))

	mirror(frame)
	frame = frame[:EthernetLen+IPv4Len+TCPLen]
	ip.set(IPv4Len+TCPLen, hops, ProtocolTCP, m.Dst, m.Src)
	*(*TCP)(frame[EthernetLen+IPv4Len:]) = h
	return len(frame)
}

// quoted is the most of a datagram that an error quotes: the longest header and 8 bytes (RFC 792).
const quoted = 60 + 8

// AnswerTimeExceeded turns an IPv4 frame whose time to live ran out into the ICMP error that says so (RFC 792),
// from the address from, sent back the way it came, and returns the new length. The frame must have passed
// Parse; its buffer must have AnswerRoom bytes.
func AnswerTimeExceeded(frame []byte, from uint32) int {
	ip := (*IPv4)(frame[EthernetLen:])
	var quote [quoted]byte
	n := copy(quote[:], frame[EthernetLen:EthernetLen+min(ip.HeaderLen()+8, ip.TotalLen())])
	to := ip.Src()

	mirror(frame)
	frame = frame[:EthernetLen+IPv4Len+icmpLen+n]
	ip.set(IPv4Len+icmpLen+n, hops, ProtocolICMP, from, to)
	icmp := frame[EthernetLen+IPv4Len:]
	clear(icmp[:icmpLen])
	icmp[0] = 11 // time exceeded, code 0: in transit
	copy(icmp[icmpLen:], quote[:n])
	binary.BigEndian.PutUint16(icmp[2:4], ^Sum(icmp, 0))
	return len(frame)
}

// Reset describes a RST that the director sends in somebody's name. Host byte order.
type Reset struct {
	Src, Dst         uint32
	SrcPort, DstPort uint16
	Seq              uint32
	Ack              uint32 // 0: without ACK
}

// Write writes the RST into a buffer, behind link addresses, and returns the frame's length: 54 bytes.
func (r *Reset) Write(buffer []byte, link Link) int {
	h := TCP{12: TCPLen / 4 << 4, 13: RST}
	h.number(r.SrcPort, r.DstPort, r.Seq)
	if r.Ack != 0 {
		binary.BigEndian.PutUint32(h[8:12], r.Ack)
		h[13] |= ACK
	}
	return write(buffer, link, r.Src, r.Dst, h[:])
}

// Unacceptable describes a segment that the director sends in somebody's name, so that whoever has the connection answers
// with an ACK, which shows the number that it expects next (RFC 9293 §3.10.7.4). Host byte order.
type Unacceptable struct {
	Src, Dst         uint32
	SrcPort, DstPort uint16
	Seq, Ack         uint32 // in nobody's window, but by chance
	Stamped          bool   // with a timestamp (RFC 7323), of Ack
}

// timestampLen is the option's length, with the two bytes before it that all senders put there (RFC 7323 appendix A).
const timestampLen = 12

// Write writes the segment, an ACK without data, into a buffer of AnswerRoom bytes, behind link addresses, and returns the
// frame's length: 54 bytes, or 66.
func (u *Unacceptable) Write(buffer []byte, link Link) int {
	h := [TCPLen + timestampLen]byte{TCPLen: 1, 1, 8, 10}
	length := TCPLen
	if u.Stamped {
		length += timestampLen
	}
	t := (*TCP)(h[:])
	t.number(u.SrcPort, u.DstPort, u.Seq)
	binary.BigEndian.PutUint32(t[8:12], u.Ack)
	t[12], t[13] = uint8(length/4<<4), ACK
	binary.BigEndian.PutUint32(h[TCPLen+4:], u.Ack)
	return write(buffer, link, u.Src, u.Dst, h[:length])
}

func (h *TCP) number(src, dst uint16, seq uint32) {
	binary.BigEndian.PutUint16(h[0:2], src)
	binary.BigEndian.PutUint16(h[2:4], dst)
	binary.BigEndian.PutUint32(h[4:8], seq)
}

// write writes a frame around a TCP header, whose checksum it sets, and returns its length.
func write(buffer []byte, link Link, src, dst uint32, h []byte) int {
	binary.BigEndian.PutUint16(h[16:18], ^Sum(h, pseudo(src, dst, ProtocolTCP, len(h))))
	frame := buffer[:EthernetLen+IPv4Len+len(h)]
	(*network)(frame).link(link.Low, link.High)
	binary.BigEndian.PutUint16(frame[12:14], EtherTypeIPv4)
	(*IPv4)(frame[EthernetLen:]).set(IPv4Len+len(h), hops, ProtocolTCP, src, dst)
	copy(frame[EthernetLen+IPv4Len:], h)
	return len(frame)
}
