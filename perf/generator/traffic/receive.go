package traffic

import "linedirector/lcore/packet"

// Counters count frames, unless they say otherwise. Those above the line are of the whole run, those below it of the time
// that counts.
type Counters struct {
	Phase       Phase
	FlowsSeen   uint64 // flows of which a server got a frame
	Served      uint64 // TCP and UDP frames to servers
	Open        uint64 // connections now
	Unopened    uint64 // flows that nobody answered when they were opened (mode TCP)
	Cut         uint64 // connections that did not end of themselves (mode Churn)
	ARPAnswered uint64
	Pinged      uint64 // answered pings

	// ---

	Sent, SentBytes uint64 // with a stamp
	Frames          uint64 // sent by the clients, all
	Behind          uint64 // frames, or connections, that the rate asked for and that were not sent
	Received        uint64 // all, on all devices
	Malformed       uint64
	BadChecksum     uint64
	Unstamped       uint64 // TCP or UDP data that is not this run's
	Misdelivered    uint64 // answers to a client that did not ask
	Other           uint64 // neither for a client nor for a server
	Resets          uint64 // to clients
	ServerResets    uint64 // to servers
	Unreachable     uint64 // ICMP errors
	Connections
}

// Connections count those of mode Churn.
type Connections struct {
	Opened     uint64
	Connected  uint64 // their SYN was answered
	Completed  uint64 // to the last FIN
	Reset      uint64 // failed: the client got a RST
	TimedOut   uint64 // failed: nobody answered
	Repeated   uint64 // segments sent again
	Stale      uint64 // segments to clients that fit no state
	MostOpen   uint64 // at a time
	Unanswered uint64 // of TimedOut, those whose SYN was not answered
}

// Receive takes a frame that came in on a side. It returns the length of the answer that it wrote into it, which goes back
// the way the frame came, or 0. What the client sends of its own goes to out.
func (p *Player) Receive(frame []byte, side Side, now uint64, out Out) int {
	p.Received++
	var m packet.Meta
	if packet.Parse(frame, &m) != packet.None {
		p.Malformed++
		return 0
	}
	switch m.Kind {
	case packet.KindARP:
		return p.arp(frame, side)
	case packet.KindIPv4:
		return p.ping(frame, &m)
	case packet.KindFlow:
	default:
		p.Other++
		return 0
	}
	if !right(frame, &m) {
		p.BadChecksum++
		return 0
	}
	switch {
	case p.isClient(m.Dst):
		return p.client(frame, &m, now, out)
	case p.isServer(m.Dst) || p.isVirtual(m.Dst): // as it is with a director that leaves the virtual's address
		p.Served++
		return p.serve(frame, &m, now)
	default:
		p.Other++
		return 0
	}
}

func (p *Player) isVirtual(address uint32) bool {
	for _, v := range p.virtuals {
		if v.address == address {
			return true
		}
	}
	return false
}

// client takes what came in for a client.
func (p *Player) client(frame []byte, m *packet.Meta, now uint64, out Out) int {
	switch {
	case m.Protocol == packet.ProtocolUDP:
		p.answered(frame[int(m.L4)+packet.UDPLen:][:(*packet.UDP)(frame[m.L4:]).Len()-packet.UDPLen], m, now)
	case p.Mode == Churn:
		p.churn.receive(p, frame, m, now, out)
	case m.TCPFlags&packet.RST != 0:
		p.Resets++
	case m.TCPFlags&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK:
		return p.opened(frame, m)
	default:
		if data := p.data(frame, m); len(data) > 0 {
			p.answered(data, m, now)
		}
	}
	return 0
}

// answered tracks an answer's stamp and checks that it came to the client that asked. It tells whether it did.
func (p *Player) answered(data []byte, m *packet.Meta, now uint64) bool {
	var s stamp
	if !s.get(data, p.Run, uint32(p.Flows)) || s.kind != answer {
		p.Unstamped++
		return false
	}
	number, ok := p.endpoints.number(m.Dst, m.DstPort)
	if !ok || number%uint32(p.Flows) != s.flow {
		p.Misdelivered++
		return false
	}
	p.back.add(&s, now)
	return true
}
