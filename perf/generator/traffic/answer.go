package traffic

import (
	"encoding/binary"

	"linedirector/lcore/packet"
)

// Answers are written into the frame that they answer, and go back the way it came. They never need more room.

// mirror swaps link addresses and writes an IPv4 header from the frame's destination to its source, for an answer that
// ends at end, and returns the sum of both addresses.
func mirror(frame []byte, m *packet.Meta, end int) uint64 {
	from, to := [6]byte(frame[0:6]), [6]byte(frame[6:12])
	copy(frame[0:6], to[:])
	copy(frame[6:12], from[:])
	header(frame, m.Protocol, end)
	binary.BigEndian.PutUint32(frame[26:30], m.Dst)
	binary.BigEndian.PutUint32(frame[30:34], m.Src)
	binary.BigEndian.PutUint16(frame[24:26], ^fold(sum(frame[packet.EthernetLen:packet.PlainLen])))
	binary.BigEndian.PutUint16(frame[34:36], m.DstPort)
	binary.BigEndian.PutUint16(frame[36:38], m.SrcPort)
	return uint64(m.Src) + uint64(m.Dst)
}

// finish pads an answer that ends at end, as far as the frame it is written into reaches, and returns its length.
func finish(frame []byte, end int) int {
	length := max(end, min(len(frame), MinFrame))
	clear(frame[end:length])
	return length
}

// echo sends a datagram's data back.
func echo(frame []byte, m *packet.Meta, data []byte) int {
	end := udpData + copy(frame[udpData:], data)
	total := mirror(frame, m, end)
	l4 := frame[packet.PlainLen:end]
	binary.BigEndian.PutUint32(l4[4:8], uint32(len(l4))<<16)
	total += packet.ProtocolUDP + uint64(len(l4)) + sum(l4)
	binary.BigEndian.PutUint16(l4[6:8], sent(^fold(total)))
	return finish(frame, end)
}

// reply answers a segment with one of these numbers and flags, and with data of the one answered.
func reply(frame []byte, m *packet.Meta, seq, ack uint32, flags uint8, data []byte) int {
	end := tcpData + copy(frame[tcpData:], data)
	total := mirror(frame, m, end)
	l4 := frame[packet.PlainLen:end]
	binary.BigEndian.PutUint64(l4[4:12], uint64(seq)<<32|uint64(ack))
	binary.BigEndian.PutUint64(l4[12:20], packet.TCPLen/4<<60|uint64(flags)<<48|window<<32)
	total += packet.ProtocolTCP + uint64(len(l4)) + sum(l4)
	binary.BigEndian.PutUint16(l4[16:18], ^fold(total))
	return finish(frame, end)
}

// ping answers an ICMP echo request to an address of ours; the checksum changes by the type alone (RFC 1624).
func (p *Player) ping(frame []byte, m *packet.Meta) int {
	end := packet.EthernetLen + int(binary.BigEndian.Uint16(frame[16:18]))
	l4 := int(m.L4)
	if m.Protocol != packet.ProtocolICMP || end-l4 < 8 {
		p.Other++
		return 0
	}
	switch {
	case frame[l4] == 3: // unreachable
		p.Unreachable++
	case frame[l4] != 8 || !p.ours(m.Dst):
		p.Other++
	case l4 == packet.PlainLen && fold(sum(frame[l4:end])) == 0xffff:
		length := len(frame)
		id := [4]byte(frame[l4 : l4+4]) // mirror writes ports
		mirror(frame, m, end)
		id[0] = 0
		copy(frame[l4:], id[:])
		binary.BigEndian.PutUint16(frame[l4+2:], 0)
		binary.BigEndian.PutUint16(frame[l4+2:], ^fold(sum(frame[l4:end])))
		p.Pinged++
		return length
	}
	return 0
}

// serve answers what came in for a server, and tracks what has a stamp. It returns the answer's length, or 0. The server
// keeps nothing: its first sequence number follows from the client's, every other from the segment that it answers.
func (p *Player) serve(frame []byte, m *packet.Meta, now uint64) int {
	if m.Protocol == packet.ProtocolUDP {
		data := frame[int(m.L4)+packet.UDPLen:][:(*packet.UDP)(frame[m.L4:]).Len()-packet.UDPLen]
		if !p.requested(data, now) || !p.Echo {
			return 0
		}
		return echo(frame, m, data)
	}
	tcp := (*packet.TCP)(frame[m.L4:])
	data := p.data(frame, m)
	seq, ack := tcp.Seq(), tcp.Ack()
	next := seq + uint32(len(data))
	switch flags := m.TCPFlags; {
	case flags&packet.RST != 0:
		p.ServerResets++
		return 0
	case flags&packet.SYN != 0:
		return reply(frame, m, serverISN(seq), seq+1, packet.SYN|packet.ACK, nil)
	case flags&packet.FIN != 0:
		return reply(frame, m, ack, next+1, packet.FIN|packet.ACK, nil)
	case len(data) > 0 && p.requested(data, now) && (p.Echo || p.Mode == Churn):
		return reply(frame, m, ack, next, packet.PSH|packet.ACK, data)
	}
	return 0
}

// serverISN is the first sequence number of the server's side of a connection.
func serverISN(client uint32) uint32 { return client ^ 0x5bd1e995 }

// data is what a TCP frame that passed Parse holds.
func (p *Player) data(frame []byte, m *packet.Meta) []byte {
	end := packet.EthernetLen + int(binary.BigEndian.Uint16(frame[16:18]))
	return frame[int(m.L4)+(*packet.TCP)(frame[m.L4:]).HeaderLen() : end]
}

// requested tracks a request's stamp, and marks it as the answer's. It tells whether there was one.
func (p *Player) requested(data []byte, now uint64) bool {
	var s stamp
	if !s.get(data, p.Run, uint32(p.Flows)) || s.kind != request {
		p.Unstamped++
		return false
	}
	p.there.add(&s, now)
	if bit := uint64(1) << (s.flow % 64); p.flowSeen[s.flow/64]&bit == 0 {
		p.flowSeen[s.flow/64] |= bit
		p.FlowsSeen++
	}
	data[stampLen-1] = answer
	return true
}
