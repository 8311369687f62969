package traffic

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"linedirector/lcore/packet"
)

// The network of these tests. The counter runs at a cycle a nanosecond.
//
//	clients 198.18.0.0/16 ── director: virtual 192.0.2.10:80, gives flow n server 10.0.0.(n mod 2) port 8080 ── servers 10.0.0.0/24
var (
	clientMAC, serverMAC = [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}
	directorMAC          = [6]byte{2, 0, 0, 0, 0, 0xdd}
)

const (
	virtualAddr = 0xc000020a
	serverAddr  = 0x0a000000
	serverPort  = 8080
)

func config(mode Mode) Config {
	return Config{
		Mode: mode, Clients: netip.MustParsePrefix("198.18.0.0/16"), Servers: netip.MustParsePrefix("10.0.0.0/24"),
		Virtuals: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.10:80")},
		MAC:      [2][6]byte{clientMAC, serverMAC}, Hop: directorMAC,
		Flows: 100, Mix: Mix{{60, 1}}, Requests: 1, Seed: 1, Run: 7, Hz: 1_000_000_000,
		Rate: 100_000, OpenRate: 100_000, WarmUp: 10 * time.Millisecond, Duration: 100 * time.Millisecond,
		Grace: 20 * time.Millisecond, Timeout: time.Second, Interval: 100 * time.Millisecond, FollowFlow: 1 << 15,
	}
}

// lab is a Player with a director between its sides.
type lab struct {
	tb  testing.TB
	p   *Player
	now uint64
	out outlet

	director bool                    // there is one; else frames go from side to side as they are
	latency  uint64                  // of one way
	fault    func(frame []byte) int  // how often a frame arrives; nil: once
	seen     func(frame []byte)      // each that left the clients
	conns    map[netip.AddrPort]bool // that the director holds
}

// outlet holds what the clients sent.
type outlet struct {
	frames [][]byte
	room   [MaxFrame]byte
	full   bool
}

func (o *outlet) Next() []byte {
	if o.full {
		return nil
	}
	for i := range o.room {
		o.room[i] = 0xee // what a frame held before is undefined
	}
	return o.room[:]
}

func (o *outlet) Done(n int) { o.frames = append(o.frames, slices.Clone(o.room[:n])) }

func newLab(tb testing.TB, c Config) *lab {
	tb.Helper()
	p, err := NewPlayer(c)
	if err != nil {
		tb.Fatal(err)
	}
	return &lab{tb: tb, p: p, director: true, latency: 5000, conns: map[netip.AddrPort]bool{}}
}

// run plays to the end, in steps of 10 µs.
func (l *lab) run() {
	l.tb.Helper()
	for range 1_000_000 {
		if l.step() == Done {
			return
		}
	}
	l.tb.Fatalf("still %v", l.p.phase)
}

func (l *lab) step() Phase {
	l.now += 10_000
	phase := l.p.Play(l.now, 32, &l.out)
	for len(l.out.frames) > 0 {
		f := l.out.frames[0]
		l.out.frames = l.out.frames[1:]
		l.send(f, ClientSide)
	}
	return phase
}

// send carries a frame from one side to the other, and what that one answers back.
func (l *lab) send(f []byte, from Side) {
	if from == ClientSide && l.seen != nil {
		l.seen(f)
	}
	times := 1
	if l.fault != nil {
		times = l.fault(f)
	}
	for range times {
		copied := slices.Clone(f)
		if l.director && !l.translate(copied, from) {
			continue
		}
		to := ServerSide
		if from == ServerSide {
			to = ClientSide
		}
		if n := l.p.Receive(copied, to, l.now+l.latency, &l.out); n > 0 {
			l.send(copied[:n], to)
		}
	}
}

// translate is the director, and its counts of connections: a SYN opens one, a RST or the ACK of the last FIN closes it.
func (l *lab) translate(f []byte, from Side) bool {
	var m packet.Meta
	if cause := packet.Parse(f, &m); cause != packet.None || m.Kind != packet.KindFlow {
		l.tb.Fatalf("the director got %v % x", cause, f)
	}
	if from == ClientSide {
		if m.Dst != virtualAddr || m.DstPort != 80 || packet.DstMAC(f) != packet.MACFrom(directorMAC) || packet.SrcMAC(f) != packet.MACFrom(clientMAC) {
			l.tb.Fatalf("from a client: %+v", m)
		}
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte(f[26:30])), m.SrcPort)
		switch {
		case m.Protocol != packet.ProtocolTCP:
		case m.TCPFlags&packet.SYN != 0:
			l.conns[client] = true
		case !l.conns[client]:
			l.tb.Fatalf("a segment of no connection: %+v", m)
		case m.TCPFlags&packet.RST != 0:
			delete(l.conns, client)
		}
		to := serverAddr + m.Src%2
		diff := packet.AddressDiff(m.Dst, to)
		packet.Rewrite(f, &m, packet.Destination, to, serverPort, diff, packet.PortDiff(diff, m.DstPort, serverPort), link(serverMAC))
		return true
	}
	if m.Src != serverAddr+m.Dst%2 || m.SrcPort != serverPort || packet.DstMAC(f) != packet.MACFrom(directorMAC) || packet.SrcMAC(f) != packet.MACFrom(serverMAC) {
		l.tb.Fatalf("from a server: %+v", m)
	}
	if m.TCPFlags&packet.FIN != 0 {
		delete(l.conns, netip.AddrPortFrom(netip.AddrFrom4([4]byte(f[30:34])), m.DstPort))
		l.conns[netip.AddrPortFrom(netip.AddrFrom4([4]byte(f[30:34])), m.DstPort)] = true // until the client's last ACK
	}
	diff := packet.AddressDiff(m.Src, virtualAddr)
	packet.Rewrite(f, &m, packet.Source, virtualAddr, 80, diff, packet.PortDiff(diff, m.SrcPort, 80), link(clientMAC))
	return true
}

func link(to [6]byte) *packet.Link {
	var b [12]byte
	copy(b[:], to[:])
	copy(b[6:], directorMAC[:])
	return &packet.Link{Low: binary.LittleEndian.Uint64(b[:]), High: binary.LittleEndian.Uint32(b[8:])}
}

// decode reads a frame by gopacket and fails unless gopacket, given the same layers, writes the same bytes.
func decode(tb testing.TB, f []byte) gopacket.Packet {
	tb.Helper()
	p := gopacket.NewPacket(slices.Clone(f), layers.LayerTypeEthernet, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		tb.Fatalf("gopacket: %v\n% x", e.Error(), f)
	}
	var all []gopacket.SerializableLayer
	for _, l := range p.Layers() {
		if t, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			_ = t.SetNetworkLayerForChecksum(p.NetworkLayer())
		}
		all = append(all, l.(gopacket.SerializableLayer))
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		tb.Fatal(err)
	}
	end := 14 + int(binary.BigEndian.Uint16(f[16:]))
	want := buf.Bytes()[:end]
	if udp := p.Layer(layers.LayerTypeUDP); udp != nil && want[40]|want[41] == 0 {
		want[40], want[41] = 0xff, 0xff // gopacket sends a computed 0 as 0
	}
	if !slices.Equal(want, f[:end]) {
		tb.Fatalf("lengths or checksums are wrong:\n% x\n% x, by gopacket", f[:end], want)
	}
	return p
}
