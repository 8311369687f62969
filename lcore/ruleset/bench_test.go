package ruleset

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkFindReal asks which real an address is, as of every packet that belongs to no flow and to no virtual.
func BenchmarkFindReal(b *testing.B) {
	for _, reals := range []int{2, 10_000} {
		b.Run(fmt.Sprint("reals=", reals), func(b *testing.B) {
			source := &Source{Reals: map[uint16]Real{}}
			v := VirtualSource{Slot: 1, Address: webAddress, Port: 80, Protocol: 6}
			for i := range reals {
				slot := uint16(i + 1)
				source.Reals[slot] = Real{Address: realAddress + uint32(i), Port: 8080}
				v.Members = append(v.Members, member(uint32(slot), slot, 1))
			}
			source.Virtuals = []VirtualSource{v}
			s, random := Build(source), rand.New(rand.NewPCG(1, 2))
			order := make([]uint32, 1<<12)
			for i := range order {
				order[i] = realAddress + random.Uint32N(uint32(reals))
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if s.FindReal(order[n&(len(order)-1)], 8080, 6) == 0 {
					b.Fatal("not found")
				}
			}
		})
	}
}

// BenchmarkRoute looks up the way to clients anywhere, as each connection does once.
func BenchmarkRoute(b *testing.B) {
	for _, routes := range []int{2, 1000} {
		b.Run(fmt.Sprint("routes=", routes), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			source := &Source{Routes: []Route{{Hop: 1}}}
			for range routes - 1 {
				source.Routes = append(source.Routes, Route{Prefix: random.Uint32(), Bits: uint8(8 + random.IntN(17)), Hop: 2})
			}
			s := Build(source)
			order := make([]uint32, 1<<12)
			for i := range order {
				order[i] = random.Uint32()
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if s.Route(order[n&(len(order)-1)]).Hop == 0 {
					b.Fatal("no way")
				}
			}
		})
	}
}
