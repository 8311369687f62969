package packet

import (
	"encoding/binary"
	"net"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// What the frames of these tests are made of, unless a test changes it.
const (
	clientAddr  = 0xc6336401 // 198.51.100.1
	virtualAddr = 0xc000020a // 192.0.2.10
	realAddr    = 0x0a00000b // 10.0.0.11
)

func address(a uint32) net.IP { return binary.BigEndian.AppendUint32(nil, a) }

func ethernet() *layers.Ethernet {
	return &layers.Ethernet{
		SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 0xfe}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1},
		EthernetType: layers.EthernetTypeIPv4,
	}
}

func header(protocol layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{
		Version: 4, TTL: 64, Id: 0x1234, Flags: layers.IPv4DontFragment, Protocol: protocol,
		SrcIP: address(clientAddr), DstIP: address(virtualAddr),
	}
}

func segment() *layers.TCP {
	return &layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 0x01020304, Ack: 0x05060708, ACK: true, PSH: true, Window: 1000}
}

func datagram() *layers.UDP { return &layers.UDP{SrcPort: 40000, DstPort: 4433} }

// frame serialises layers with lengths and checksums set and no padding. Its capacity is its length, so that a read
// past its end panics.
func frame(tb testing.TB, all ...gopacket.SerializableLayer) []byte {
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
	b := buf.Bytes()
	if ip != nil {
		b = b[:EthernetLen+int(ip.Length)] // gopacket pads to 60 bytes
	}
	return exact(b)
}

func exact(b []byte) []byte { return slices.Clip(slices.Clone(b)) }

// roomy is a copy in a buffer that an answer fits in.
func roomy(b []byte) []byte { return slices.Grow(slices.Clone(b), AnswerRoom) }

// head is the beginning of b's buffer, grown as far as a buffer is.
func head(b []byte) *Head {
	if cap(b) < AnswerRoom {
		b = roomy(b)
	}
	return (*Head)(b[:len(Head{})])
}

// readPlain reads a plain frame of this length into m, from a Head's pieces, and returns false for any other.
func readPlain(h *Head, length uint16, m *Meta) bool {
	payload, flags := h.Payload(length), uint8(0)
	switch protocol := h.Protocol(); {
	case protocol == ProtocolTCP && h.TCPFits(payload):
		flags = h.TCPFlags()
	case protocol == ProtocolUDP && h.UDPFits(payload):
	default:
		return false
	}
	m.Show(h.Addresses(), h.Ports(), h.Protocol(), flags, h.TTL())
	return true
}

// rewritePlain is Rewrite, to link, for a plain frame.
func rewritePlain(h *Head, m *Meta, side Side, addr uint32, port, l3Diff, l4Diff uint16) {
	h.RewriteLink(link.Low, link.High)
	h.RewriteIPv4(side, addr, l3Diff)
	if m.Protocol == ProtocolTCP {
		h.RewriteTCP(side, port, l4Diff)
	} else {
		h.RewriteUDP(side, port, l4Diff)
	}
}

func payload(n int) gopacket.Payload {
	p := make(gopacket.Payload, n)
	for i := range p {
		p[i] = byte(7*i + 1)
	}
	return p
}

func tcpFrame(tb testing.TB, data int, change ...func(*layers.IPv4, *layers.TCP)) []byte {
	tb.Helper()
	ip, tcp := header(layers.IPProtocolTCP), segment()
	for _, f := range change {
		f(ip, tcp)
	}
	return frame(tb, ethernet(), ip, tcp, payload(data))
}

func udpFrame(tb testing.TB, data int, change ...func(*layers.IPv4, *layers.UDP)) []byte {
	tb.Helper()
	ip, udp := header(layers.IPProtocolUDP), datagram()
	for _, f := range change {
		f(ip, udp)
	}
	return frame(tb, ethernet(), ip, udp, payload(data))
}

// sum16 is a sum in ones' complement by the book, word by word: nothing in common with the code under test.
func sum16(parts ...[]byte) uint16 {
	total := uint64(0)
	for _, p := range parts {
		for i := 0; i < len(p); i += 2 {
			word := uint64(p[i]) * 256
			if i+1 < len(p) {
				word += uint64(p[i+1])
			}
			total += word
		}
	}
	for total > 0xffff {
		total = total/0x10000 + total%0x10000
	}
	return uint16(total)
}

// l3 and l4 are the checksums that a frame of TCP or UDP over IPv4 ought to have.
func wantL3(f []byte) uint16 {
	h := slices.Clone(f[14 : 14+int(f[14]&15)*4])
	h[10], h[11] = 0, 0
	return ^sum16(h)
}

func wantL4(f []byte) uint16 {
	l4 := 14 + int(f[14]&15)*4
	total := int(binary.BigEndian.Uint16(f[16:]))
	data := slices.Clone(f[l4 : 14+total])
	at := 16
	if f[23] == 17 {
		at = 6
		data = data[:binary.BigEndian.Uint16(data[4:])]
	}
	data[at], data[at+1] = 0, 0
	length := []byte{0, f[23], byte(len(data) >> 8), byte(len(data))}
	sum := ^sum16(f[26:34], length, data)
	if sum == 0 && f[23] == 17 {
		sum = 0xffff
	}
	return sum
}

// l4Checksum is where a frame's TCP or UDP checksum stands.
func l4Checksum(f []byte) []byte {
	at := 14 + int(f[14]&15)*4 + 16
	if f[23] == 17 {
		at -= 10
	}
	return f[at : at+2]
}

// checkSums fails unless both checksums are right by the book.
func checkSums(tb testing.TB, f []byte) {
	tb.Helper()
	if got, want := binary.BigEndian.Uint16(f[24:]), wantL3(f); got != want {
		tb.Errorf("IPv4 header checksum %#04x, want %#04x", got, want)
	}
	if got, want := binary.BigEndian.Uint16(l4Checksum(f)), wantL4(f); got != want {
		tb.Errorf("transport checksum %#04x, want %#04x", got, want)
	}
}

// decode reads a frame by gopacket and fails on anything it cannot make out.
func decode(tb testing.TB, f []byte) gopacket.Packet {
	tb.Helper()
	p := gopacket.NewPacket(slices.Clone(f), layers.LayerTypeEthernet, gopacket.NoCopy)
	if e := p.ErrorLayer(); e != nil {
		tb.Fatalf("gopacket: %v\n% x", e.Error(), f)
	}
	return p
}
