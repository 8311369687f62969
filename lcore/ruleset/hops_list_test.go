package ruleset

import (
	"maps"
	"testing"
)

// A successor of control finds in the table all that its predecessor entered.
func TestHopsTellWhatTheyHold(t *testing.T) {
	type key struct {
		port    uint16
		address uint32
	}
	h := NewHops(nil)
	held := func() map[key]uint16 {
		all := map[key]uint16{}
		h.Each(func(port uint16, address uint32, slot uint16) { all[key{port, address}] = slot })
		return all
	}
	if n := len(held()); n != 0 || h.Highest() != 0 {
		t.Fatalf("a new table holds %d, the highest %d", n, h.Highest())
	}
	want := map[key]uint16{{0, 0}: 1, {MaxPorts - 1, 1<<32 - 1}: MaxHops, {3, 0x0a00000b}: 77, {4, 0x0a00000b}: 78}
	for k, slot := range want {
		h.SetNeighbour(k.port, k.address, slot)
	}
	h.SetNeighbour(3, 0x0a00000c, 79)
	h.SetNeighbour(3, 0x0a00000c, 0)
	if got := held(); !maps.Equal(got, want) {
		t.Errorf("it holds %v, want %v", got, want)
	}
	if n := h.Highest(); n != 0 {
		t.Errorf("slot %d had a MAC, though none was set", n)
	}
	h.Set(77, macA, macP, 3)
	h.Set(90, macA, macP, 3)
	h.Unset(90)
	if n := h.Highest(); n != 90 {
		t.Errorf("the highest that had a MAC is %d, want the one that lost it", n)
	}
}
