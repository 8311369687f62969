package forward

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// stepOf is one frame of a golden case: what comes in, what becomes of it, and what is counted by it.
type stepOf struct {
	wait     uint32 // ticks before
	in       pkt
	raw      []byte // comes in on in.port, instead
	flags    uint8  // of the frame
	verdict  Verdict
	out      uint16 // worker or punt kind
	want     pkt    // goes out by its port
	wantRaw  []byte // goes out by the port that it came in by
	routed   bool   // goes out to the gateway, as a router would send it
	spare    pkt    // what the worker sends of its own beside it
	counters string // changes, as counters() prints them
}

// counters are all that a worker counts, in order, those not 0.
type counters struct {
	names  []string
	values []int64
}

func (w *world) counters() counters {
	w.Publish()
	var c counters
	add := func(name string, n uint64) {
		c.names, c.values = append(c.names, name), append(c.values, int64(n))
	}
	add("forward", w.stats.Packets[0].Load())
	add("reply", w.stats.Packets[1].Load())
	add("opened", w.stats.Opened.Load())
	add("closed", w.stats.Closed.Load())
	add("evicted", w.stats.Evicted.Load())
	add("translated", w.stats.Translated.Load())
	add("refused", w.stats.Refused.Load())
	add("handed", w.stats.Handed.Load())
	add("transit", w.stats.Transit.Load())
	add("kept", w.stats.StickyHits.Load())
	for cause := packet.None; cause < packet.Causes; cause++ {
		add(cause.String(), w.stats.Drops[cause].Load())
	}
	add("connections", w.connections())
	add("records", w.stats.FlowsUsed.Load())
	return c
}

// connections are those counted now, by binding; the reals' must agree.
func (w *world) connections() (n uint64) {
	byReal := uint64(0)
	for slot := range w.counts.Bindings {
		b := w.counts.Binding(uint32(slot))
		n += b.Opened - b.Closed
	}
	for i := range w.counts.Reals {
		byReal += uint64(w.counts.Reals[i].Open)
	}
	if n != byReal {
		panic(fmt.Sprint(n, " connections by binding, ", byReal, " by real"))
	}
	return n
}

// since prints what changed, as in "forward 1, opened 1".
func (c counters) since(before counters) string {
	var changed []string
	for i, name := range c.names {
		if d := c.values[i] - before.values[i]; d != 0 {
			changed = append(changed, fmt.Sprint(name, " ", d))
		}
	}
	return strings.Join(changed, ", ")
}

// play runs the steps and checks each. It says whether all went well.
func (w *world) play(t *testing.T, steps []stepOf) {
	t.Helper()
	for i, s := range steps {
		w.pass(s.wait)
		before := w.counters()
		in := s.raw
		if in == nil {
			in = s.in.in(t)
		}
		f := frameOf(s.in.port, in)
		f.Flags = s.flags
		got := w.run(f)[0]
		want, out := s.wantRaw, s.in.port
		if s.want.src != "" {
			want, out = s.want.out(t), s.want.port
		}
		if s.routed {
			want, out = routed(in, gatewayMAC[:], outsideMAC[:]), outside
		}
		if s.verdict == Hand || s.verdict == Punt {
			out = s.out
		}
		if got.Verdict != s.verdict || s.verdict != Drop && got.Out != out {
			t.Errorf("step %d: verdict %d out %d, want %d out %d", i, got.Verdict, got.Out, s.verdict, out)
		}
		if want == nil {
			want = in // untouched
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("step %d: frame\n%s\nwant\n%s", i, dump(got.Bytes()), dump(want))
		}
		if resized := got.Flags&FlagResized != 0; resized != (len(want) != len(in)) && !(resized && s.verdict == Send) {
			t.Errorf("step %d: FlagResized %v, length %d to %d", i, resized, len(in), len(want))
		}
		w.checkSpare(t, s.spare)
		if changed := w.counters().since(before); changed != s.counters {
			t.Errorf("step %d: counted %q, want %q", i, changed, s.counters)
		}
		if t.Failed() {
			return
		}
	}
}

// checkSpare fails unless the last burst made the packet, and no other; the zero pkt is none.
func (w *world) checkSpare(t *testing.T, want pkt) {
	t.Helper()
	if want.src == "" {
		if w.Spared() != 0 {
			t.Errorf("made\n%s", dump(w.spares[0].Bytes()))
		}
		return
	}
	if w.Spared() != 1 {
		t.Errorf("%d packets made, want 1", w.Spared())
		return
	}
	if f, b := &w.spares[0], want.out(t); f.Verdict != Send || f.Out != want.port || f.Flags != FlagResized || !bytes.Equal(f.Bytes(), b) {
		t.Errorf("verdict %d out %d flags %d, made\n%s\nwant\n%s", f.Verdict, f.Out, f.Flags, dump(f.Bytes()), dump(b))
	}
}

// What most connections count.
const (
	opens1  = "forward 1, opened 1, connections 1, records 1"
	fwd     = "forward 1"
	rep     = "reply 1"
	lastFIN = "forward 1, connections -1"
)

func sent(in pkt, want pkt, counters string) stepOf {
	return stepOf{in: in, verdict: Send, want: want, counters: counters}
}

func later(ticks uint32, s stepOf) stepOf { s.wait = ticks; return s }

func dropped(in pkt, cause packet.DropCause) stepOf {
	return stepOf{in: in, verdict: Drop, counters: cause.String() + " 1"}
}

func punted(kind PuntKind, in pkt) stepOf {
	return stepOf{in: in, verdict: Punt, out: uint16(kind)}
}

// refusedBy is an answer of RST, by virtual or stray reply.
func refusedBy(in pkt, cause packet.DropCause, want pkt) stepOf {
	return stepOf{in: in, verdict: Send, want: want, counters: "refused 1, " + cause.String() + " 1"}
}

// handshake is a connection's first three packets, with real n.
func handshake(n int) []stepOf {
	return []stepOf{
		sent(fromClient("S"), toReal(n, "S"), opens1),
		sent(fromReal(n, "SA"), toClient("SA"), rep),
		sent(fromClient("A"), toReal(n, "A"), fwd),
	}
}

func join(parts ...[]stepOf) (all []stepOf) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// timeExceeded is the ICMP error that port's address sends about a frame.
func timeExceeded(tb testing.TB, port uint16, in []byte) []byte {
	router := [][]byte{{192, 0, 2, 1}, {10, 0, 0, 1}}[port]
	eth := ethernet(in[0:6], in[6:12])
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolICMPv4,
		SrcIP: router, DstIP: net.IP(in[26:30]),
	}
	quote := in[14:min(len(in), 14+int(in[14]&15)*4+8)]
	return serialise(tb, eth, ip, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(11, 0)}, gopacket.Payload(quote))
}

func icmp(tb testing.TB, port uint16, src, dst string, kind uint8, payload []byte, ttl uint8) []byte {
	p := pkt{port: port, src: src + ":0", dst: dst + ":0"}
	b := p.in(tb)
	ip := &layers.IPv4{Version: 4, TTL: ttl, Id: 5, Protocol: layers.IPProtocolICMPv4, SrcIP: b[26:30], DstIP: b[30:34]}
	return serialise(tb, ethernet(b[6:12], b[0:6]), ip, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, 0)}, gopacket.Payload(payload))
}

func ipv4(tb testing.TB, protocol uint8, dst [4]byte, dmac net.HardwareAddr) []byte {
	ip := &layers.IPv4{Version: 4, TTL: 255, Protocol: layers.IPProtocol(protocol), SrcIP: net.IP{192, 0, 2, 9}, DstIP: dst[:]}
	return serialise(tb, ethernet(gatewayMAC[:], dmac), ip, gopacket.Payload("0123456789abcdefghij"))
}

func arp(tb testing.TB, dmac net.HardwareAddr) []byte {
	return serialise(tb, &layers.Ethernet{SrcMAC: gatewayMAC[:], DstMAC: dmac, EthernetType: layers.EthernetTypeARP}, &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1,
		SourceHwAddress: gatewayMAC[:], SourceProtAddress: []byte{192, 0, 2, 254}, DstHwAddress: make([]byte, 6), DstProtAddress: []byte{192, 0, 2, 10},
	})
}

var (
	everybody = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	stranger  = net.HardwareAddr{2, 9, 9, 9, 9, 9}
)

// routed is a frame after a router's work on it, out by a port.
func routed(b []byte, dst, src []byte) []byte {
	out := append([]byte(nil), b...)
	copy(out[0:6], dst)
	copy(out[6:12], src)
	out[22]--
	out[24], out[25] = 0, 0
	sum := uint32(0)
	for i := 14; i < 34; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(out[i:]))
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(out[24:], ^uint16(sum))
	return out
}

// change edits the rules of a case.
func change(edit func(*ruleset.Source)) func(*world) {
	return func(w *world) { edit(&w.source); w.apply() }
}

var (
	drop  = change(func(s *ruleset.Source) { s.Virtuals[0].Reset = false })
	route = change(func(s *ruleset.Source) { s.TransitRoute = true })
)

func TestGolden(t *testing.T) {
	type rulesOf = func(*world)
	udp := fromClient("u").to(webUDP)
	gone := pkt{port: outside, src: "198.51.100.7:5000", dst: "203.0.113.9:9000", flags: "A"}
	for _, tt := range []struct {
		description string
		rules       rulesOf
		steps       []stepOf
	}{
		{
			description: "a connection from SYN to both FINs, with data",
			steps: join(handshake(1), []stepOf{
				sent(fromClient("AP").with("GET /"), toReal(1, "AP").with("GET /"), fwd),
				sent(fromReal(1, "AP").with("odd"), toClient("AP").with("odd"), rep),
				sent(fromReal(1, "FA"), toClient("FA"), rep),
				sent(fromClient("A"), toReal(1, "A"), fwd),
				sent(fromClient("FA"), toReal(1, "FA"), lastFIN),
				sent(fromReal(1, "A"), toClient("A"), rep),
			}),
		},
		{
			description: "sequence and acknowledgement numbers go through",
			steps: []stepOf{
				sent(fromClient("S").numbers(1<<32-1, 0), toReal(1, "S").numbers(1<<32-1, 0), opens1),
				sent(fromReal(1, "SA").numbers(5, 0), toClient("SA").numbers(5, 0), rep),
			},
		},
		{
			description: "every SYN takes its turn",
			steps: []stepOf{
				sent(fromClient("S"), toReal(1, "S"), opens1),
				sent(fromClient("S").from("198.51.100.1:40001"), toReal(2, "S").from("198.51.100.1:40001"), opens1),
				sent(fromClient("S").from("198.51.100.2:40001"), toReal(3, "S").from("198.51.100.2:40001"), opens1),
				sent(fromClient("S").from("198.51.100.2:40002"), toReal(1, "S").from("198.51.100.2:40002"), opens1),
				sent(fromClient("S"), toReal(1, "S"), fwd), // sent again
			},
		},
		{
			description: "SYN with data, ECN's flags are none of ours",
			steps:       []stepOf{sent(fromClient("SP").with("fast"), toReal(1, "SP").with("fast"), opens1)},
		},
		{
			description: "UDP there and back",
			steps: []stepOf{
				sent(udp.with("a"), toReal(1, "u").with("a"), opens1),
				sent(fromReal(1, "u").with("answer"), toClient("u").from(webUDP).with("answer"), rep),
				sent(udp.with("b"), toReal(1, "u").with("b"), fwd),
			},
		},
		{
			description: "TCP of no flow is answered by RST",
			steps: []stepOf{
				refusedBy(fromClient("A").numbers(1, 99), packet.NoFlow, rst(fromClient("A"), "R", 99, 0)),
				refusedBy(fromClient("SA").numbers(1, 99), packet.NoFlow, rst(fromClient("A"), "R", 99, 0)),
				refusedBy(fromClient("FA").numbers(1, 99).with("123"), packet.NoFlow, rst(fromClient("A"), "R", 99, 0)),
				refusedBy(fromClient("P").numbers(7, 99).with("123"), packet.NoFlow, rst(fromClient("A"), "RA", 0, 10)),
				refusedBy(fromClient("SF").numbers(7, 0), packet.NoFlow, rst(fromClient("A"), "RA", 0, 9)),
				dropped(fromClient("R"), packet.NoFlow),
				dropped(fromClient("RA"), packet.NoFlow),
			},
		},
		{
			description: "TCP of no flow is answered by silence", rules: drop,
			steps: []stepOf{dropped(fromClient("A"), packet.NoFlow), dropped(fromClient("SA"), packet.NoFlow)},
		},
		{
			description: "TCP of no flow after a start: silence, then RST",
			rules:       func(w *world) { w.start, w.silence = w.time, 100 },
			steps: []stepOf{
				dropped(fromClient("A"), packet.NoFlow),
				dropped(fromReal(1, "SA"), packet.StrayReply),
				later(99, dropped(fromClient("A"), packet.NoFlow)),
				later(1, refusedBy(fromClient("A"), packet.NoFlow, rst(fromClient("A"), "R", 0, 0))),
				sent(fromClient("S"), toReal(1, "S"), opens1),
			},
		},
		{
			description: "RST to nobody's address is not sent",
			steps: []stepOf{
				dropped(fromClient("A").from("224.0.0.1:5000"), packet.NoFlow),
				dropped(fromClient("A").from("0.0.0.0:5000"), packet.NoFlow),
				dropped(fromClient("A").from("255.255.255.255:5000"), packet.NoFlow),
			},
		},
		{
			description: "TTL 1 is answered in both directions, not forwarded, and changes no phase",
			steps: join(handshake(1), []stepOf{
				{
					in: fromClient("RA").hops(1), verdict: Send, counters: "ttl-expired 1",
					wantRaw: timeExceeded(t, outside, fromClient("RA").hops(1).in(t)),
				},
				{
					in: fromReal(1, "A").hops(1), verdict: Send, counters: "ttl-expired 1",
					wantRaw: timeExceeded(t, inside, fromReal(1, "A").hops(1).in(t)),
				},
				sent(fromClient("A").hops(2), pkt{port: inside, src: client, dst: forward, flags: "A", ttl: 1}, fwd),
			}),
		},
		{
			description: "a SYN with TTL 1 opens nothing",
			steps: []stepOf{{
				in: fromClient("S").hops(1), verdict: Send, counters: "ttl-expired 1",
				wantRaw: timeExceeded(t, outside, fromClient("S").hops(1).in(t)),
			}},
		},
		{
			description: "no time exceeded to nobody's address, nor from a port without one",
			rules:       change(func(s *ruleset.Source) { s.Ports[inside].Address = 0 }),
			steps: []stepOf{
				dropped(fromClient("S").from("127.0.0.1:5000").hops(1), packet.ICMPLimited),
				sent(fromClient("S"), toReal(1, "S"), opens1),
				dropped(fromReal(1, "SA").hops(1), packet.ICMPLimited),
			},
		},
		{
			description: "another's MAC, a group's, everybody's",
			steps: []stepOf{
				dropped(fromClient("S").link(stranger.String()), packet.NotForUs),
				dropped(fromClient("S").link(everybody.String()), packet.NotForUs),
				dropped(fromClient("S").link("01:00:5e:00:00:01"), packet.NotForUs),
				dropped(fromClient("S").link(net.HardwareAddr(insideMAC[:]).String()), packet.NotForUs),
				dropped(fromClient("u").to("192.0.2.255:137").link(everybody.String()), packet.NotForUs),
				dropped(fromClient("S").to("224.0.0.9:520").link("01:00:5e:00:00:09"), packet.NotForUs),
				{raw: arp(t, stranger), verdict: Drop, counters: "not-for-us 1"},
				{raw: ipv4(t, 112, [4]byte{224, 0, 0, 18}, stranger), verdict: Drop, counters: "not-for-us 1"},
				{raw: ipv4(t, 1, [4]byte{192, 0, 2, 255}, everybody), verdict: Drop, counters: "not-for-us 1"},
			},
		},
		{
			description: "what the kernel gets, by kind",
			steps: []stepOf{
				{raw: arp(t, everybody), verdict: Punt, out: uint16(PuntNeighbour)},
				{raw: arp(t, outsideMAC[:]), verdict: Punt, out: uint16(PuntNeighbour)},
				{raw: ipv4(t, 112, [4]byte{224, 0, 0, 18}, net.HardwareAddr{1, 0, 0x5e, 0, 0, 18}), verdict: Punt, out: uint16(PuntHello)},
				{raw: ipv4(t, 89, [4]byte{224, 0, 0, 5}, net.HardwareAddr{1, 0, 0x5e, 0, 0, 5}), verdict: Punt, out: uint16(PuntHello)},
				punted(PuntHello, pkt{src: "192.0.2.9:520", dst: "224.0.0.9:520", flags: "u", dmac: "01:00:5e:00:00:09"}),
				{raw: ipv4(t, 2, [4]byte{239, 1, 2, 3}, net.HardwareAddr{1, 0, 0x5e, 1, 2, 3}), verdict: Punt, out: uint16(PuntRest)},
				punted(PuntRest, pkt{src: "0.0.0.0:67", dst: "255.255.255.255:68", flags: "u", dmac: everybody.String()}),
				{raw: icmp(t, outside, "198.51.100.1", "192.0.2.1", 8, []byte("ping"), 1), verdict: Punt, out: uint16(PuntICMP)},
				{raw: icmp(t, outside, "198.51.100.1", "192.0.2.10", 8, []byte("ping"), 64), verdict: Punt, out: uint16(PuntICMP)},
				{raw: icmp(t, inside, "10.0.0.11", "10.0.0.1", 0, nil, 64), in: pkt{port: inside}, verdict: Punt, out: uint16(PuntICMP)},
				{raw: ipv4(t, 47, [4]byte{192, 0, 2, 1}, outsideMAC[:]), verdict: Punt, out: uint16(PuntRest)},
				punted(PuntHost, fromClient("S").to("192.0.2.1:22")),
				punted(PuntHost, fromClient("A").to("192.0.2.10:81")), // a virtual's address, no virtual's port
				punted(PuntRest, fromClient("u").to("192.0.2.10:80")),
				punted(PuntHost, fromReal(1, "SA").to("10.0.0.1:33333")), // a probe's answer
				{raw: append([]byte{0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xfe, 0x86, 0xdd}, make([]byte, 40)...), verdict: Punt, out: uint16(PuntRest)},
			},
		},
		{
			description: "fragments, but for pings of our own",
			steps: []stepOf{
				dropped(pkt{src: client, dst: webTCP, flags: "S", more: true}, packet.Fragment),
				dropped(pkt{src: client, dst: webUDP, flags: "u", more: true, data: "12345678"}, packet.Fragment),
				{raw: func() []byte {
					b := icmp(t, outside, "198.51.100.1", "192.0.2.1", 8, []byte("ping"), 64)
					b[20] |= 0x20
					return b
				}(), verdict: Punt, out: uint16(PuntICMP)},
				{raw: func() []byte {
					b := icmp(t, outside, "198.51.100.1", "203.0.113.1", 8, []byte("ping"), 64)
					b[20] |= 0x20
					return b
				}(), verdict: Drop, counters: "fragment 1"},
			},
		},
		{
			description: "segmented, short, malformed",
			steps: []stepOf{
				{in: fromClient("S"), flags: FlagSegmented, verdict: Drop, counters: "segmented 1"},
				{raw: fromClient("S").in(t)[:33], verdict: Drop, counters: "short 1"},
				{raw: []byte{}, verdict: Drop, counters: "short 1"},
				{raw: fromClient("S").in(t)[:53], verdict: Drop, counters: "ip-truncated 1"},
				{raw: func() []byte { b := fromClient("S").in(t); b[14] = 0x46; b[46] = 0x60; return b }(), verdict: Drop, counters: "tcp-malformed 1"},
				{raw: func() []byte { b := fromClient("S").in(t); b[14] = 0x43; return b }(), verdict: Drop, counters: "ip-malformed 1"},
				{raw: func() []byte { b := udp.in(t); b[39]++; return b }(), verdict: Drop, counters: "udp-malformed 1"},
			},
		},
		{
			description: "transit is dropped",
			steps: []stepOf{
				dropped(gone, packet.Transit),
				dropped(pkt{port: inside, src: "10.0.0.99:1", dst: "198.51.100.9:2", flags: "u"}, packet.Transit),
				{raw: icmp(t, inside, "10.0.0.11", "198.51.100.1", 8, nil, 64), in: pkt{port: inside}, verdict: Drop, counters: "transit 1"},
			},
		},
		{
			description: "transit is routed", rules: route,
			steps: []stepOf{
				sent(pkt{port: inside, src: "10.0.0.11:33333", dst: "198.51.100.9:443", flags: "S"}, pkt{port: outside, src: "10.0.0.11:33333", dst: "198.51.100.9:443", flags: "S", ttl: 63}, "transit 1"),
				sent(pkt{port: outside, src: "198.51.100.9:443", dst: "10.0.0.11:33333", flags: "SA"}, pkt{port: inside, src: "198.51.100.9:443", dst: "10.0.0.11:33333", flags: "SA", ttl: 63}, "transit 1"),
				{
					raw: icmp(t, inside, "10.0.0.11", "198.51.100.1", 8, []byte("x"), 64), in: pkt{port: inside},
					verdict: Send, routed: true, counters: "transit 1",
				},
				dropped(gone.to("10.0.0.99:1"), packet.NoNeighbour),
				{
					in: gone.hops(1), verdict: Send, counters: "ttl-expired 1",
					wantRaw: timeExceeded(t, outside, gone.hops(1).in(t)),
				},
				dropped(gone.to("239.1.1.1:1"), packet.Transit),
				dropped(gone.to("255.255.255.255:1"), packet.Transit),
				dropped(gone.to("127.0.0.1:1"), packet.Transit),
			},
		},
		{
			description: "transit without a route",
			rules: change(func(s *ruleset.Source) {
				s.TransitRoute, s.Routes = true, s.Routes[1:]
			}),
			steps: []stepOf{
				dropped(gone, packet.NoRoute),
				// A flow's packet without a route back to its client says so, too.
				sent(fromClient("S"), toReal(1, "S"), opens1),
				dropped(fromReal(1, "SA"), packet.NoRoute),
			},
		},
		{
			description: "transit by a gateway that does not answer", rules: func(w *world) { route(w); w.hops.Unset(1) },
			steps: []stepOf{dropped(gone, packet.NoNeighbour)},
		},
		{
			description: "ICMP errors about a real's endpoint do not leave", rules: route,
			steps: []stepOf{
				{
					raw: icmp(t, inside, "10.0.0.11", "198.51.100.1", 3, toReal(1, "A").out(t)[14:], 64), in: pkt{port: inside},
					verdict: Drop, counters: "stray-reply 1",
				},
				{
					raw: icmp(t, inside, "10.0.0.99", "198.51.100.1", 11, toReal(2, "u").out(t)[14:14+28], 64), in: pkt{port: inside},
					verdict: Drop, counters: "stray-reply 1",
				},
				{
					raw: icmp(t, inside, "10.0.0.99", "198.51.100.1", 11, gone.in(t)[14:], 1), in: pkt{port: inside},
					verdict: Drop, counters: "icmp-limited 1", // nor are errors answered by errors
				},
			},
		},
		{
			description: "stray replies", rules: route,
			steps: []stepOf{
				dropped(fromReal(1, "A"), packet.StrayReply),
				dropped(fromReal(1, "u"), packet.StrayReply),
				dropped(fromReal(1, "RA"), packet.StrayReply),
				dropped(fromReal(1, "SRA"), packet.StrayReply),
				refusedBy(fromReal(2, "SA").numbers(3, 55), packet.StrayReply, rst(fromReal(2, "SA"), "R", 55, 0)),
			},
		},
		{
			description: "no real: all weights 0",
			rules: change(func(s *ruleset.Source) {
				for v := range s.Virtuals {
					for m := range s.Virtuals[v].Members {
						s.Virtuals[v].Members[m].Weight = 0
					}
				}
			}),
			steps: []stepOf{
				refusedBy(fromClient("S").numbers(9, 0), packet.NoReal, rst(fromClient("S"), "RA", 0, 10)),
				dropped(udp, packet.NoReal),
				dropped(fromReal(1, "A"), packet.StrayReply),
			},
		},
		{
			description: "no real, and silence", rules: change(func(s *ruleset.Source) { s.Virtuals[0].Refuse, s.Virtuals[0].Members = false, nil }),
			steps: []stepOf{dropped(fromClient("S"), packet.NoReal)},
		},
		{
			description: "a real's port 0 keeps the client's",
			rules: change(func(s *ruleset.Source) {
				for slot, r := range s.Reals {
					r.Port = 0
					s.Reals[slot] = r
				}
			}),
			steps: []stepOf{
				sent(fromClient("S"), toReal(1, "S").to("10.0.0.11:80"), opens1),
				sent(fromReal(1, "SA").from("10.0.0.11:80"), toClient("SA"), rep),
				sent(fromClient("u").to(webUDP), toReal(1, "u").to("10.0.0.11:53"), opens1),
				dropped(fromReal(2, "A").from("10.0.0.12:80"), packet.StrayReply),
				dropped(fromReal(2, "A").from("10.0.0.12:22"), packet.Transit),
			},
		},
		{
			description: "the reply tuple is another virtual's: the next real",
			rules: change(func(s *ruleset.Source) {
				v := s.Virtuals[0]
				v.Slot, v.Port, v.Members = 3, 81, nil
				for _, m := range s.Virtuals[0].Members[:2] {
					m.Binding += 20
					v.Members = append(v.Members, m)
				}
				s.Virtuals = append(s.Virtuals, v)
			}),
			steps: []stepOf{
				sent(fromClient("S"), toReal(1, "S"), opens1),
				sent(fromClient("S").to("192.0.2.10:81"), toReal(2, "S"), opens1), // both name the client's port
				sent(fromReal(1, "SA"), toClient("SA"), rep),
				sent(fromReal(2, "SA"), toClient("SA").from("192.0.2.10:81"), rep),
			},
		},
		{
			description: "next hops that are not known", rules: func(w *world) { w.hops.Unset(2); w.hops.SetNeighbour(inside, firstReal+1, 0) },
			steps: []stepOf{
				{in: fromClient("S"), verdict: Drop, counters: "opened 1, no-neighbour 1, connections 1, records 1"},
				{in: fromClient("S").from("198.51.100.1:2"), verdict: Drop, counters: "opened 1, no-neighbour 1, connections 1, records 1"},
				sent(fromClient("S").from("198.51.100.1:3"), toReal(3, "S").from("198.51.100.1:3"), opens1),
				dropped(fromClient("S"), packet.NoNeighbour),
			},
		},
		{
			description: "frames from another worker's ring",
			steps: []stepOf{
				{in: fromClient("S"), flags: FlagHanded, verdict: Send, want: toReal(1, "S"), counters: opens1},
				{in: fromReal(1, "SA"), flags: FlagHanded | FlagHash, verdict: Send, want: toClient("SA"), counters: rep},
				{in: fromClient("A").from("198.51.100.1:2"), flags: FlagHanded, verdict: Send, want: rst(fromClient("A").from("198.51.100.1:2"), "R", 0, 0), counters: "refused 1, no-flow 1"},
			},
		},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			if tt.rules != nil {
				tt.rules(w)
			}
			w.play(t, tt.steps)
		})
	}
}
