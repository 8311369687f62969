package load

import (
	"math/rand/v2"
	"testing"

	"linedirector/lcore/ruleset"
)

func workers(n, reals int) (counts []*ruleset.Counts) {
	shared := ruleset.NewShared(nil, reals)
	for range n {
		counts = append(counts, ruleset.NewCounts(nil, ruleset.Slots{Bindings: 1, Reals: reals, Virtuals: reals}, shared))
	}
	return counts
}

func open(c *ruleset.Counts, real uint16) {
	c.Reserve(real, 0)
	c.Begin(1)
}

// Whatever workers open and close, each comes to know the sum of all.
func TestShare(t *testing.T) {
	const reals = 20
	for _, n := range []int{1, 2, 3, 64} {
		counts, total := workers(n, reals), make([]uint32, reals+1)
		r := rand.New(rand.NewPCG(1, uint64(n)))
		for range 10 {
			for range 500 {
				c, real := counts[r.IntN(n)], uint16(1+r.IntN(reals))
				if c.Reals[real].Open > 0 && r.IntN(2) == 0 {
					c.Close(1, real)
					total[real]--
				} else {
					open(c, real)
					total[real]++
				}
			}
			Share(counts, reals, 0)
			for real := uint16(1); real <= reals; real++ {
				for i, c := range counts {
					if got := c.Load(real); got != total[real] {
						t.Fatalf("worker %d of %d knows of %d connections on real %d, there are %d", i, n, got, real, total[real])
					}
				}
			}
		}
	}
}

// A worker schedules on what the others had at the last round and on its own count of this moment.
func TestOwnCountIsLive(t *testing.T) {
	counts := workers(2, 1)
	open(counts[0], 1)
	open(counts[1], 1)
	Share(counts, 1, 0)
	open(counts[0], 1)
	if a, b := counts[0].Load(1), counts[1].Load(1); a != 3 || b != 2 {
		t.Errorf("they know of %d and %d, want 3 and 2", a, b)
	}
	counts[0].Close(1, 1)
	counts[0].Close(1, 1)
	Share(counts, 1, 0)
	if a, b := counts[0].Load(1), counts[1].Load(1); a != 1 || b != 1 {
		t.Errorf("they know of %d and %d, want 1 and 1", a, b)
	}
}

func TestShareLeavesHigherSlotsAlone(t *testing.T) {
	counts := workers(2, 2)
	open(counts[0], 2)
	Share(counts, 1, 0)
	if n := counts[1].Load(2); n != 0 {
		t.Errorf("slot 2 is beyond the highest, and yet has %d", n)
	}
}

// Half-open connections of virtuals are shared as far as a virtual bounds them.
func TestShareHalfOpen(t *testing.T) {
	counts := workers(3, 3)
	for i, c := range counts {
		c.HalfOpen(2, int32(1+i))
		c.HalfOpen(3, 1)
	}
	counts[0].HalfOpen(2, -1)
	Share(counts, 3, 2)
	for i, c := range counts {
		if n := c.AllHalfOpen(2); n != 5 {
			t.Errorf("worker %d knows of %d half-open connections, want 5", i, n)
		}
		if n := c.AllHalfOpen(3); n != 1 {
			t.Errorf("slot 3 is beyond the highest, and yet has %d", n)
		}
		if n := c.Load(2); n != 0 {
			t.Errorf("%d open connections on a real without", n)
		}
	}
}

func TestShareDoesNotAllocate(t *testing.T) {
	counts := workers(4, 100)
	if n := testing.AllocsPerRun(10, func() { Share(counts, 100, 100) }); n != 0 {
		t.Errorf("%v allocations every millisecond", n)
	}
}

// As in the program: each worker counts while control sums.
func TestShareWhileWorkersCount(t *testing.T) {
	counts := workers(2, 1)
	done := make(chan struct{})
	for _, c := range counts {
		go func() {
			for range 10000 {
				open(c, 1)
				if c.Load(1) == 0 {
					t.Error("a worker does not know of its own connection")
				}
				c.Close(1, 1)
			}
			done <- struct{}{}
		}()
	}
	for ended := 0; ended < len(counts); {
		select {
		case <-done:
			ended++
		default:
			Share(counts, 1, 0)
		}
	}
	Share(counts, 1, 0)
	if counts[0].Load(1) != 0 || counts[1].Load(1) != 0 {
		t.Error("all are closed, and some are counted")
	}
}

func BenchmarkShare(b *testing.B) {
	counts := workers(8, 1000)
	for b.Loop() {
		Share(counts, 1000, 0)
	}
}
