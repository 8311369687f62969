package ruleset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func candidates(weights ...uint16) []candidate {
	all := make([]candidate, len(weights))
	for i, w := range weights {
		all[i] = candidate{Member{Weight: w}, uint64(realAddress+uint32(i))<<16 | 8080, uint16(i)}
	}
	return all
}

func equalWeights(n int) []uint16 { return slices.Repeat([]uint16{1}, n) }

// TestMaglevShares: each has its share of the table, to a few places.
func TestMaglevShares(t *testing.T) {
	for _, tt := range []struct {
		weights []uint16
		size    uint32
	}{
		{[]uint16{7}, 4099},
		{equalWeights(2), 101},
		{equalWeights(40), 4099},
		{equalWeights(1000), 1048583},
		{[]uint16{1, 2, 3, 4}, 4099},
		{[]uint16{100, 1, 1}, 65537},
		{[]uint16{65535, 65535, 30000}, 4099},
		{equalWeights(5), 5},
		{equalWeights(2), 2},
	} {
		t.Run(fmt.Sprint(len(tt.weights), " ", tt.size), func(t *testing.T) {
			table, sum := maglev(candidates(tt.weights...), tt.size), 0.0
			each := make([]int, len(tt.weights))
			for _, at := range table {
				each[at]++
			}
			for _, w := range tt.weights {
				sum += float64(w)
			}
			for i, w := range tt.weights {
				if want := float64(tt.size) * float64(w) / sum; math.Abs(float64(each[i])-want) > 2+want/1000 {
					t.Errorf("member %d has %d places, want %.1f", i, each[i], want)
				}
			}
		})
	}
}

// TestMaglevOrder: the table does not depend on the order of the members.
func TestMaglevOrder(t *testing.T) {
	all := candidates(3, 1, 4, 1, 5, 9, 2, 6)
	want := maglev(all, 4099)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	if !slices.Equal(maglev(all, 4099), want) {
		t.Error("another table")
	}
}

// TestMaglevIsWhatItWas: these places are what directors of other builds have; to change them moves clients.
func TestMaglevIsWhatItWas(t *testing.T) {
	want := []uint16{1, 0, 2, 1, 1, 1, 0, 1, 1, 0, 1, 0, 2, 2, 2, 1, 1}
	if got := maglev(candidates(1, 2, 1), 17); !slices.Equal(got, want) {
		t.Errorf("%#v", got)
	}
	if got := Scatter(0x0b000001); got != 0xd9fbb37d52f1eb1e {
		t.Errorf("%#x", got)
	}
}

// TestMaglevDisruption: where one leaves, hardly any place changes hands but its own.
func TestMaglevDisruption(t *testing.T) {
	for _, weights := range [][]uint16{equalWeights(3), equalWeights(10), equalWeights(40), {1, 2, 3, 4, 5, 6, 7, 8}} {
		size := uint32(4099)
		all := candidates(weights...)
		before, worst := maglev(all, size), 0
		for gone := range all {
			left := slices.Delete(slices.Clone(all), gone, gone+1)
			moved := 0
			for i, at := range maglev(left, size) {
				if before[i] != uint16(gone) && before[i] != at {
					moved++
				}
			}
			worst = max(worst, moved)
		}
		if worst > int(size)*4/100 {
			t.Errorf("weights %v: %d of %d places change hands in vain", weights, worst, size)
		}
	}
}

// TestTableSize: primes, of which a member has a hundred places at least.
func TestTableSize(t *testing.T) {
	for _, size := range tableSizes {
		for d := uint32(2); d*d <= size; d++ {
			if size%d == 0 {
				t.Errorf("%d is no prime", size)
			}
		}
	}
	for members, want := range map[int]uint32{0: 4099, 1: 4099, 40: 4099, 41: 16411, 655: 65537, 656: 262147, 10_000: 1048583, 65535: 1048583} {
		if got := TableSize(members); got != want {
			t.Errorf("%d members: %d, want %d", members, got, want)
		}
	}
}

// hashSource has one virtual on each list of reals, by hash.
func hashSource(lists ...[]uint16) *Source {
	src := &Source{Reals: map[uint16]Real{}, Tables: &Tables{}}
	for i, list := range lists {
		v := VirtualSource{Slot: uint16(i + 1), Address: webAddress, Port: uint16(80 + i), Protocol: 6, Predictor: Hash}
		for _, real := range list {
			src.Reals[real] = Real{Address: realAddress + uint32(real), Port: 80}
			v.Members = append(v.Members, member(uint32(100*i)+uint32(real), real, 1))
		}
		src.Virtuals = append(src.Virtuals, v)
	}
	return src
}

// TestTablesAreShared by virtuals with the same reals and by one snapshot after the other; what no snapshot needs is
// let go.
func TestTablesAreShared(t *testing.T) {
	at := func(s *Snapshot, slot uint16) *uint16 { return &s.Table(only(t, s, slot))[0] }
	src := hashSource([]uint16{1, 2, 3}, []uint16{1, 2, 3}, []uint16{1, 2})
	a := Build(src)
	if at(a, 1) != at(a, 2) || at(a, 1) == at(a, 3) || len(src.Tables.kept) != 2 {
		t.Errorf("not shared by virtuals: %d tables", len(src.Tables.kept))
	}
	src.Virtuals[2].Members = append(src.Virtuals[2].Members, member(203, 3, 1))
	b := Build(src)
	if at(a, 1) != at(b, 1) || at(b, 3) != at(b, 1) || len(src.Tables.kept) != 1 {
		t.Errorf("not shared by snapshots: %d tables", len(src.Tables.kept))
	}
	src.Virtuals[0].Members[0].Weight = 2
	c := Build(src)
	if at(c, 1) == at(b, 1) || at(c, 2) != at(b, 2) {
		t.Error("another weight, and not another table")
	}
	src.Virtuals = nil
	if Build(src); len(src.Tables.kept) != 0 {
		t.Errorf("%d tables that nobody needs", len(src.Tables.kept))
	}
}

// TestSettled: while members' shares rise there is the table that was without them, and their places in the tier.
func TestSettled(t *testing.T) {
	src := hashSource([]uint16{1, 3, 4})
	without := Build(src)
	src = hashSource([]uint16{1, 2, 3, 4})
	ramping := src.Reals[2]
	ramping.Ramp = 30
	src.Reals[2] = ramping
	s := Build(src)
	table, places := s.Settled(only(t, s, 1))
	if !slices.Equal(table, without.Table(only(t, without, 1))) || !slices.Equal(places, []uint16{0, 2, 3}) {
		t.Errorf("places %v", places)
	}
	if table, places := without.Settled(only(t, without, 1)); table != nil || len(places) != 0 {
		t.Error("a second table, and nobody needs it")
	}
	for slot, r := range src.Reals {
		r.Ramp = 30
		src.Reals[slot] = r
	}
	s = Build(src)
	if table, _ := s.Settled(only(t, s, 1)); table != nil {
		t.Error("a table of nobody")
	}
}

// BenchmarkMaglev is what a table costs control when its members change.
func BenchmarkMaglev(b *testing.B) {
	for _, n := range []int{3, 40, 655, 10_000} {
		b.Run(fmt.Sprintf("reals=%d/table=%d", n, TableSize(n)), func(b *testing.B) {
			all := candidates(equalWeights(n)...)
			for b.Loop() {
				maglev(all, TableSize(n))
			}
		})
	}
}

// BenchmarkBuildHash is a snapshot of a thousand virtuals by hash, each with ten reals of its own: anew, and when one
// real of one of them has changed.
func BenchmarkBuildHash(b *testing.B) {
	lists := make([][]uint16, 1000)
	for i := range lists {
		for k := range 10 {
			lists[i] = append(lists[i], uint16(10*i+k+1))
		}
	}
	src := hashSource(lists...)
	b.Run("anew", func(b *testing.B) {
		for b.Loop() {
			src.Tables = &Tables{}
			Build(src)
		}
	})
	b.Run("one changed", func(b *testing.B) {
		for b.Loop() {
			src.Virtuals[7].Members[0].Weight ^= 2
			Build(src)
		}
	})
}
