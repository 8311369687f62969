package forward

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"linedirector/lcore/packet"
)

// pkt describes a TCP or UDP packet as it stands on a port's wire. The link addresses are those of the world: of
// the gateway or the real that is the neighbour, and of the port.
type pkt struct {
	port     uint16
	src, dst string // address:port
	flags    string // of SAFRP; "u": UDP
	seq, ack uint32
	data     string
	ttl      uint8  // 0: 64
	dmac     string // of a packet that comes in: not the port's
	made     bool   // the director made it itself
	more     bool   // a first fragment
	stamped  bool   // with a timestamp of ack
}

const (
	client  = "198.51.100.1:40000"
	webTCP  = "192.0.2.10:80"
	webUDP  = "192.0.2.10:53"
	forward = "10.0.0.11:8080" // the real of the first turn
)

// real is real n's endpoint, from 1 on.
func real(n int) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(10 + n)}), 8080).String()
}

// fromClient is a packet of the client's to the virtual, toReal what real n gets of it; fromReal and toClient are
// the way back.
func fromClient(flags string) pkt { return pkt{port: outside, src: client, dst: webTCP, flags: flags} }

func toReal(n int, flags string) pkt {
	return pkt{port: inside, src: client, dst: real(n), flags: flags, ttl: 63}
}

func fromReal(n int, flags string) pkt {
	return pkt{port: inside, src: real(n), dst: client, flags: flags}
}

func toClient(flags string) pkt {
	return pkt{port: outside, src: webTCP, dst: client, flags: flags, ttl: 63}
}

// rst is the director's own answer to a packet.
func rst(p pkt, flags string, seq, ack uint32) pkt {
	return pkt{port: p.port, src: p.dst, dst: p.src, flags: flags, seq: seq, ack: ack, made: true}
}

func (p pkt) from(src string) pkt         { p.src = src; return p }
func (p pkt) to(dst string) pkt           { p.dst = dst; return p }
func (p pkt) hops(ttl uint8) pkt          { p.ttl = ttl; return p }
func (p pkt) numbers(seq, ack uint32) pkt { p.seq, p.ack = seq, ack; return p }
func (p pkt) with(data string) pkt        { p.data = data; return p }
func (p pkt) link(dmac string) pkt        { p.dmac = dmac; return p }

// links are the addresses of a frame that comes in by a port; of one that goes out they are the other way round.
func links(port uint16, peer netip.Addr) (neighbour, own net.HardwareAddr) {
	if port == outside {
		return gatewayMAC[:], outsideMAC[:]
	}
	mac := realMAC
	mac[5] = peer.As4()[3] - 10
	return mac[:], insideMAC[:]
}

// in is the frame that a neighbour sends, out the one that the director sends.
func (p pkt) in(tb testing.TB) []byte {
	src, dst := links(p.port, netip.MustParseAddrPort(p.src).Addr())
	if p.dmac != "" {
		dst, _ = net.ParseMAC(p.dmac)
	}
	return p.frame(tb, src, dst)
}

func (p pkt) out(tb testing.TB) []byte {
	dst, src := links(p.port, netip.MustParseAddrPort(p.dst).Addr())
	return p.frame(tb, src, dst)
}

func (p pkt) frame(tb testing.TB, smac, dmac net.HardwareAddr) []byte {
	src, dst := netip.MustParseAddrPort(p.src), netip.MustParseAddrPort(p.dst)
	ip := &layers.IPv4{
		Version: 4, TTL: p.ttl, Id: 77, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP,
		SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(),
	}
	if p.ttl == 0 {
		ip.TTL = 64
	}
	if p.more {
		ip.Flags = layers.IPv4MoreFragments
	}
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()), Seq: p.seq, Ack: p.ack, Window: 500,
		SYN: strings.Contains(p.flags, "S"), ACK: strings.Contains(p.flags, "A"), FIN: strings.Contains(p.flags, "F"),
		RST: strings.Contains(p.flags, "R"), PSH: strings.Contains(p.flags, "P"),
	}
	if p.made {
		ip.Id, tcp.Window = 0, 0
	}
	if p.stamped {
		stamp := append(binary.BigEndian.AppendUint32(nil, p.ack), 0, 0, 0, 0)
		tcp.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: stamp}}
	}
	if p.flags == "u" {
		ip.Protocol = layers.IPProtocolUDP
		return serialise(tb, ethernet(smac, dmac), ip, &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}, gopacket.Payload(p.data))
	}
	return serialise(tb, ethernet(smac, dmac), ip, tcp, gopacket.Payload(p.data))
}

func ethernet(src, dst net.HardwareAddr) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: src, DstMAC: dst, EthernetType: layers.EthernetTypeIPv4}
}

// serialise sets lengths and checksums and leaves padding out.
func serialise(tb testing.TB, all ...gopacket.SerializableLayer) []byte {
	tb.Helper()
	var ip *layers.IPv4
	for _, l := range all {
		switch l := l.(type) {
		case *layers.IPv4:
			ip = l
		case *layers.TCP:
			_ = l.SetNetworkLayerForChecksum(ip)
		case *layers.UDP:
			_ = l.SetNetworkLayerForChecksum(ip)
		}
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		tb.Fatal(err)
	}
	b := slices.Clone(buf.Bytes())
	if ip != nil {
		b = b[:packet.EthernetLen+int(ip.Length)]
	}
	return b
}

// unreachable is the ICMP error, as a real sends it to the client, about a segment that the director sent to it.
func unreachable(tb testing.TB, code uint8, about pkt) []byte {
	src, dst := netip.MustParseAddrPort(about.src), netip.MustParseAddrPort(about.dst)
	smac, dmac := links(inside, dst.Addr())
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: dst.Addr().AsSlice(), DstIP: src.Addr().AsSlice()}
	quote := about.frame(tb, dmac, smac)[packet.EthernetLen:]
	return serialise(tb, ethernet(smac, dmac), ip, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, code)}, gopacket.Payload(quote))
}

// frameOf puts b into a buffer such as mbufs have.
func frameOf(port uint16, b []byte) Frame {
	f := Frame{Port: port, Verdict: 99, Out: 99}
	f.SetBytes(append(make([]byte, 0, max(len(b), packet.AnswerRoom)), b...))
	return f
}

// dump is for messages.
func dump(b []byte) string {
	return gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default).String() + hex.Dump(b)
}

// run gives w one burst of frames at its present time.
func (w *world) run(frames ...Frame) []Frame {
	w.Burst(frames, uint64(w.time))
	return frames
}

// give sends one packet in and returns its frame.
func (w *world) give(tb testing.TB, p pkt) *Frame {
	tb.Helper()
	return &w.run(frameOf(p.port, p.in(tb)))[0]
}

// pass lets so many ticks go by, in bursts without frames, as an idle worker's.
func (w *world) pass(ticks uint32) {
	for ; ticks > 0; ticks-- {
		w.time++
		w.Burst(nil, uint64(w.time))
	}
}
