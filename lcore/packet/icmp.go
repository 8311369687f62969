package packet

import "encoding/binary"

// icmpLen is the header of an ICMP error; the quoted datagram follows it.
const icmpLen = 8

// ICMPError tells whether a frame of KindIPv4 is an ICMP error (RFC 792), and sets the addresses, protocol and
// ports of about to those of the datagram that it quotes, as far as it does.
func ICMPError(frame []byte, m, about *Meta) bool {
	*about = Meta{}
	icmp := frame[m.L4 : EthernetLen+(*IPv4)(frame[EthernetLen:]).TotalLen()]
	if m.Protocol != ProtocolICMP || len(icmp) == 0 {
		return false
	}
	switch icmp[0] {
	case 3, 4, 5, 11, 12: // unreachable, source quench, redirect, time exceeded, parameter problem
	default:
		return false
	}
	if len(icmp) < icmpLen+IPv4Len {
		return true
	}
	ip := (*IPv4)(icmp[icmpLen:])
	about.Src, about.Dst, about.Protocol = ip.Src(), ip.Dst(), ip.Protocol()
	l4 := icmpLen + max(ip.HeaderLen(), IPv4Len)
	if ports := about.Protocol == ProtocolTCP || about.Protocol == ProtocolUDP; ports && len(icmp) >= l4+4 {
		about.SrcPort = binary.BigEndian.Uint16(icmp[l4:])
		about.DstPort = binary.BigEndian.Uint16(icmp[l4+2:])
	}
	return true
}

// Unreachable tells whether a frame of KindIPv4 says that a TCP segment could not be delivered (RFC 792; a packet too
// big says something else), sets the endpoints of about to those of the segment, and returns its sequence number.
func Unreachable(frame []byte, m, about *Meta) (seq uint32, ok bool) {
	const tooBig, quoted = 4, 8
	if !ICMPError(frame, m, about) || about.Protocol != ProtocolTCP {
		return 0, false
	}
	icmp := frame[m.L4 : EthernetLen+(*IPv4)(frame[EthernetLen:]).TotalLen()]
	l4 := icmpLen + max((*IPv4)(icmp[icmpLen:]).HeaderLen(), IPv4Len)
	if icmp[0] != 3 || icmp[1] == tooBig || len(icmp) < l4+quoted {
		return 0, false
	}
	return binary.BigEndian.Uint32(icmp[l4+4:]), true
}
