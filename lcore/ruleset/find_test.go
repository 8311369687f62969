package ruleset

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFindVirtual: the exact port, then the client's class, then the exact protocol.
func TestFindVirtual(t *testing.T) {
	const insider, outsider = 0x0a050001, 0x0b000001 // classes 5 and none
	at := func(slot, port uint16, protocol uint8, class uint16) VirtualSource {
		return VirtualSource{Slot: slot, Address: webAddress, Port: port, Protocol: protocol, Class: class}
	}
	gone := func(v VirtualSource) VirtualSource { v.Draining = true; return v }
	for _, tt := range []struct {
		name     string
		virtuals []VirtualSource
		client   uint32
		port     uint16
		protocol uint8
		want     uint16
	}{
		{"the class before all", []VirtualSource{at(1, 80, 6, 0), at(2, 80, 6, 5)}, insider, 80, 6, 2},
		{"all for who has no class", []VirtualSource{at(1, 80, 6, 0), at(2, 80, 6, 5)}, outsider, 80, 6, 1},
		{"all for a class without a virtual", []VirtualSource{at(1, 80, 6, 0), at(2, 80, 6, 6)}, insider, 80, 6, 1},
		{"nobody for another class", []VirtualSource{at(2, 80, 6, 6)}, insider, 80, 6, 0},
		{"nobody for no class", []VirtualSource{at(2, 80, 6, 5)}, outsider, 80, 6, 0},
		{"the exact port before the class", []VirtualSource{at(1, 80, 6, 0), at(2, 0, 6, 5)}, insider, 80, 6, 1},
		{"every port, the class first", []VirtualSource{at(1, 0, 6, 0), at(2, 0, 6, 5)}, insider, 81, 6, 2},
		{"every port, all", []VirtualSource{at(1, 0, 6, 0), at(2, 0, 6, 5)}, outsider, 65535, 6, 1},
		{"every port is port 0, too", []VirtualSource{at(1, 0, 6, 0)}, outsider, 0, 6, 1},
		{"every port of one protocol", []VirtualSource{at(1, 0, 6, 0)}, outsider, 80, 17, 0},
		{"the exact protocol before any", []VirtualSource{at(1, 80, 0, 0), at(2, 80, 6, 0)}, outsider, 80, 6, 2},
		{"any for the other protocol", []VirtualSource{at(1, 80, 0, 0), at(2, 80, 6, 0)}, outsider, 80, 17, 1},
		{"any is TCP and UDP alone", []VirtualSource{at(1, 80, 0, 0)}, outsider, 80, 1, 0},
		{"the class before the protocol", []VirtualSource{at(1, 80, 0, 5), at(2, 80, 6, 0)}, insider, 80, 6, 1},
		{"the port before the protocol", []VirtualSource{at(1, 80, 0, 0), at(2, 0, 6, 0)}, insider, 80, 6, 1},
		{"a removed one, for its flows", []VirtualSource{gone(at(1, 80, 6, 0))}, outsider, 80, 6, 1},
		{"a removed one of every port", []VirtualSource{gone(at(1, 0, 0, 0))}, outsider, 80, 17, 1},
		{"a removed one of a class, whatever classes are now", []VirtualSource{gone(at(1, 80, 6, 5))}, outsider, 80, 6, 1},
		{"who came after it before it", []VirtualSource{gone(at(1, 80, 6, 0)), at(2, 80, 6, 0)}, outsider, 80, 6, 2},
		{"any, too", []VirtualSource{gone(at(1, 80, 6, 0)), at(2, 80, 0, 0)}, outsider, 80, 6, 2},
		{"every port, too", []VirtualSource{gone(at(1, 80, 6, 0)), at(2, 0, 6, 0)}, outsider, 80, 6, 2},
		{"all, too", []VirtualSource{gone(at(1, 80, 6, 5)), at(2, 80, 6, 0)}, insider, 80, 6, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // in either order
				s := Build(&Source{
					Classes:  []Class{{Prefix: 0x0a000000, Bits: 8, Class: 4}, {Prefix: 0x0a050000, Bits: 16, Class: 5}},
					Virtuals: tt.virtuals,
				})
				if got := s.FindVirtual(tt.client, webAddress, tt.port, tt.protocol); got != tt.want {
					t.Errorf("slot %d, want %d", got, tt.want)
				}
				if s.FindVirtual(tt.client, webAddress+1, tt.port, tt.protocol) != 0 {
					t.Error("another address has it, too")
				}
				slices.Reverse(tt.virtuals)
			}
		})
	}
}

// naiveVirtual walks through SPEC.md's steps.
func naiveVirtual(src *Source, client, address uint32, port uint16, protocol uint8) uint16 {
	class, bits := uint16(0), -1
	for _, c := range src.Classes {
		if n := int(c.Bits); n > bits && uint64(client)>>(32-n) == uint64(c.Prefix)>>(32-n) {
			class, bits = c.Class, n
		}
	}
	for _, port := range [...]uint16{port, 0} {
		for _, class := range [...]uint16{class, 0} {
			for _, protocol := range [...]uint8{protocol, 0} {
				for _, v := range src.Virtuals {
					if v.Address == address && v.Port == port && v.Class == class && v.Protocol == protocol && !v.Draining {
						return v.Slot
					}
				}
			}
		}
	}
	return 0
}

// TestFindVirtualRandom compares with the naive look-up, at few endpoints, so that all steps are met.
func TestFindVirtualRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	found := map[string]int{}
	for range 1000 {
		src := &Source{}
		for range random.IntN(6) {
			src.Classes = append(src.Classes, Class{Prefix: random.Uint32N(4) << 30, Bits: uint8(random.IntN(4)), Class: uint16(1 + random.IntN(3))})
		}
		for range random.IntN(20) {
			v := VirtualSource{
				Address: webAddress + random.Uint32N(2), Port: uint16(random.IntN(3)), Protocol: []uint8{0, 6, 17}[random.IntN(3)],
				Class: uint16(max(0, random.IntN(6)-2)), Draining: random.IntN(4) == 0,
			}
			v.Slot = uint16(len(src.Virtuals) + 1)
			if !v.Draining && slices.ContainsFunc(src.Virtuals, func(o VirtualSource) bool {
				return !o.Draining && o.Address == v.Address && o.Port == v.Port && o.Protocol == v.Protocol && o.Class == v.Class
			}) {
				continue // two of one endpoint are refused at load
			}
			src.Virtuals = append(src.Virtuals, v)
		}
		s := Build(src)
		for range 100 {
			client, address, port, protocol := random.Uint32(), webAddress+random.Uint32N(2), uint16(random.IntN(4)), []uint8{6, 17}[random.IntN(2)]
			want := naiveVirtual(src, client, address, port, protocol)
			got := s.FindVirtual(client, address, port, protocol)
			left := slices.ContainsFunc(src.Virtuals, func(v VirtualSource) bool {
				return v.Draining && v.Address == address && (v.Port == port || v.Port == 0) && (v.Protocol == protocol || v.Protocol == 0)
			})
			switch {
			case want == 0 && left:
				if got == 0 || !s.Virtual(got).Draining {
					t.Fatalf("%+v: %#x to %#x:%d/%d: slot %d, want one that drains", src.Virtuals, client, address, port, protocol, got)
				}
				found["draining"]++
			case got != want:
				t.Fatalf("%+v %+v: %#x to %#x:%d/%d: slot %d, want %d", src.Classes, src.Virtuals, client, address, port, protocol, got, want)
			case want != 0:
				v := src.Virtuals[want-1]
				found[fmt.Sprintf("port %v, class %v, protocol %v", v.Port != 0, v.Class != 0, v.Protocol != 0)]++
			}
			ofClass := slices.ContainsFunc(src.Virtuals, func(v VirtualSource) bool {
				return !v.Draining && v.Class != 0 && v.Address == address && (v.Port == port || v.Port == 0) && (v.Protocol == protocol || v.Protocol == 0)
			})
			if s.Classed(address, port, protocol) != ofClass {
				t.Fatalf("%+v: %#x:%d/%d is of some class: %v", src.Virtuals, address, port, protocol, !ofClass)
			}
		}
	}
	if len(found) != 9 {
		t.Errorf("not all steps were met: %v", found)
	}
}

// TestClasses: the longest prefix says the class.
func TestClasses(t *testing.T) {
	src := &Source{
		Classes: []Class{
			{Prefix: 0, Bits: 0, Class: 1},
			{Prefix: 0x0a000000, Bits: 8, Class: 2},
			{Prefix: 0x0a010203, Bits: 32, Class: 3},
			{Prefix: 0x0a010000, Bits: 16, Class: 1<<16 - 1},
			{Prefix: ^uint32(0), Bits: 32, Class: 4},
		},
	}
	for _, c := range []uint16{1, 2, 3, 4, 1<<16 - 1} {
		src.Virtuals = append(src.Virtuals, VirtualSource{Slot: c, Address: webAddress, Port: 80, Protocol: 6, Class: c})
	}
	s := Build(src)
	for client, want := range map[uint32]uint16{
		0: 1, 1: 1, 0x09ffffff: 1, 0x0a000000: 2, 0x0a00ffff: 2, 0x0a010000: 1<<16 - 1, 0x0a010202: 1<<16 - 1, 0x0a010203: 3,
		0x0a010204: 1<<16 - 1, 0x0a020000: 2, 0x0affffff: 2, 0x0b000000: 1, ^uint32(1): 1, ^uint32(0): 4,
	} {
		if got := s.FindVirtual(client, webAddress, 80, 6); got != want {
			t.Errorf("%#x: class %d, want %d", client, got, want)
		}
	}
}

// TestSecured: of the director's addresses, those that virtuals alone have.
func TestSecured(t *testing.T) {
	src := small()
	src.Local = append(src.Local, webAddress+2)
	src.Virtuals = append(src.Virtuals, VirtualSource{Slot: 7, Address: webAddress + 2, Port: 80, Protocol: 6})
	for _, secure := range []bool{false, true} {
		src.Secure = secure
		s := Build(src)
		for address, want := range map[uint32]bool{
			webAddress: true, webAddress + 2: false, 0xc0000201: false, // ports' addresses
			webAddress + 1: false, realAddress: false, 0xc0000202: false, // not the director's
		} {
			if got := s.Secured(address); got != (want && secure) {
				t.Errorf("secure %v: %#x: %v", secure, address, got)
			}
			if want && !s.Local(address) {
				t.Errorf("%#x is not the director's", address)
			}
		}
	}
}

// TestFindRealOfAnyProtocol: the reals of a virtual of any protocol answer by both.
func TestFindRealOfAnyProtocol(t *testing.T) {
	s := Build(&Source{Reals: map[uint16]Real{1: {Address: realAddress, Port: 8080}, 2: {Address: realAddress + 1}}, Virtuals: []VirtualSource{
		{Slot: 1, Address: webAddress, Members: []Member{member(1, 1, 1), member(2, 2, 0)}},
	}})
	for protocol, there := range map[uint8]bool{6: true, 17: true, 1: false, 0: false} {
		if got := s.FindReal(realAddress, 8080, protocol); (got == 1) != there {
			t.Errorf("protocol %d: real %d", protocol, got)
		}
		if got := s.FindReal(realAddress+1, 999, protocol); (got == 2) != there {
			t.Errorf("protocol %d, every port: real %d", protocol, got)
		}
	}
	if s.FindReal(realAddress, 8081, 6) != 0 {
		t.Error("a port that is none of ours")
	}
}

// BenchmarkFindVirtual looks up at random what is there.
func BenchmarkFindVirtual(b *testing.B) {
	for _, c := range []struct {
		name              string
		virtuals, classes int
		change            func(i int, v *VirtualSource)
	}{
		{"virtuals=1", 1, 0, nil},
		{"virtuals=1000", 1000, 0, nil},
		{"virtuals=1000,draining=1", 1000, 0, func(i int, v *VirtualSource) { v.Draining = i == 999 }},
		{"virtuals=1000,classes=1000", 1000, 1000, func(i int, v *VirtualSource) { v.Class = uint16(i % 2) }},
		{"virtuals=1000,classes=1000,every-port", 1000, 1000, func(i int, v *VirtualSource) { v.Class, v.Port = uint16(i%2), 0 }},
	} {
		b.Run(c.name, func(b *testing.B) {
			src := &Source{}
			random := rand.New(rand.NewPCG(1, 2))
			for range c.classes {
				src.Classes = append(src.Classes, Class{Prefix: random.Uint32(), Bits: uint8(8 + random.IntN(25)), Class: 1})
			}
			for i := range c.virtuals {
				v := VirtualSource{Slot: uint16(i + 1), Address: webAddress + uint32(i/2), Port: uint16(80 + i%2), Protocol: 6}
				if c.change != nil {
					c.change(i, &v)
				}
				src.Virtuals = append(src.Virtuals, v)
			}
			s := Build(src)
			type asked struct {
				client, address uint32
				port            uint16
			}
			order := make([]asked, 1<<12)
			for i := range order {
				v := &src.Virtuals[random.IntN(len(src.Virtuals))]
				order[i] = asked{random.Uint32(), v.Address, cmp.Or(v.Port, 443)}
			}
			n := 0
			for b.Loop() {
				a := &order[n&(len(order)-1)]
				s.FindVirtual(a.client, a.address, a.port, 6)
				n++
			}
		})
	}
}
