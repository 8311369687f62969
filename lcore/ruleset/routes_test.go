package ruleset

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// naive is the longest prefix that holds an address; of equal ones the first in the list.
func naive(routes []Route, address uint32) (hop, port uint16) {
	best := -1
	port = NoPort
	for _, r := range routes {
		if bits := int(r.Bits); bits > best && uint64(address)>>(32-bits) == uint64(r.Prefix)>>(32-bits) {
			best, hop, port = bits, r.Hop, r.Port
		}
	}
	return hop, port
}

// checkRoutes compares at every address where an answer could change, and says whether all agreed.
func checkRoutes(tb testing.TB, routes []Route) bool {
	tb.Helper()
	given := slices.Clone(routes)
	s := Build(&Source{Routes: routes})
	if !slices.Equal(routes, given) {
		tb.Error("Build changed its source")
	}
	probe := []uint32{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 2, 1<<32 - 1}
	for _, r := range routes {
		first := r.Prefix & mask(r.Bits)
		last := first | ^mask(r.Bits)
		probe = append(probe, first-1, first, first+1, first+(last-first)/2, last-1, last, last+1)
	}
	for _, address := range probe {
		hop, port := naive(routes, address)
		if r := s.Route(address); r.Hop != hop || r.Port != port {
			tb.Errorf("%#x: hop %d port %d, want %d %d\n%+v\n%+v", address, r.Hop, r.Port, hop, port, routes, s.ways)
			return false
		}
	}
	for i, r := range s.ways {
		if i == 0 && r.start != 0 || i > 0 && r.start <= s.ways[i-1].start {
			tb.Errorf("ranges not in order: %+v", s.ways)
			return false
		}
		if i > 0 && r.what == s.ways[i-1].what {
			tb.Errorf("neighbouring ranges under one route: %+v", s.ways)
			return false
		}
	}
	return true
}

func TestRoutes(t *testing.T) {
	for name, routes := range map[string][]Route{
		"none":            nil,
		"default":         {{0, 0, 1, 0}},
		"default, dirty":  {{^uint32(0), 0, 1, 0}},
		"host":            {{webAddress, 32, 1, 0}},
		"first host":      {{0, 32, 1, 0}},
		"last host":       {{^uint32(0), 32, 1, 0}},
		"last hosts":      {{^uint32(0), 32, 1, 0}, {^uint32(0), 31, 2, 0}, {^uint32(0), 1, 3, 0}, {0, 0, 4, 0}},
		"halves":          {{0, 1, 1, 0}, {1 << 31, 1, 2, 0}},
		"halves alike":    {{0, 1, 1, 0}, {1 << 31, 1, 1, 0}},
		"adjacent":        {{0x0a000000, 24, 1, 0}, {0x0a000100, 24, 2, 0}, {0x0a000200, 24, 1, 0}},
		"nested":          {{0x0a000000, 8, 1, 0}, {0x0a000000, 16, 2, 0}, {0x0a000000, 24, 3, 0}, {0x0a000000, 32, 4, 0}},
		"nested, ends":    {{0x0a000000, 8, 1, 0}, {0x0aff0000, 16, 2, 0}, {0x0affff00, 24, 3, 0}, {0x0affffff, 32, 4, 0}},
		"same inside":     {{0x0a000000, 8, 1, 0}, {0x0a010000, 16, 1, 0}, {0x0a020000, 16, 2, 0}},
		"twice":           {{0x0a000000, 8, 1, 0}, {0x0a000001, 8, 2, 0}, {0x0affffff, 8, 3, 1}},
		"link in default": {{0, 0, 1, 0}, {0xc0000200, 24, 0, 0}, {0x0a000000, 24, 0, 1}},
		"a hole's edges":  {{0x0a000000, 8, 1, 0}, {0x0a000000, 9, 2, 0}, {0x0a800000, 9, 3, 0}},
		"every last bit":  {{1, 32, 1, 0}, {3, 32, 2, 0}, {2, 31, 3, 0}, {0, 30, 4, 0}},
	} {
		t.Run(name, func(t *testing.T) { checkRoutes(t, routes) })
	}
}

func TestRoutesRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		routes := make([]Route, random.IntN(40))
		narrow := random.IntN(3)
		for i := range routes {
			r := Route{random.Uint32(), uint8(random.IntN(33)), uint16(random.IntN(4)), uint16(random.IntN(2))}
			switch narrow {
			case 1: // crowded
				r.Prefix &= 0x0f00000f
			case 2: // at the end
				r.Prefix |= 0xfffffff0
			}
			routes[i] = r
		}
		if !checkRoutes(t, routes) {
			return
		}
	}
}

// FuzzRoutes reads routes of 7 bytes each: prefix, length, hop, port.
func FuzzRoutes(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 255, 255, 255, 255, 32, 2, 0})
	f.Add([]byte{10, 0, 0, 0, 8, 1, 0, 10, 0, 0, 0, 8, 2, 0, 10, 255, 0, 0, 16, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var routes []Route
		for ; len(data) >= 7 && len(routes) < 64; data = data[7:] {
			routes = append(routes, Route{binary.BigEndian.Uint32(data), data[4] % 33, uint16(data[5]), uint16(data[6] & 1)})
		}
		checkRoutes(t, routes)
	})
}
