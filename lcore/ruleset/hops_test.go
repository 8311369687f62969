package ruleset

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
)

const (
	macA = 0x0a0908070605 // bytes 05 06 07 08 09 0a
	macB = 0xfffefdfcfbfa
	macP = 0x665544332211
)

func TestHops(t *testing.T) {
	h := NewHops(nil)
	for _, slot := range []uint16{0, 1, MaxHops} {
		if _, ok := h.Get(slot); ok {
			t.Errorf("slot %d is known", slot)
		}
	}
	for _, slot := range []uint16{1, 77, MaxHops} {
		h.Set(slot, macA, macP, slot&31)
		want := Hop{Low: 0x2211_0a0908070605, High: 0x66554433, Port: slot & 31}
		if hop, ok := h.Get(slot); !ok || hop != want {
			t.Errorf("slot %d: %#x %v, want %#x", slot, hop, ok, want)
		}
		h.Set(slot, macB, macP, slot&31)
		if hop, ok := h.Get(slot); !ok || hop.Low != 0x2211_fffefdfcfbfa || hop.High != 0x66554433 {
			t.Errorf("slot %d: %#x %v after a change", slot, hop, ok)
		}
		h.Unset(slot)
		if _, ok := h.Get(slot); ok {
			t.Errorf("slot %d is known after Unset", slot)
		}
	}
	h.Set(5, 0xffff_0a0908070605, macP, 1) // only 48 bits are an address
	if hop, _ := h.Get(5); hop.Low != 0x2211_0a0908070605 {
		t.Errorf("%#x", hop)
	}
}

func TestNeighbours(t *testing.T) {
	h := NewHops(nil)
	type key struct {
		port    uint16
		address uint32
	}
	model := map[key]uint16{}
	random := rand.New(rand.NewPCG(1, 9))
	edges := []uint32{0, 1, 1<<32 - 1, 1 << 31, 0x0a00000b}
	for range 200_000 {
		k := key{uint16(random.IntN(4)), 0x0a000000 + random.Uint32N(3000)}
		switch random.IntN(10) {
		case 0:
			k.address = edges[random.IntN(len(edges))]
		case 1:
			k.port = MaxPorts - 1
		}
		if random.IntN(3) == 0 {
			if got := h.Neighbour(k.port, k.address); got != model[k] {
				t.Fatalf("%+v: slot %d, want %d", k, got, model[k])
			}
			continue
		}
		slot := uint16(random.IntN(4)) * uint16(random.Uint32()) // often 0: forget
		if !h.SetNeighbour(k.port, k.address, slot) {
			t.Fatal("full")
		}
		model[k] = slot
	}
	for k, slot := range model {
		if got := h.Neighbour(k.port, k.address); got != slot {
			t.Fatalf("%+v: slot %d, want %d", k, got, slot)
		}
	}
}

// TestNeighboursInARow: addresses of one place are found behind one another, whichever comes and goes.
func TestNeighboursInARow(t *testing.T) {
	at := neighbourPlace(neighbourKey(1, 0)) % neighbourPlaces
	row := []uint32{0}
	for a := uint32(1); len(row) < 6; a++ {
		if neighbourPlace(neighbourKey(1, a))%neighbourPlaces == at {
			row = append(row, a)
		}
	}
	h, model := NewHops(nil), map[uint32]uint16{}
	random := rand.New(rand.NewPCG(2, 2))
	for step := range 5000 {
		a := row[random.IntN(len(row))]
		slot := uint16(random.IntN(2) * (1 + random.IntN(MaxHops)))
		h.SetNeighbour(1, a, slot)
		model[a] = slot
		live := 0
		for _, a := range row {
			if got := h.Neighbour(1, a); got != model[a] {
				t.Fatalf("step %d: %#x: slot %d, want %d", step, a, got, model[a])
			}
			if model[a] != 0 {
				live++
			}
		}
		if h.occupied < live || h.occupied > len(row) || live == 0 && h.occupied != 0 {
			t.Fatalf("step %d: %d places for %d addresses", step, h.occupied, live)
		}
	}
}

// TestNeighboursFull: half the places can be taken, and no more; those that are forgotten can be taken again.
func TestNeighboursFull(t *testing.T) {
	h := NewHops(nil)
	const most = neighbourPlaces / 2
	n := uint32(0)
	for h.SetNeighbour(1, n, uint16(n)|1) {
		n++
	}
	if n != most {
		t.Fatalf("%d fit, want %d", n, most)
	}
	if !h.SetNeighbour(1, 0, 9) || h.Neighbour(1, 0) != 9 {
		t.Error("a full index refuses a change")
	}
	if h.Neighbour(1, n) != 0 || !h.SetNeighbour(1, n, 0) {
		t.Error("a full index cannot forget a stranger")
	}
	for i := range n {
		h.SetNeighbour(1, i, 0)
	}
	// Years of coming and going: ever new addresses, half as many at a time.
	const alive = most / 2
	for i := uint32(0); i < 3*most; i++ {
		if !h.SetNeighbour(2, 1<<24+i, uint16(i)|1) {
			t.Fatalf("full at %d, with %d addresses", i, alive)
		}
		if i >= alive {
			h.SetNeighbour(2, 1<<24+i-alive, 0)
		}
	}
	for i := uint32(2 * most); i < 3*most; i++ {
		want := uint16(0)
		if i >= 3*most-alive {
			want = uint16(i) | 1
		}
		if got := h.Neighbour(2, 1<<24+i); got != want {
			t.Fatalf("%d: slot %d, want %d", i, got, want)
		}
	}
}

// TestHopsConcurrently: readers see whole hops and right neighbours while control changes them.
func TestHopsConcurrently(t *testing.T) {
	h := NewHops(nil)
	h.Set(1, macA, macP, 3)
	for i := range uint32(100) {
		h.SetNeighbour(1, i, 1) // these stay
	}
	var stop atomic.Bool
	done := make(chan string)
	for range 2 {
		go func() {
			wrong := ""
			for !stop.Load() && wrong == "" {
				if hop, ok := h.Get(1); ok && (hop.Low != 0x2211_0a0908070605 && hop.Low != 0x2211_fffefdfcfbfa || hop.High != 0x66554433 || hop.Port != 3) {
					wrong = "a torn hop"
				}
				for i := range uint32(100) {
					if h.Neighbour(1, i) != 1 {
						wrong = "a neighbour that stays is gone"
					}
					if s := h.Neighbour(1, 1000+i); s != 0 && s != uint16(i+2) {
						wrong = "another's slot"
					}
				}
				runtime.Gosched()
			}
			done <- wrong
		}()
	}
	for n := range 300 {
		h.Set(1, []uint64{macA, macB}[n&1], macP, 3)
		for i := range uint32(100) {
			h.SetNeighbour(1, 1000+i, uint16(i+2)*uint16(n&1))
			h.SetNeighbour(1, 5000+uint32(n)*100+i, uint16(n&1))
			h.SetNeighbour(1, 5000+uint32(n)*100+i, 0)
		}
		if n%7 == 0 {
			h.Unset(1)
		}
		runtime.Gosched()
	}
	stop.Store(true)
	for range 2 {
		if wrong := <-done; wrong != "" {
			t.Error(wrong)
		}
	}
}

func TestHopsDoNotAllocate(t *testing.T) {
	h, s := NewHops(nil), Build(small())
	h.SetNeighbour(1, 2, 3)
	if n := testing.AllocsPerRun(100, func() {
		h.Get(h.Neighbour(1, 2))
		s.Route(webAddress)
		s.FindVirtual(0, webAddress, 80, 6)
		s.FindReal(webAddress, 80, 6)
		s.Local(webAddress)
		v := s.Virtual(2)
		t := &s.Tiers(v)[0]
		s.Turns(t)
		s.Members(t)
		s.All(t)
		s.Member(s.First(t))
		s.Trials(v)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
