package packet

import "encoding/binary"

// Kind is what a frame is to the packet path.
type Kind uint8

const (
	KindFlow     Kind = iota // TCP or UDP over IPv4, whole: may belong to a flow
	KindIPv4                 // other IPv4: ICMP, VRRP, OSPF …
	KindFragment             // a piece of an IPv4 datagram
	KindARP
	KindOther // IPv6, VLAN tags, LLDP …
)

// Meta is what the packet path needs of a frame, as plain integers. Ports and TCPFlags are 0 unless the kind
// is KindFlow, addresses unless it is IPv4.
type Meta struct {
	Src, Dst         uint32
	SrcPort, DstPort uint16
	Protocol         uint8 // to here it is laid out as flowtable.Key
	TCPFlags         uint8
	TTL              uint8
	L4               uint8 // offset of the transport header in the frame
	Kind             Kind
	_                [12]uint8 // to 32 bytes: an index is a shift, not a multiplication
}

// Parse checks a frame's lengths once and for all and fills m. Of a frame with a cause other than None nothing
// may be read. Checksums are not looked at: a wrong one stays wrong and is the receiver's to see. It reads every kind
// of frame, in the order of the headers; nearly all there are can be read as a Head at less cost.
func Parse(frame []byte, m *Meta) DropCause {
	if len(frame) < EthernetLen+IPv4Len {
		return Short
	}
	etherType := binary.BigEndian.Uint16(frame[12:14])
	if etherType != EtherTypeIPv4 {
		*m = Meta{Kind: KindOther}
		if etherType == EtherTypeARP {
			m.Kind = KindARP
		}
		return None
	}
	ip := (*IPv4)(frame[EthernetLen:])
	header, total := ip.HeaderLen(), ip.TotalLen()
	if ip[0]>>4 != 4 || header < IPv4Len || header > total {
		return IPMalformed
	}
	if EthernetLen+total > len(frame) {
		return IPTruncated
	}
	l4, end := EthernetLen+header, EthernetLen+total
	m.Src, m.Dst = ip.Src(), ip.Dst()
	m.Protocol, m.TTL, m.L4 = ip.Protocol(), ip.TTL(), uint8(l4)
	m.Kind = KindFlow
	switch {
	case ip.Fragment():
		*m = Meta{Src: m.Src, Dst: m.Dst, Protocol: m.Protocol, TTL: m.TTL, L4: m.L4, Kind: KindFragment}
	case m.Protocol == ProtocolTCP:
		if end-l4 < TCPLen {
			return TCPMalformed
		}
		tcp := (*TCP)(frame[l4:])
		if n := tcp.HeaderLen(); n < TCPLen || n > end-l4 {
			return TCPMalformed
		}
		m.SrcPort, m.DstPort, m.TCPFlags = tcp.SrcPort(), tcp.DstPort(), tcp.Flags()
	case m.Protocol == ProtocolUDP:
		if end-l4 < UDPLen {
			return UDPMalformed
		}
		udp := (*UDP)(frame[l4:])
		if n := udp.Len(); n < UDPLen || n > end-l4 {
			return UDPMalformed
		}
		m.SrcPort, m.DstPort, m.TCPFlags = udp.SrcPort(), udp.DstPort(), 0
	default:
		*m = Meta{Src: m.Src, Dst: m.Dst, Protocol: m.Protocol, TTL: m.TTL, L4: m.L4, Kind: KindIPv4}
	}
	return None
}
