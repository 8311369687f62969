package packet

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"github.com/google/gopacket/layers"
)

func TestAnswerReset(t *testing.T) {
	tests := []struct {
		name     string
		data     int
		change   func(*layers.IPv4, *layers.TCP)
		seq, ack uint32
		withACK  bool
	}{
		{"ACK", 0, func(_ *layers.IPv4, l *layers.TCP) {}, 0x05060708, 0, false},
		{"ACK with data", 11, func(_ *layers.IPv4, l *layers.TCP) {}, 0x05060708, 0, false},
		{"SYN-ACK", 0, func(_ *layers.IPv4, l *layers.TCP) { l.SYN = true }, 0x05060708, 0, false},
		{"SYN", 0, func(_ *layers.IPv4, l *layers.TCP) { l.SYN, l.ACK, l.PSH = true, false, false }, 0, 0x01020305, true},
		{"SYN with options and data", 7, func(ip *layers.IPv4, l *layers.TCP) {
			l.SYN, l.ACK = true, false
			ipOptions(ip, 3)
			tcpOptions(l)
		}, 0, 0x01020304 + 8, true},
		{"FIN", 1, func(_ *layers.IPv4, l *layers.TCP) { l.FIN, l.ACK = true, false }, 0, 0x01020306, true},
		{"SYN and FIN", 1, func(_ *layers.IPv4, l *layers.TCP) { l.SYN, l.FIN, l.ACK = true, true, false }, 0, 0x01020307, true},
		{"no flag", 0, func(_ *layers.IPv4, l *layers.TCP) { l.ACK, l.PSH = false, false }, 0, 0x01020304, true},
		{"sequence number wraps", 4, func(_ *layers.IPv4, l *layers.TCP) { l.ACK, l.Seq = false, 0xfffffffe }, 0, 2, true},
		{"URG, ECE, CWR are no numbers", 0, func(_ *layers.IPv4, l *layers.TCP) {
			l.ACK, l.PSH, l.URG, l.ECE, l.CWR = false, false, true, true, true
		}, 0, 0x01020304, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := roomy(append(tcpFrame(t, tt.data, tt.change), make([]byte, 6)...)) // padding does not count as data
			var m Meta
			if cause := Parse(f, &m); cause != None {
				t.Fatal(cause)
			}
			n := AnswerReset(f, &m)
			if n != 54 {
				t.Fatalf("%d bytes", n)
			}
			f = f[:n]
			checkSums(t, f)
			p := decode(t, f)
			eth, ip := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet), p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
			tcp := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
			if eth.DstMAC.String() != "02:00:00:00:00:fe" || eth.SrcMAC.String() != "02:00:00:00:00:01" || eth.EthernetType != layers.EthernetTypeIPv4 {
				t.Error(eth)
			}
			if !ip.SrcIP.Equal(address(virtualAddr)) || !ip.DstIP.Equal(address(clientAddr)) || ip.TTL != 64 || ip.IHL != 5 || ip.Length != 40 || ip.Protocol != layers.IPProtocolTCP {
				t.Error(ip)
			}
			if tcp.SrcPort != 80 || tcp.DstPort != 40000 || !tcp.RST || tcp.SYN || tcp.FIN || tcp.PSH || tcp.DataOffset != 5 || tcp.Window != 0 {
				t.Error(tcp)
			}
			if tcp.Seq != tt.seq || tcp.Ack != tt.ack || tcp.ACK != tt.withACK {
				t.Errorf("seq %#x, ack %#x %v; want %#x, %#x %v", tcp.Seq, tcp.Ack, tcp.ACK, tt.seq, tt.ack, tt.withACK)
			}
		})
	}
}

func TestAnswerTimeExceeded(t *testing.T) {
	frames := map[string][]byte{
		"TCP":             tcpFrame(t, 100),
		"TCP, no data":    tcpFrame(t, 0),
		"longest header":  tcpFrame(t, 100, func(ip *layers.IPv4, tcp *layers.TCP) { ipOptions(ip, 10) }),
		"UDP, least":      udpFrame(t, 0),
		"shorter than 28": frame(t, ethernet(), header(253), payload(3)),
		"header alone":    frame(t, ethernet(), header(253)),
	}
	const router = 0xc0000201
	for name, before := range frames {
		t.Run(name, func(t *testing.T) {
			before[22] = 1
			binary.BigEndian.PutUint16(before[24:], wantL3(before))
			f := roomy(append(slices.Clone(before), 9, 9, 9))
			var m Meta
			if cause := Parse(f, &m); cause != None {
				t.Fatal(cause)
			}
			n := AnswerTimeExceeded(f, router)
			if n > AnswerRoom {
				t.Fatalf("%d bytes need more than AnswerRoom", n)
			}
			f = f[:n]
			p := decode(t, f)
			eth, ip := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet), p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
			icmp := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
			if eth.DstMAC.String() != "02:00:00:00:00:fe" || eth.SrcMAC.String() != "02:00:00:00:00:01" {
				t.Error(eth)
			}
			if !ip.SrcIP.Equal(address(router)) || !ip.DstIP.Equal(address(clientAddr)) || ip.TTL != 64 || int(ip.Length) != n-14 || binary.BigEndian.Uint16(f[24:]) != wantL3(f) {
				t.Error(ip)
			}
			if icmp.TypeCode != layers.CreateICMPv4TypeCode(layers.ICMPv4TypeTimeExceeded, layers.ICMPv4CodeTTLExceeded) || sum16(f[34:]) != 0xffff || icmp.Id != 0 || icmp.Seq != 0 {
				t.Error(icmp)
			}
			most := 14 + int(before[14]&15)*4 + 8
			if want := before[14:min(most, len(before))]; !slices.Equal(icmp.Payload, want) {
				t.Errorf("quotes % x, want % x", icmp.Payload, want)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	f, room := tcpFrame(t, 20), make([]byte, 0, AnswerRoom)
	var m Meta
	for name, do := range map[string]func(){
		"Parse":              func() { Parse(f, &m) },
		"Rewrite":            func() { Rewrite(f, &m, Destination, realAddr, 8080, 1, 2, &link) },
		"Route":              func() { Route(f, link) },
		"AnswerReset":        func() { AnswerReset(append(room, f...), &m) },
		"AnswerTimeExceeded": func() { AnswerTimeExceeded(append(room, f...), 1) },
		"ICMPError":          func() { var about Meta; ICMPError(f, &m, &about) },
		"Sum":                func() { Sum(f, 0) },
		"Unacceptable":       func() { u := Unacceptable{Stamped: true}; u.Write(room[:AnswerRoom], link) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestUnacceptable: the segment that provokes an ACK, with a timestamp and without, as gopacket reads it.
func TestUnacceptable(t *testing.T) {
	for _, stamped := range []bool{false, true} {
		f := make([]byte, AnswerRoom)
		for i := range f {
			f[i] = 0xee // what was there before
		}
		u := Unacceptable{Src: virtualAddr, Dst: clientAddr, SrcPort: 80, DstPort: 40000, Seq: 0x1e3779b8, Ack: 0x9e3779b9, Stamped: stamped}
		n := u.Write(f, link)
		p := decode(t, f[:n])
		ip, tcp := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4), p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if !ip.SrcIP.Equal(address(virtualAddr)) || !ip.DstIP.Equal(address(clientAddr)) || ip.TTL != 64 || int(ip.Length) != n-14 || binary.BigEndian.Uint16(f[24:]) != wantL3(f[:n]) {
			t.Error(ip)
		}
		if tcp.SrcPort != 80 || tcp.DstPort != 40000 || tcp.Seq != u.Seq || tcp.Ack != u.Ack || !tcp.ACK || tcp.SYN || tcp.RST || tcp.FIN || tcp.PSH || len(tcp.Payload) != 0 {
			t.Error(tcp)
		}
		if got, want := binary.BigEndian.Uint16(f[50:]), wantL4(f[:n]); got != want {
			t.Errorf("checksum %#x, want %#x", got, want)
		}
		wantLen, options := 54, []layers.TCPOption{}
		if stamped {
			wantLen, options = 66, []layers.TCPOption{
				{OptionType: layers.TCPOptionKindNop, OptionLength: 1},
				{OptionType: layers.TCPOptionKindNop, OptionLength: 1},
				{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte{0x9e, 0x37, 0x79, 0xb9, 0, 0, 0, 0}},
			}
		}
		if n != wantLen || !reflect.DeepEqual(tcp.Options, options) {
			t.Errorf("%d bytes, options %v", n, tcp.Options)
		}
	}
}
