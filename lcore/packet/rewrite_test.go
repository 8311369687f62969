package packet

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/gopacket/layers"
)

var link = Link{Low: 0x2222_060504030201, High: 0x06050403}

// rewrite parses f and rewrites one side of it as a flow would.
func rewrite(tb testing.TB, f []byte, side Side, addr uint32, port uint16) {
	tb.Helper()
	var m Meta
	if cause := Parse(f, &m); cause != None {
		tb.Fatal(cause)
	}
	from, fromPort := m.Dst, m.DstPort
	if side == Source {
		from, fromPort = m.Src, m.SrcPort
	}
	l3 := AddressDiff(from, addr)
	Rewrite(f, &m, side, addr, port, l3, PortDiff(l3, fromPort, port), &link)
}

func TestRewrite(t *testing.T) {
	for _, side := range []Side{Source, Destination} {
		for data := range 6 {
			for name, f := range map[string][]byte{
				"TCP":         tcpFrame(t, data),
				"TCP options": tcpFrame(t, data, func(ip *layers.IPv4, tcp *layers.TCP) { ipOptions(ip, 10); tcpOptions(tcp) }),
				"UDP":         udpFrame(t, data),
				"UDP options": udpFrame(t, data, func(ip *layers.IPv4, _ *layers.UDP) { ipOptions(ip, 1) }),
			} {
				t.Run(fmt.Sprint(name, side, data), func(t *testing.T) {
					f = append(f, 0xaa, 0xbb, 0xcc) // padding is nobody's business
					before := slices.Clone(f)
					rewrite(t, f, side, realAddr, 8080)
					checkSums(t, f)
					p := decode(t, f)
					eth, ip := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet), p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
					if eth.DstMAC.String() != "01:02:03:04:05:06" || eth.SrcMAC.String() != "22:22:03:04:05:06" {
						t.Error("link ", eth.DstMAC, eth.SrcMAC)
					}
					if ip.TTL != 63 {
						t.Error("TTL ", ip.TTL)
					}
					src, dst := address(clientAddr), address(realAddr)
					if side == Source {
						src, dst = address(realAddr), address(virtualAddr)
					}
					if !ip.SrcIP.Equal(src) || !ip.DstIP.Equal(dst) {
						t.Error(ip.SrcIP, ip.DstIP)
					}
					l4 := 14 + int(ip.IHL)*4
					at := map[Side]int{Source: l4, Destination: l4 + 2}[side]
					if got := binary.BigEndian.Uint16(f[at:]); got != 8080 {
						t.Error("port ", got)
					}
					// All but what was named is as before.
					for _, r := range [][2]int{{0, 12}, {22, 23}, {24, 34}, {l4, l4 + 4}} {
						copy(f[r[0]:r[1]], before[r[0]:r[1]])
					}
					copy(l4Checksum(f), l4Checksum(before))
					if !slices.Equal(f, before) {
						t.Errorf("other bytes changed:\n% x\n% x", before, f)
					}
				})
			}
		}
	}
}

// TestRewriteThereAndBack rewrites by the complement of the differences, as replies are.
func TestRewriteThereAndBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 5000 {
		from, to := random.Uint32(), random.Uint32()
		fromPort, toPort := uint16(random.Uint32()), uint16(random.Uint32())
		if random.IntN(10) == 0 {
			to, toPort = from, fromPort // differences of 0xffff, complements of 0
		}
		f := tcpFrame(t, random.IntN(3), func(ip *layers.IPv4, tcp *layers.TCP) {
			ip.SrcIP, tcp.SrcPort, tcp.Seq = address(to), layers.TCPPort(toPort), random.Uint32()
		})
		var m Meta
		Parse(f, &m)
		l3 := AddressDiff(from, to)
		l4 := PortDiff(l3, fromPort, toPort)
		Rewrite(f, &m, Source, from, fromPort, ^l3, ^l4, &link)
		if checkSums(t, f); t.Failed() {
			t.Fatalf("%#x:%d back to %#x:%d", to, toPort, from, fromPort)
		}
	}
}

func TestRewriteUDPChecksum(t *testing.T) {
	t.Run("0 stays 0", func(t *testing.T) {
		f := udpFrame(t, 5)
		copy(l4Checksum(f), []byte{0, 0})
		rewrite(t, f, Destination, realAddr, 8080)
		if got := l4Checksum(f); got[0] != 0 || got[1] != 0 {
			t.Errorf("checksum % x", got)
		}
	})
	// One word of data is chosen so that the sum after the rewrite is 0xffff, whose complement is 0.
	complete := func(f []byte, side Side) []byte {
		data := f[len(f)-2:]
		data[0], data[1] = 0, 0
		after := exact(f)
		rewrite(t, after, side, realAddr, 8080)
		binary.BigEndian.PutUint16(data, wantL4(after)) // the word that the sum lacks
		binary.BigEndian.PutUint16(l4Checksum(f), wantL4(f))
		return f
	}
	for _, side := range []Side{Source, Destination} {
		t.Run("a computed 0 becomes 0xffff", func(t *testing.T) {
			f := complete(udpFrame(t, 6), side)
			rewrite(t, f, side, realAddr, 8080)
			if got := binary.BigEndian.Uint16(l4Checksum(f)); got != 0xffff {
				t.Errorf("checksum %#04x", got)
			}
			checkSums(t, f)
		})
		t.Run("TCP's computed 0 stays 0", func(t *testing.T) {
			f := complete(tcpFrame(t, 6), side)
			rewrite(t, f, side, realAddr, 8080)
			if got := binary.BigEndian.Uint16(l4Checksum(f)); got != 0 {
				t.Errorf("checksum %#04x", got)
			}
			checkSums(t, f)
		})
	}
	t.Run("0xffff changes like any other", func(t *testing.T) {
		f := udpFrame(t, 2)
		data := f[len(f)-2:]
		data[0], data[1] = 0, 0
		binary.BigEndian.PutUint16(data, wantL4(f))
		binary.BigEndian.PutUint16(l4Checksum(f), wantL4(f))
		if got := l4Checksum(f); got[0] != 0xff || got[1] != 0xff {
			t.Fatalf("checksum % x", got)
		}
		rewrite(t, f, Destination, realAddr, 8080)
		checkSums(t, f)
	})
	t.Run("over a length shorter than the datagram", func(t *testing.T) {
		f := udpFrame(t, 9)
		binary.BigEndian.PutUint16(f[38:], 8+5)
		binary.BigEndian.PutUint16(l4Checksum(f), wantL4(f))
		rewrite(t, f, Destination, realAddr, 8080)
		checkSums(t, f)
	})
}

// error16 is how far a checksum is off, in ones' complement, where 0 and 0xffff are one.
func error16(got, want uint16) uint16 { return uint16((uint32(got) + 0xffff - uint32(want)) % 0xffff) }

// TestRewriteWrongChecksum: the receiver must see the damage, the same damage.
func TestRewriteWrongChecksum(t *testing.T) {
	for _, f := range [][]byte{tcpFrame(t, 7), udpFrame(t, 7)} {
		for _, off := range []uint16{1, 2, 0x00ff, 0x0100, 0x7fff, 0x8000, 0xfffe} {
			f := exact(f)
			for _, sum := range [][]byte{f[24:26], l4Checksum(f)} {
				binary.BigEndian.PutUint16(sum, binary.BigEndian.Uint16(sum)+off)
			}
			l3, l4 := error16(binary.BigEndian.Uint16(f[24:]), wantL3(f)), error16(binary.BigEndian.Uint16(l4Checksum(f)), wantL4(f))
			rewrite(t, f, Destination, realAddr, 8080)
			if got := error16(binary.BigEndian.Uint16(f[24:]), wantL3(f)); got != l3 || l3 == 0 {
				t.Errorf("header off by %d, was %d", got, l3)
			}
			if got := error16(binary.BigEndian.Uint16(l4Checksum(f)), wantL4(f)); got != l4 || l4 == 0 {
				t.Errorf("transport off by %d, was %d", got, l4)
			}
		}
	}
}

func TestRoute(t *testing.T) {
	for ttl := 1; ttl < 256; ttl++ {
		f := frame(t, ethernet(), func() *layers.IPv4 {
			ip := header(layers.IPProtocolUDP)
			ip.TTL = uint8(ttl)
			ip.Id = uint16(ttl * 257)
			return ip
		}(), datagram(), payload(ttl%5))
		before := slices.Clone(f)
		Route(f, link)
		if f[22] != uint8(ttl-1) || binary.BigEndian.Uint16(f[24:]) != wantL3(f) {
			t.Fatalf("TTL %d → %d, checksum %x, want %x", ttl, f[22], f[24:26], wantL3(f))
		}
		if eth := decode(t, f).Layer(layers.LayerTypeEthernet).(*layers.Ethernet); eth.DstMAC.String() != "01:02:03:04:05:06" || eth.SrcMAC.String() != "22:22:03:04:05:06" {
			t.Fatal(eth)
		}
		if !slices.Equal(f[26:], before[26:]) || !slices.Equal(f[12:22], before[12:22]) {
			t.Fatal("other bytes changed")
		}
	}
}

// TestDiffs holds the differences against ones' complement by the book, at the edges of every word.
func TestDiffs(t *testing.T) {
	edges := []uint32{0, 1, 0xffff, 0x10000, 0xfffe0001, 0xffff0000, 0xfffffffe, 0xffffffff, realAddr, virtualAddr}
	for _, from := range edges {
		for _, to := range edges {
			want := (to>>16 + to&0xffff + 0xffff*2 - from>>16 - from&0xffff) % 0xffff
			if got := AddressDiff(from, to); uint32(got)%0xffff != want {
				t.Errorf("address %#x to %#x: %#x, want %#x", from, to, got, want)
			}
			want = (want + to&0xffff + 0xffff - from&0xffff) % 0xffff
			if got := PortDiff(AddressDiff(from, to), uint16(from), uint16(to)); uint32(got)%0xffff != want {
				t.Errorf("port %#x to %#x: %#x, want %#x", from, to, got, want)
			}
		}
	}
}

func TestSum(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 200 {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		initial := uint16(random.Uint32())
		want := sum16([]byte{byte(initial >> 8), byte(initial)}, data)
		if got := Sum(data, initial); got != want {
			t.Fatalf("%d bytes: %#x, want %#x", n, got, want)
		}
	}
	ones := slices.Repeat([]byte{0xff}, 1<<18)
	if got := Sum(ones, 0xffff); got != 0xffff {
		t.Errorf("all ones: %#x", got)
	}
	for _, s := range []uint32{0, 1, 0xffff, 0x10000, 0x1fffe, 0x1ffff, 0xffff0000, 0xffff0001, 0xfffeffff, 0xffffffff} {
		if got, want := uint32(Fold(s)), s%0xffff; got%0xffff != want || (got == 0) != (s == 0) {
			t.Errorf("Fold(%#x) = %#x", s, got)
		}
	}
}
