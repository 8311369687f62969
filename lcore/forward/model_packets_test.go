package forward

import (
	"encoding/binary"
	"net/netip"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

const webAny = "192.0.2.10:82"

// Endpoints of the model's packets. The last client's is a real's, too.
var (
	modelClients  = []string{"198.51.100.1:40000", "198.51.100.1:40001", "198.51.100.2:40000", "198.51.100.3:1024", "10.0.0.12:8080"}
	modelVirtuals = []string{webTCP, "192.0.2.10:81", webUDP, webAny}
	modelFlags    = []string{"S", "S", "S", "A", "A", "A", "AP", "FA", "FA", "R", "RA", "SA", "SF", "", "SR", "FAP"}
)

// packet chooses one of a client's or a real's.
func (m *model) packet() pkt {
	p := fromClient(modelFlags[m.choose.IntN(len(modelFlags))]).from(modelClients[m.choose.IntN(len(modelClients))])
	p.dst = modelVirtuals[m.choose.IntN(len(modelVirtuals))]
	if p.dst == webUDP || p.dst == webAny && m.choose.IntN(3) == 0 {
		p.flags = "u"
	}
	// The answer is what the real that has the flow would send.
	if m.choose.IntN(2) == 0 {
		to := p.src
		p = fromReal(1+m.choose.IntN(3), p.flags).to(to)
		if n := len(m.flows); n > 0 && m.choose.IntN(8) > 0 {
			f := m.flows[m.choose.IntN(n)]
			p.src, p.dst = endpointOf(f.reply.Src, f.reply.SrcPort), endpointOf(f.reply.Dst, f.reply.DstPort)
			if (f.reply.Protocol == packet.ProtocolUDP) != (p.flags == "u") {
				p.flags = map[bool]string{true: "u", false: "SA"}[f.reply.Protocol == packet.ProtocolUDP]
			}
		}
		if p.flags == "S" {
			p.flags = "SA"
		}
	} else if n := len(m.flows); n > 0 && m.choose.IntN(3) == 0 {
		f := m.flows[m.choose.IntN(n)]
		p.src, p.dst = endpointOf(f.key.Src, f.key.SrcPort), endpointOf(f.key.Dst, f.key.DstPort)
		if (f.key.Protocol == packet.ProtocolUDP) != (p.flags == "u") {
			p.flags = map[bool]string{true: "u", false: "A"}[f.key.Protocol == packet.ProtocolUDP]
		}
	}
	// Most SYNs are a client's first attempt, and most refusals answer it.
	if p.port == outside {
		p.seq = []uint32{0, 0, 0, 0, 0, 0, 0, 1 << 31}[m.choose.IntN(8)]
	} else if m.choose.IntN(4) > 0 {
		p.ack = []uint32{1, 1, 1, 1<<31 + 1}[m.choose.IntN(4)]
	}
	if n := len(m.flows); n > 0 && m.choose.IntN(4) == 0 { // a client tries again
		if f := m.flows[m.choose.IntN(n)]; f.opening() {
			p = fromClient("S").from(endpointOf(f.key.Src, f.key.SrcPort)).to(endpointOf(f.key.Dst, f.key.DstPort)).numbers(f.isn, 0)
		}
	}
	p.ttl = 64
	if m.choose.IntN(30) == 0 {
		p.ttl = 1
	}
	return p
}

func endpointOf(a uint32, port uint16) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, a))), port).String()
}

func keyOfPkt(p pkt) flowtable.Key {
	src, dst := netip.MustParseAddrPort(p.src), netip.MustParseAddrPort(p.dst)
	k := flowtable.Key{Src: ipv4Of(src.Addr()), Dst: ipv4Of(dst.Addr()), SrcPort: src.Port(), DstPort: dst.Port(), Protocol: packet.ProtocolTCP}
	if p.flags == "u" {
		k.Protocol = packet.ProtocolUDP
	}
	return k
}

func keyIn(b []byte) flowtable.Key {
	return flowtable.Key{
		Src: binary.BigEndian.Uint32(b[26:]), Dst: binary.BigEndian.Uint32(b[30:]),
		SrcPort: binary.BigEndian.Uint16(b[34:]), DstPort: binary.BigEndian.Uint16(b[36:]), Protocol: b[23],
	}
}
