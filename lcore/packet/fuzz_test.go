package packet

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// FuzzParse: no frame makes Parse panic, and none that it accepts makes what follows panic. What Plain reads, Parse reads
// alike. The slices have no byte of capacity beyond their length, so that a read past the end would.
func FuzzParse(f *testing.F) {
	f.Add(tcpFrame(f, 9))
	f.Add(tcpFrame(f, 0, func(ip *layers.IPv4, tcp *layers.TCP) { ipOptions(ip, 10); tcpOptions(tcp) }))
	f.Add(udpFrame(f, 1))
	f.Add(append(udpFrame(f, 0, func(ip *layers.IPv4, _ *layers.UDP) { ipOptions(ip, 3) }), 0, 0, 0))
	f.Add(frame(f, ethernet(), header(1), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 4)}, gopacket.Payload(tcpFrame(f, 0)[14:])))
	f.Add(frame(f, ethernet(), header(1), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 1)}, gopacket.Payload(tcpFrame(f, 0)[14:])))
	f.Add(tcpFrame(f, 9)[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		b := exact(data)
		m, plain := Meta{Src: 1, Dst: 2, SrcPort: 3, DstPort: 4, Protocol: 5, TCPFlags: 6, TTL: 7, L4: 8, Kind: KindOther}, Meta{}
		cause := Parse(b, &m)
		if len(b) < 1<<16 && readPlain(head(b), uint16(len(b)), &plain) && (cause != None || plain != m) {
			t.Fatalf("Parse: %v %+v, as a plain one: %+v", cause, m, plain)
		}
		if cause != None {
			return
		}
		if !slices.Equal(b, data) {
			t.Fatal("Parse wrote")
		}
		DstMAC(b)
		switch m.Kind {
		case KindARP, KindOther:
			if m != (Meta{Kind: m.Kind}) {
				t.Fatalf("%+v", m)
			}
			return
		case KindFlow:
			if m.Protocol == ProtocolTCP {
				Seq(b, &m)
				answer := roomy(b)
				answer = answer[:AnswerReset(answer, &m)]
				checkSums(t, answer)
				if ack := Ack(b, &m); m.TCPFlags&ACK != 0 && ack != binary.BigEndian.Uint32(b[m.L4+8:]) {
					t.Fatalf("acknowledges %d", ack)
				}
				r := Reset{Src: m.Src, Dst: m.Dst, SrcPort: m.SrcPort, DstPort: m.DstPort, Seq: Seq(b, &m), Ack: Ack(b, &m)}
				made := make([]byte, 0, AnswerRoom)
				made = made[:r.Write(made, Link{Low: 1, High: 2})]
				checkSums(t, made)
				var back Meta
				if cause := Parse(made, &back); cause != None || back.Src != m.Src || back.Dst != m.Dst || back.SrcPort != m.SrcPort ||
					back.DstPort != m.DstPort || back.TCPFlags&RST == 0 || Seq(made, &back) != r.Seq || Ack(made, &back) != r.Ack {
					t.Fatalf("%+v became %v % x", r, cause, made)
				}
				u := Unacceptable{Src: m.Src, Dst: m.Dst, SrcPort: m.SrcPort, DstPort: m.DstPort, Seq: Ack(b, &m), Ack: Seq(b, &m), Stamped: m.TTL&1 != 0}
				made = made[:u.Write(made[:AnswerRoom], Link{Low: 1, High: 2})]
				checkSums(t, made)
				if cause := Parse(made, &back); cause != None || back.Src != m.Src || back.DstPort != m.DstPort || back.TCPFlags != ACK || Seq(made, &back) != u.Seq || Ack(made, &back) != u.Ack {
					t.Fatalf("%+v became %v % x", u, cause, made)
				}
			} else if m.TCPFlags != 0 {
				t.Fatal("UDP has TCP flags")
			}
			if m.TTL > 0 {
				Rewrite(exact(b), &m, Source, 1, 2, 3, 4, &Link{})
				Rewrite(exact(b), &m, Destination, 1, 2, 3, 4, &Link{})
			}
		case KindIPv4:
			var about, again Meta
			isError := ICMPError(b, &m, &about)
			if seq, ok := Unreachable(b, &m, &again); again != about || ok && (!isError || about.Protocol != ProtocolTCP || b[m.L4] != 3 || b[m.L4+1] == 4) {
				t.Fatalf("unreachable %v, number %d, about %+v, want %+v", ok, seq, again, about)
			}
		}
		if m.Kind != KindFlow && (m.SrcPort|m.DstPort != 0 || m.TCPFlags != 0) {
			t.Fatalf("ports of what has none: %+v", m)
		}
		Route(exact(b), Link{})
		answer := roomy(b)
		n := AnswerTimeExceeded(answer, 1)
		if n > AnswerRoom || sum16(answer[34:n]) != 0xffff || binary.BigEndian.Uint16(answer[24:]) != wantL3(answer) {
			t.Fatalf("answer % x", answer[:n])
		}
	})
}

// FuzzRewrite: what changes incrementally is what a full computation gives, and what was wrong stays wrong by the
// same amount.
func FuzzRewrite(f *testing.F) {
	f.Add(true, true, uint32(clientAddr), uint32(virtualAddr), uint32(realAddr), uint16(40000), uint16(80), uint16(8080), uint8(64), uint8(0), []byte("hello"), uint16(0), uint16(0))
	f.Add(false, false, uint32(0), ^uint32(0), uint32(0), uint16(0), ^uint16(0), uint16(0), uint8(1), uint8(10), []byte{0}, uint16(1), uint16(0xfffe))
	f.Add(false, true, uint32(0xffff0000), uint32(0xffff), uint32(0xffff), uint16(1), uint16(1), uint16(1), uint8(255), uint8(1), []byte{0xff, 0xff}, uint16(0), uint16(0xffff))
	f.Fuzz(func(t *testing.T, isTCP, back bool, src, dst, to uint32, srcPort, dstPort, toPort uint16, ttl, options uint8, data []byte, l3Off, l4Off uint16) {
		if ttl == 0 || len(data) > 2000 {
			return
		}
		ip := header(layers.IPProtocolUDP)
		ip.SrcIP, ip.DstIP, ip.TTL = address(src), address(dst), ttl
		if options %= 11; options > 0 {
			ipOptions(ip, int(options))
		}
		var b []byte
		if isTCP {
			ip.Protocol = layers.IPProtocolTCP
			b = frame(t, ethernet(), ip, &layers.TCP{SrcPort: layers.TCPPort(srcPort), DstPort: layers.TCPPort(dstPort), Seq: src ^ to}, gopacket.Payload(data))
		} else {
			b = frame(t, ethernet(), ip, &layers.UDP{SrcPort: layers.UDPPort(srcPort), DstPort: layers.UDPPort(dstPort)}, gopacket.Payload(data))
			binary.BigEndian.PutUint16(l4Checksum(b), wantL4(b)) // gopacket sends a computed 0 as 0
		}
		right := l3Off == 0 && l4Off == 0
		l3, l4 := b[24:26], l4Checksum(b)
		binary.BigEndian.PutUint16(l3, binary.BigEndian.Uint16(l3)+l3Off)
		binary.BigEndian.PutUint16(l4, binary.BigEndian.Uint16(l4)+l4Off)
		unsummed := !isTCP && binary.BigEndian.Uint16(l4) == 0
		l3Error, l4Error := error16(binary.BigEndian.Uint16(l3), wantL3(b)), error16(binary.BigEndian.Uint16(l4), wantL4(b))

		var m Meta
		if cause := Parse(b, &m); cause != None {
			t.Fatal(cause)
		}
		plain := roomy(b)
		isPlain := readPlain(head(b), uint16(len(b)), &m)
		// A reply's differences are the complement of its flow's, made for the way there.
		if back {
			diff := AddressDiff(to, src)
			Rewrite(b, &m, Source, to, toPort, ^diff, ^PortDiff(diff, toPort, srcPort), &link)
			rewritePlain(head(plain), &m, Source, to, toPort, ^diff, ^PortDiff(diff, toPort, srcPort))
		} else {
			diff := AddressDiff(dst, to)
			Rewrite(b, &m, Destination, to, toPort, diff, PortDiff(diff, dstPort, toPort), &link)
			rewritePlain(head(plain), &m, Destination, to, toPort, diff, PortDiff(diff, dstPort, toPort))
		}
		if isPlain != (options == 0) {
			t.Fatalf("%d words of options, plain: %v", options, isPlain)
		}
		if isPlain && !slices.Equal(plain[:len(b)], b) {
			t.Fatalf("a plain frame is rewritten otherwise:\n% x\n% x", plain[:len(b)], b)
		}

		if right {
			checkSums(t, b)
		}
		if got := error16(binary.BigEndian.Uint16(l3), wantL3(b)); got != l3Error {
			t.Errorf("header off by %d, was %d", got, l3Error)
		}
		switch got := binary.BigEndian.Uint16(l4); {
		case unsummed:
			if got != 0 {
				t.Errorf("checksum 0 became %#x", got)
			}
		case !isTCP && got == 0:
			t.Error("a UDP checksum became 0")
		case error16(got, wantL4(b)) != l4Error:
			t.Errorf("transport off by %d, was %d", error16(got, wantL4(b)), l4Error)
		}
		if b[22] != ttl-1 {
			t.Errorf("TTL %d became %d", ttl, b[22])
		}
	})
}
