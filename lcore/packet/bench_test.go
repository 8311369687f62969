package packet

import "testing"

// BenchmarkParse reads a frame's headers: the way of nearly all of them, and the one of what it must look at more closely.
func BenchmarkParse(b *testing.B) {
	for _, c := range []struct {
		name  string
		frame []byte
	}{{"tcp", tcpFrame(b, 6)}, {"udp", udpFrame(b, 18)}} {
		f := roomy(c.frame)
		h, m := head(f), Meta{}
		b.Run("plain/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				payload, protocol, flags := h.Payload(uint16(len(f))), h.Protocol(), uint8(0)
				switch {
				case protocol == ProtocolTCP && h.TCPFits(payload):
					flags = h.TCPFlags()
				case protocol != ProtocolUDP || !h.UDPFits(payload):
					b.Fatal("not plain")
				}
				m.Show(h.Addresses(), h.Ports(), protocol, flags, h.TTL())
			}
		})
		b.Run("any/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if cause := Parse(f, &m); cause != None {
					b.Fatal(cause)
				}
			}
		})
	}
}

// BenchmarkRewrite gives a frame another destination, to and fro, with its checksums, time to live and link addresses.
func BenchmarkRewrite(b *testing.B) {
	l3 := AddressDiff(virtualAddr, realAddr)
	for _, c := range []struct {
		name     string
		frame    []byte
		protocol uint8
		port     uint16
	}{{"tcp", tcpFrame(b, 6), ProtocolTCP, 80}, {"udp", udpFrame(b, 18), ProtocolUDP, 4433}} {
		l4 := PortDiff(l3, c.port, 8080)
		b.Run(c.name, func(b *testing.B) {
			f := roomy(c.frame)
			h, before := head(f), string(f[22:42])
			b.ReportAllocs()
			rewritten := 0
			for ; b.Loop(); rewritten++ {
				hitPlain(h, c.protocol, realAddr, 8080, l3, l4)
				hitPlain(h, c.protocol, virtualAddr, c.port, ^l3, ^l4)
			}
			if after := string(f[30:38]); after != before[8:16] {
				b.Fatalf("%x, was %x", after, before[8:16])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*rewritten), "ns/rewrite")
		})
	}
}

// hitPlain is what a hit does to a frame.
func hitPlain(h *Head, protocol uint8, addr uint32, port, l3Diff, l4Diff uint16) {
	h.RewriteLink(1, 2)
	h.RewriteIPv4(Destination, addr, l3Diff)
	if protocol == ProtocolTCP {
		h.RewriteTCP(Destination, port, l4Diff)
	} else {
		h.RewriteUDP(Destination, port, l4Diff)
	}
}
