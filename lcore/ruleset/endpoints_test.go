package ruleset

import (
	"math/rand/v2"
	"testing"
)

// TestEndpointsAgainstMap looks random endpoints, of few values so that they meet, up in a table and in a map.
func TestEndpointsAgainstMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func() (uint32, uint16, uint8, uint16) {
		addresses := []uint32{0, 1, 1<<32 - 1, 1 << 31, 0x0a000001, 0x0a000002, 0x0a010001, random.Uint32N(1 << 16), random.Uint32()}
		return addresses[random.IntN(len(addresses))], uint16(random.IntN(3)) * 0x7fff, []uint8{0, 6, 17}[random.IntN(3)], []uint16{0, 0, 1, 1<<16 - 1}[random.IntN(4)]
	}
	type place struct {
		address  uint32
		port     uint16
		protocol uint8
		class    uint16
		kind     kind
	}
	for range 200 {
		n := random.IntN(300)
		table, model := newEndpoints(n), map[place]uint16{}
		for i := range n {
			address, port, protocol, class := pick()
			k := place{address, port, protocol, class, kind(1 + random.IntN(int(local)))}
			table.put(endpoint{address: address, port: port, protocol: protocol, class: class, kind: k.kind, slot: uint16(i + 1)})
			if _, there := model[k]; !there {
				model[k] = uint16(i + 1)
			}
		}
		if len(table.table)&(len(table.table)-1) != 0 || len(table.table) < 2*n {
			t.Fatalf("%d places for %d", len(table.table), n)
		}
		for k, slot := range model {
			if got := table.find(key(k.address, k.port, k.protocol, k.kind), k.class); got != slot {
				t.Fatalf("%+v: slot %d, want %d", k, got, slot)
			}
		}
		for range 300 {
			address, port, protocol, class := pick()
			k := place{address, port, protocol, class, kind(1 + random.IntN(int(local)))}
			if got := table.find(key(address, port, protocol, k.kind), class); got != model[k] {
				t.Fatalf("%+v: slot %d, want %d", k, got, model[k])
			}
		}
	}
}

// TestEndpointsSpread: a range of addresses or ports, which is what operators have, does not pile up.
func TestEndpointsSpread(t *testing.T) {
	for name, at := range map[string]func(i int) endpoint{
		"addresses": func(i int) endpoint {
			return endpoint{address: 0x0a000000 + uint32(i), port: 80, protocol: 6, kind: aReal, slot: 1}
		},
		"ports": func(i int) endpoint {
			return endpoint{address: 0x0a000001, port: uint16(i), protocol: 6, kind: aReal, slot: 1}
		},
		"classes": func(i int) endpoint {
			return endpoint{address: 0x0a000001, port: 80, protocol: 6, class: uint16(i), kind: aVirtual, slot: 1}
		},
		"networks": func(i int) endpoint { return endpoint{address: uint32(i) << 16, kind: local, slot: 1} },
	} {
		const n = 4096
		table := newEndpoints(n)
		for i := range n {
			table.put(at(i))
		}
		longest, run := 0, 0
		for i := range 2 * len(table.table) {
			if run++; table.table[i%len(table.table)].key == 0 {
				run = 0
			}
			longest = max(longest, run)
		}
		if longest > 64 {
			t.Errorf("%s: %d places in a row", name, longest)
		}
	}
}

const (
	webAddress  = 0xc000020a
	realAddress = 0x0a00000b
)

func member(binding uint32, real, weight uint16) Member {
	return Member{Binding: binding, Real: real, Weight: weight}
}

// small is a virtual of two reals, the second with the client's port, and a removed virtual.
func small() *Source {
	return &Source{
		Generation: 7, RouteGeneration: 3,
		Local: []uint32{0xc0000201, 0, 1<<32 - 1},
		Reals: map[uint16]Real{3: {Address: realAddress, Port: 8080}, 9: {Address: realAddress + 1}, 4: {Address: realAddress + 2, Port: 8080}},
		Virtuals: []VirtualSource{
			{Slot: 2, Address: webAddress, Port: 80, Protocol: 6, Reset: true, Members: []Member{member(1, 3, 1), member(2, 9, 2), member(3, 4, 0)}},
			{Slot: 5, Address: webAddress + 1, Port: 443, Protocol: 6, Draining: true, Members: []Member{member(4, 3, 1)}},
			{Slot: 6, Address: webAddress, Port: 80, Protocol: 17, Members: []Member{member(5, 9, 1)}},
		},
	}
}

func TestFind(t *testing.T) {
	s := Build(small())
	for _, tt := range []struct {
		address  uint32
		port     uint16
		protocol uint8
		virtual  uint16
		real     uint16
	}{
		{webAddress, 80, 6, 2, 0},
		{webAddress, 80, 17, 6, 0},
		{webAddress, 81, 6, 0, 0},
		{webAddress, 0, 6, 0, 0},
		{webAddress, 80, 1, 0, 0},
		{webAddress + 1, 443, 6, 5, 0}, // removed, found for its live flows
		{realAddress, 8080, 6, 0, 3},
		{realAddress, 80, 6, 0, 0},
		{realAddress, 8080, 17, 0, 0},   // serves TCP alone
		{realAddress + 1, 80, 6, 0, 9},  // the client's port, which is the virtual's
		{realAddress + 1, 80, 17, 0, 9}, // of both virtuals
		{realAddress + 1, 22, 6, 0, 0},  // no business of ours
		{realAddress + 1, 0, 6, 0, 0},
		{realAddress + 2, 8080, 6, 0, 4}, // weight 0: live flows go on
	} {
		if got := s.FindVirtual(0, tt.address, tt.port, tt.protocol); got != tt.virtual {
			t.Errorf("virtual at %#x:%d/%d: %d, want %d", tt.address, tt.port, tt.protocol, got, tt.virtual)
		}
		if got := s.FindReal(tt.address, tt.port, tt.protocol); got != tt.real {
			t.Errorf("real at %#x:%d/%d: %d, want %d", tt.address, tt.port, tt.protocol, got, tt.real)
		}
	}
	for address, want := range map[uint32]bool{
		0xc0000201: true, 0: true, 1<<32 - 1: true, webAddress: true,
		webAddress + 1: false, // its only virtual is removed
		realAddress:    false, 0xc0000202: false,
	} {
		if s.Local(address) != want {
			t.Errorf("Local(%#x) = %v", address, !want)
		}
	}
}

// TestFindRealOfEveryPort: a real and a virtual that both have port 0 serve every port.
func TestFindRealOfEveryPort(t *testing.T) {
	s := Build(&Source{Reals: map[uint16]Real{1: {Address: realAddress}}, Virtuals: []VirtualSource{
		{Slot: 1, Address: webAddress, Protocol: 6, Members: []Member{member(1, 1, 1)}},
	}})
	for _, port := range []uint16{0, 1, 80, 65535} {
		if s.FindReal(realAddress, port, 6) != 1 {
			t.Errorf("port %d not found", port)
		}
	}
}
