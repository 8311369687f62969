package lcore

import (
	"math/rand/v2"
	"testing"

	"linedirector/dpdk"
	"linedirector/lcore/forward"
)

// TestSteeringAgainstDPDK: what a NIC computes with our key over the client's endpoint, by DPDK's own software
// hash, is our hash, wherever in the packet the endpoint stands; and its redirection table names the owner.
func TestSteeringAgainstDPDK(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	key := forward.SteeringKey[:]
	for _, workers := range []int{1, 2, 3, 4, 7, 16, 64} {
		s := forward.NewSteering(workers)
		for range 500 {
			address, port := random.Uint32(), uint16(random.Uint32())
			want := s.Hash(address, port)
			for side, words := range map[string][]uint32{
				"source":               {address, 0, uint32(port) << 16},
				"destination":          {0, address, uint32(port)},
				"source alone":         {address, uint32(port) << 16},
				"destination, packed":  {address, uint32(port)},
				"behind other headers": {0, 0, 0, 0, 0, 0, 0, 0, address, uint32(port) << 16},
			} {
				got := dpdk.SoftRSS(words, key)
				if got != want {
					t.Fatalf("%#x:%d as %s: rte_softrss %#x, ours %#x", address, port, side, got, want)
				}
				for _, size := range []int{128, 256, 512, 1024, 2048} {
					if queue := reta(s, size)[got%uint32(size)]; queue != s.Owner(address, port) {
						t.Fatalf("%d workers, table of %d: queue %d, owner %d", workers, size, queue, s.Owner(address, port))
					}
				}
			}
		}
	}
}

// TestSteeringKeyLengths: NICs take keys of 40 or 52 bytes; either gives the same hash.
func TestSteeringKeyLengths(t *testing.T) {
	s := forward.NewSteering(2)
	for _, n := range []int{40, 52} {
		if got, want := dpdk.SoftRSS([]uint32{0xc6336401, 0, 40000 << 16}, forward.SteeringKey[:n]), s.Hash(0xc6336401, 40000); got != want {
			t.Errorf("key of %d bytes: %#x, want %#x", n, got, want)
		}
	}
}

// TestRSSFields: each side's ports hash over the client's endpoint.
func TestRSSFields(t *testing.T) {
	l4 := dpdk.RSSTCPv4 | dpdk.RSSUDPv4
	for side, want := range map[Side]uint64{
		Clients: l4 | dpdk.RSSL3SrcOnly | dpdk.RSSL4SrcOnly,
		Reals:   l4 | dpdk.RSSL3DstOnly | dpdk.RSSL4DstOnly,
		Both:    l4,
	} {
		if got := rssTypes(side); got != want {
			t.Errorf("side %d: %#x, want %#x", side, got, want)
		}
	}
}
