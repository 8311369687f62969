package forward

import "linedirector/lcore/packet"

// PuntKind is a queue towards the kernel, with a policer of its own: a flood of one kind starves no other.
type PuntKind uint8

const (
	PuntNeighbour PuntKind = iota // ARP
	PuntHello                     // VRRP and other link-local multicast
	PuntICMP                      // ICMP to the director's own addresses
	PuntHost                      // TCP to the kernel's sockets: probes, BGP, ssh
	PuntRest                      // everything else
	PuntKinds
)

// String is the kind as metrics show it.
func (k PuntKind) String() string {
	return [...]string{"neighbour", "hello", "icmp", "host", "rest"}[k]
}

// punt gives a frame to the kernel's tap, within the kind's rate.
func (w *Worker) punt(f *Frame, kind PuntKind) {
	if !w.punts[kind].take(w.now) {
		w.drop(packet.PuntNeighbour + packet.DropCause(kind))
		return
	}
	f.Verdict, f.Out = Punt, uint16(kind)
}

// puntHost gives TCP and UDP for the director's own addresses to the kernel. UDP from a neighbour that nobody knows is
// left out, and the neighbour asked for: forged ones would have the kernel's refusals wait for their MACs until
// there is no room for its answers to pings.
func (w *Worker) puntHost(f *Frame, m *packet.Meta) {
	if m.Protocol == packet.ProtocolTCP {
		w.punt(f, PuntHost)
		return
	}
	if _, cause := w.route(m.Src); cause == packet.NoNeighbour {
		w.drop(packet.PuntRest)
		return
	}
	w.punt(f, PuntRest)
}

// linkLocal is 224.0.0.0/24 (RFC 5771 §4).
const linkLocal = 224 << 16

// other settles what cannot belong to a flow.
func (w *Worker) other(f *Frame, m *packet.Meta, dst packet.MAC) {
	if !dst.Group() && uint64(dst) != w.rules.Ports[f.Port%uint16(len(w.rules.Ports))].MAC {
		w.drop(packet.NotForUs)
		return
	}
	switch m.Kind {
	case packet.KindARP:
		w.punt(f, PuntNeighbour)
	case packet.KindOther:
		w.punt(f, PuntRest)
	case packet.KindFragment:
		if m.Protocol == packet.ProtocolICMP && w.rules.Local(m.Dst) {
			w.punt(f, PuntICMP) // a large ping; the kernel puts it together
			return
		}
		w.drop(packet.Fragment)
	default:
		w.otherIPv4(f, m, dst)
	}
}

func (w *Worker) otherIPv4(f *Frame, m *packet.Meta, dst packet.MAC) {
	switch {
	case group(m.Dst):
		w.puntGroup(f, m)
	case w.rules.Local(m.Dst) && m.Protocol == packet.ProtocolICMP:
		w.punt(f, PuntICMP)
	case w.rules.Local(m.Dst):
		w.punt(f, PuntRest)
	case dst.Group():
		w.drop(packet.NotForUs)
	case m.Protocol == packet.ProtocolICMP && w.unreachable(f, m):
	default:
		w.transit(f, m)
	}
}

// notForPort settles TCP and UDP to another MAC than the port's: what routing daemons and DHCP hear is UDP to a
// group or to all.
func (w *Worker) notForPort(f *Frame, m *packet.Meta, dst packet.MAC) {
	if dst.Group() && m.Protocol == packet.ProtocolUDP && group(m.Dst) {
		w.puntGroup(f, m)
		return
	}
	w.drop(packet.NotForUs)
}

// group tells whether an address is a multicast group's or everybody's on the link.
func group(address uint32) bool { return address>>28 == 0xe || address == 1<<32-1 }

func (w *Worker) puntGroup(f *Frame, m *packet.Meta) {
	if m.Dst>>8 == linkLocal {
		w.punt(f, PuntHello)
		return
	}
	w.punt(f, PuntRest)
}

// bucket is a token bucket in ticks; its depth is a tenth of a second.
type bucket struct {
	tokens, depth, perTick float32
	last                   uint32
}

func newBucket(rate, ticksPerSecond, now uint32) bucket {
	depth := max(float32(rate)/10, 1)
	return bucket{tokens: depth, depth: depth, perTick: float32(rate) / float32(max(ticksPerSecond, 1)), last: now}
}

func (b *bucket) take(now uint32) bool {
	if passed := now - b.last; passed != 0 {
		b.last = now
		b.tokens = min(b.depth, b.tokens+float32(passed)*b.perTick)
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
