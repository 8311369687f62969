package packet

import (
	"encoding/binary"
	"net"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

func ipOptions(ip *layers.IPv4, words int) {
	for range words - 1 {
		ip.Options = append(ip.Options, layers.IPv4Option{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}})
	}
	ip.Options = append(ip.Options, layers.IPv4Option{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}})
}

func tcpOptions(tcp *layers.TCP) {
	tcp.Options = []layers.TCPOption{
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 0xb4}},
		{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
		{OptionType: layers.TCPOptionKindNop},
		{OptionType: layers.TCPOptionKindNop},
	}
}

func TestViews(t *testing.T) {
	f := tcpFrame(t, 5, func(ip *layers.IPv4, tcp *layers.TCP) {
		ipOptions(ip, 2)
		tcpOptions(tcp)
		tcp.SYN, tcp.FIN, tcp.RST = true, true, true
	})
	p := decode(t, f)
	ip, tcp := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4), p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	v := (*IPv4)(f[EthernetLen:])
	if v.HeaderLen() != int(ip.IHL)*4 || v.HeaderLen() != 28 || v.TotalLen() != int(ip.Length) || v.TTL() != ip.TTL ||
		v.Protocol() != uint8(ip.Protocol) || !slices.Equal(address(v.Src()), ip.SrcIP) || !slices.Equal(address(v.Dst()), ip.DstIP) || v.Fragment() {
		t.Errorf("IPv4 view differs from %+v", ip)
	}
	w := (*TCP)(f[EthernetLen+28:])
	if w.SrcPort() != uint16(tcp.SrcPort) || w.DstPort() != uint16(tcp.DstPort) || w.Seq() != tcp.Seq || w.Ack() != tcp.Ack ||
		w.HeaderLen() != int(tcp.DataOffset)*4 || w.HeaderLen() != 28 || w.Flags() != SYN|ACK|PSH|RST|FIN {
		t.Errorf("TCP view differs from %+v: flags %#x", tcp, w.Flags())
	}
	g := udpFrame(t, 9)
	u := (*UDP)(g[34:])
	if u.SrcPort() != 40000 || u.DstPort() != 4433 || u.Len() != 17 {
		t.Error("UDP view: ", u.SrcPort(), u.DstPort(), u.Len())
	}
	if mac := DstMAC(f); mac != MACFrom([6]byte{2, 0, 0, 0, 0, 1}) || mac.Group() || mac != 0x010000000002 {
		t.Errorf("destination MAC %#x", mac)
	}
	if !MACFrom([6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}).Group() || !MACFrom([6]byte{1, 0, 0x5e}).Group() {
		t.Error("a group's MAC is not one")
	}
	for flag, set := range map[uint8]func(*layers.TCP){
		FIN: func(l *layers.TCP) { l.FIN = true }, SYN: func(l *layers.TCP) { l.SYN = true },
		RST: func(l *layers.TCP) { l.RST = true }, PSH: func(l *layers.TCP) { l.PSH = true }, ACK: func(l *layers.TCP) { l.ACK = true },
	} {
		f := tcpFrame(t, 0, func(_ *layers.IPv4, l *layers.TCP) { l.ACK, l.PSH = false, false; set(l) })
		var m Meta
		if Parse(f, &m); m.TCPFlags != flag {
			t.Errorf("flags %#x, want %#x", m.TCPFlags, flag)
		}
	}
}

// flow is what Parse makes of the frames of this package's tests.
func flow(protocol uint8, l4 uint8) Meta {
	m := Meta{Src: clientAddr, Dst: virtualAddr, SrcPort: 40000, DstPort: 80, Protocol: protocol, TTL: 64, L4: l4}
	if protocol == ProtocolUDP {
		m.DstPort = 4433
	} else {
		m.TCPFlags = ACK | PSH
	}
	return m
}

func put16(at int, v uint16) func([]byte) []byte {
	return func(f []byte) []byte { binary.BigEndian.PutUint16(f[at:], v); return f }
}

func put8(at int, v byte) func([]byte) []byte {
	return func(f []byte) []byte { f[at] = v; return f }
}

func cut(n int) func([]byte) []byte { return func(f []byte) []byte { return exact(f[:n]) } }

func TestParse(t *testing.T) {
	tcp, udp := func() []byte { return tcpFrame(t, 9) }, func() []byte { return udpFrame(t, 9) }
	icmp := func() []byte {
		return frame(t, ethernet(), header(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}, payload(3))
	}
	other := func(protocol uint8) Meta {
		return Meta{Src: clientAddr, Dst: virtualAddr, Protocol: protocol, TTL: 64, L4: 34, Kind: KindIPv4}
	}
	piece := func(protocol uint8) Meta { m := other(protocol); m.Kind = KindFragment; return m }
	options := func(words int) func() []byte {
		return func() []byte { return tcpFrame(t, 3, func(ip *layers.IPv4, _ *layers.TCP) { ipOptions(ip, words) }) }
	}
	tests := []struct {
		name   string
		frame  func() []byte
		change func([]byte) []byte
		want   Meta
		cause  DropCause
	}{
		{name: "TCP", frame: tcp, want: flow(ProtocolTCP, 34)},
		{name: "UDP", frame: udp, want: flow(ProtocolUDP, 34)},
		{name: "TCP without data", frame: func() []byte { return tcpFrame(t, 0) }, want: flow(ProtocolTCP, 34)},
		{name: "UDP without data", frame: func() []byte { return udpFrame(t, 0) }, want: flow(ProtocolUDP, 34)},
		{name: "one IP option", frame: options(1), want: flow(ProtocolTCP, 38)},
		{name: "ten IP options", frame: options(10), want: flow(ProtocolTCP, 74)},
		{
			name:  "TCP options",
			frame: func() []byte { return tcpFrame(t, 3, func(_ *layers.IPv4, tcp *layers.TCP) { tcpOptions(tcp) }) },
			want:  flow(ProtocolTCP, 34),
		},
		{name: "padding after the datagram", frame: tcp, change: func(f []byte) []byte { return append(f, 0xde, 0xad, 0xbe) }, want: flow(ProtocolTCP, 34)},
		{name: "TTL 0", frame: tcp, change: put8(22, 0), want: func() Meta { m := flow(ProtocolTCP, 34); m.TTL = 0; return m }()},
		{name: "wrong checksums", frame: tcp, change: func(f []byte) []byte { f[25]++; f[51]++; return f }, want: flow(ProtocolTCP, 34)},
		{name: "UDP length shorter than the payload", frame: udp, change: put16(38, 12), want: flow(ProtocolUDP, 34)},
		{name: "UDP length of its header", frame: udp, change: put16(38, 8), want: flow(ProtocolUDP, 34)},
		{name: "evil bit", frame: tcp, change: put16(20, 0x8000), want: flow(ProtocolTCP, 34)},

		{name: "ICMP", frame: icmp, want: other(ProtocolICMP)},
		{name: "ICMP without a payload", frame: func() []byte { return frame(t, ethernet(), header(1)) }, want: other(ProtocolICMP)},
		{name: "VRRP", frame: func() []byte { return frame(t, ethernet(), header(ProtocolVRRP), payload(20)) }, want: other(ProtocolVRRP)},
		{name: "first fragment", frame: tcp, change: put16(20, 0x2000), want: piece(ProtocolTCP)},
		{name: "last fragment", frame: udp, change: put16(20, 0x0001), want: piece(ProtocolUDP)},
		{name: "far fragment of 1 byte", frame: func() []byte { return frame(t, ethernet(), header(6), payload(1)) }, change: put16(20, 0x1fff), want: piece(ProtocolTCP)},
		{
			name: "ARP",
			frame: func() []byte {
				return frame(t, &layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeARP},
					&layers.ARP{
						AddrType: 1, Protocol: 0x800, Operation: 1, SourceHwAddress: make([]byte, 6), SourceProtAddress: make([]byte, 4),
						DstHwAddress: make([]byte, 6), DstProtAddress: make([]byte, 4),
					})
			},
			want: Meta{Kind: KindARP},
		},
		{name: "IPv6", frame: tcp, change: put16(12, EtherTypeIPv6), want: Meta{Kind: KindOther}},
		{name: "VLAN", frame: tcp, change: put16(12, 0x8100), want: Meta{Kind: KindOther}},
		{name: "802.3 length", frame: tcp, change: put16(12, 46), want: Meta{Kind: KindOther}},

		{name: "nothing", frame: tcp, change: cut(0), cause: Short},
		{name: "half an Ethernet header", frame: tcp, change: cut(13), cause: Short},
		{name: "Ethernet header alone", frame: tcp, change: cut(14), cause: Short},
		{name: "a byte short of an IPv4 header", frame: tcp, change: cut(33), cause: Short},
		{name: "version 5", frame: tcp, change: put8(14, 0x55), cause: IPMalformed},
		{name: "version 0", frame: tcp, change: put8(14, 0x05), cause: IPMalformed},
		{name: "header length 16", frame: tcp, change: put8(14, 0x44), cause: IPMalformed},
		{name: "header length 0", frame: tcp, change: put8(14, 0x40), cause: IPMalformed},
		{name: "header beyond the total length", frame: func() []byte { return frame(t, ethernet(), header(6), payload(20)) }, change: put8(14, 0x4f), cause: IPMalformed},
		{name: "total length below the header", frame: tcp, change: put16(16, 19), cause: IPMalformed},
		{name: "total length 0", frame: tcp, change: put16(16, 0), cause: IPMalformed},
		{name: "a byte cut off", frame: tcp, change: func(f []byte) []byte { return exact(f[:len(f)-1]) }, cause: IPTruncated},
		{name: "IPv4 header alone, more promised", frame: tcp, change: cut(34), cause: IPTruncated},
		{name: "total length 65535", frame: tcp, change: put16(16, 0xffff), cause: IPTruncated},
		{name: "19 bytes of TCP", frame: func() []byte { return frame(t, ethernet(), header(6), payload(19)) }, cause: TCPMalformed},
		{name: "no TCP", frame: func() []byte { return frame(t, ethernet(), header(6)) }, cause: TCPMalformed},
		{name: "TCP cut by the total length, padding follows", frame: tcp, change: put16(16, 39), cause: TCPMalformed},
		{name: "data offset 16", frame: tcp, change: put8(46, 0x40), cause: TCPMalformed},
		{name: "data offset 0", frame: tcp, change: put8(46, 0), cause: TCPMalformed},
		{name: "data offset beyond the datagram", frame: tcp, change: put8(46, 0x80), cause: TCPMalformed},
		{name: "data offset 16 behind an IP option", frame: options(1), change: put8(50, 0x40), cause: TCPMalformed},
		{name: "data offset beyond the datagram, behind an IP option", frame: options(1), change: put8(50, 0xf0), cause: TCPMalformed},
		{name: "7 bytes of UDP", frame: func() []byte { return frame(t, ethernet(), header(17), payload(7)) }, cause: UDPMalformed},
		{name: "no UDP", frame: func() []byte { return frame(t, ethernet(), header(17)) }, cause: UDPMalformed},
		{name: "UDP length beyond the datagram", frame: udp, change: put16(38, 18), cause: UDPMalformed},
		{name: "UDP length 7", frame: udp, change: put16(38, 7), cause: UDPMalformed},
		{name: "UDP length 0", frame: udp, change: put16(38, 0), cause: UDPMalformed},
	}
	seen, plain := map[DropCause]bool{}, 0
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.frame()
			if tt.change != nil {
				f = exact(tt.change(f))
			}
			before := slices.Clone(f)
			m := Meta{Src: 1, Dst: 2, SrcPort: 3, DstPort: 4, Protocol: 5, TCPFlags: 6, TTL: 7, L4: 8, Kind: KindOther} // what the frame before left
			cause := Parse(f, &m)
			if cause != tt.cause || cause == None && m != tt.want {
				t.Errorf("%v %+v, want %v %+v", cause, m, tt.cause, tt.want)
			}
			if !slices.Equal(f, before) {
				t.Error("Parse wrote into the frame")
			}
			m = Meta{Src: 1, Dst: 2, SrcPort: 3, DstPort: 4, Protocol: 5, TCPFlags: 6, TTL: 7, L4: 8, Kind: KindOther}
			if readPlain(head(f), uint16(len(f)), &m) {
				plain++
				if tt.cause != None || m != tt.want {
					t.Errorf("as a plain one: %+v, want %v %+v", m, tt.cause, tt.want)
				}
			}
			seen[cause] = true
		})
	}
	if plain == 0 {
		t.Error("none is plain")
	}
	for c := Short; c <= UDPMalformed; c++ {
		if !seen[c] && c != Segmented {
			t.Errorf("no frame for %v", c)
		}
	}
}

// TestParseEveryPrefix cuts frames at every length: nothing is read past the end, and no piece passes for a whole.
func TestParseEveryPrefix(t *testing.T) {
	for _, whole := range [][]byte{
		tcpFrame(t, 13, func(ip *layers.IPv4, tcp *layers.TCP) { ipOptions(ip, 3); tcpOptions(tcp) }),
		udpFrame(t, 13, func(ip *layers.IPv4, _ *layers.UDP) { ipOptions(ip, 10) }),
		frame(t, ethernet(), header(1), payload(30)),
	} {
		for n := range whole {
			var m Meta
			want := IPTruncated
			if n < 34 {
				want = Short
			}
			if cause := Parse(exact(whole[:n]), &m); cause != want {
				t.Errorf("%d of %d bytes: %v, want %v", n, len(whole), cause, want)
			}
		}
	}
}

func TestICMPError(t *testing.T) {
	quoted := tcpFrame(t, 0, func(ip *layers.IPv4, _ *layers.TCP) { ipOptions(ip, 2) })[14:]
	tests := []struct {
		name  string
		kind  uint8
		quote []byte
		want  Meta
		is    bool
	}{
		{"echo", 8, quoted, Meta{}, false},
		{"echo reply", 0, quoted, Meta{}, false},
		{"unreachable", 3, quoted, Meta{Src: clientAddr, Dst: virtualAddr, SrcPort: 40000, DstPort: 80, Protocol: 6}, true},
		{"time exceeded, least quote", 11, quoted[:28+8], Meta{Src: clientAddr, Dst: virtualAddr, SrcPort: 40000, DstPort: 80, Protocol: 6}, true},
		{"ports cut off", 11, quoted[:28+3], Meta{Src: clientAddr, Dst: virtualAddr, Protocol: 6}, true},
		{"header cut off", 12, quoted[:19], Meta{}, true},
		{"nothing quoted", 5, nil, Meta{}, true},
		{"a quoted header length of 0", 3, append([]byte{0x40}, quoted[1:]...), Meta{Src: clientAddr, Dst: virtualAddr, SrcPort: 0x9404, Protocol: 6}, true},
	}
	for _, tt := range tests {
		f := frame(t, ethernet(), header(1), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(tt.kind, 0)}, gopacket.Payload(tt.quote))
		f = append(f, 0xff, 0xff, 0xff, 0xff) // padding
		var m Meta
		if cause := Parse(f, &m); cause != None {
			t.Fatal(tt.name, cause)
		}
		about := Meta{L4: 99}
		if is := ICMPError(f, &m, &about); is != tt.is || about != tt.want {
			t.Errorf("%s: %v %+v, want %v %+v", tt.name, is, about, tt.is, tt.want)
		}
	}
	f := tcpFrame(t, 0)
	f[34] = 3
	var m, about Meta
	Parse(f, &m)
	if ICMPError(f, &m, &about) {
		t.Error("TCP is an ICMP error")
	}
	f = frame(t, ethernet(), header(1))
	Parse(f, &m)
	if ICMPError(f, &m, &about) {
		t.Error("an empty datagram is an ICMP error")
	}
}

func TestUnicast(t *testing.T) {
	for a, want := range map[uint32]bool{
		0: false, 0x00ffffff: false, 0x01000000: true, 0x7effffff: true, 0x7f000000: false, 0x7fffffff: false, 0x80000000: true,
		0xdfffffff: true, 0xe0000000: false, 0xefffffff: false, 0xf0000000: false, 0xffffffff: false, virtualAddr: true,
	} {
		if Unicast(a) != want {
			t.Errorf("%#x: %v", a, !want)
		}
	}
}

func TestCauses(t *testing.T) {
	names := map[string]bool{}
	for c := range Causes {
		if c.String() == "" || c.Help() == "" || names[c.String()] {
			t.Errorf("cause %d: %q, %q", c, c, c.Help())
		}
		names[c.String()] = true
	}
}
