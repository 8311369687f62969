package lcore

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

var rates64 = []uint64{1, 999, 1000, 24_000_000, 1_000_000_000, 2_445_406_000, 5_900_000_000}

// scaled is a*b/c by the book, at most limit.
func scaled(a, b, c, limit uint64) uint64 {
	x := new(big.Int).SetUint64(a)
	x.Mul(x, new(big.Int).SetUint64(b)).Div(x, new(big.Int).SetUint64(c))
	if !x.IsUint64() || x.Uint64() > limit {
		return limit
	}
	return x.Uint64()
}

func TestClock(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := []uint64{0, 1, 2, 999, 1e3, 1e6, 1e9, 3600e9, 86400e9, 1 << 62, math.MaxInt64, 1 << 63, math.MaxUint64}
	for range 1000 {
		values = append(values, r.Uint64()>>r.IntN(64))
	}
	for _, hz := range rates64 {
		c := NewClock(hz)
		if tick := float64(uint64(1)<<c.shift) / float64(hz); hz > 1000 && (tick < 0.0004 || tick > 0.001) {
			t.Errorf("%d Hz: a tick lasts %v s", hz, tick)
		}
		for _, v := range values {
			if v <= math.MaxInt64 {
				d := time.Duration(v)
				if got, want := c.Cycles(d), scaled(v, hz, 1e9, math.MaxUint64); got != want {
					t.Errorf("%d Hz: %v is %d cycles, want %d", hz, d, got, want)
				}
				if got, want := c.Ticks(d), max(1, min(scaled(v, hz, 1e9, math.MaxUint64)>>c.shift, 1<<31)); uint64(got) != want {
					t.Errorf("%d Hz: %v is %d ticks, want %d", hz, d, got, want)
				}
			}
			if got, want := c.Duration(v), scaled(v, 1e9, hz, math.MaxInt64); uint64(got) != want {
				t.Errorf("%d Hz: %d cycles are %d ns, want %d", hz, v, got, want)
			}
		}
		if c.Cycles(-time.Second) != 0 || c.Ticks(-time.Second) != 1 {
			t.Errorf("%d Hz: a negative duration is %d ticks", hz, c.Ticks(-time.Second))
		}
	}
}

// Differences of ticks are right across the wrap.
func TestTicksWrap(t *testing.T) {
	c := NewClock(2_445_406_000)
	last := uint64(1) << (32 + c.shift)
	for _, passed := range []time.Duration{time.Second, time.Hour, 24 * time.Hour} {
		for _, begin := range []uint64{last - 1, last - c.Cycles(passed/2), 12345} {
			got := c.Tick(begin+c.Cycles(passed)) - c.Tick(begin)
			if want := c.Ticks(passed); got != want && got != want+1 {
				t.Errorf("from %d on, %v are %d ticks, want %d", begin, passed, got, want)
			}
		}
	}
}

func TestTimekeeper(t *testing.T) {
	k := timekeeper{last: 1000}
	for _, poll := range []struct {
		after         uint64 // cycles since the last one
		frames        int
		nap           uint64 // meant to sleep after it
		busy, longest uint64 // then
	}{
		{100, 0, 0, 0, 100},     // nothing came
		{50, 32, 0, 0, 100},     // the time before a burst came is none of its
		{300, 0, 500, 300, 300}, // it took that long
		{520, 0, 500, 300, 300}, // a nap, 20 too long
		{900, 7, 0, 300, 400},   // a nap, 400 too long, in which frames came
		{40, 0, 500, 340, 400},
		{200, 0, 0, 340, 400}, // a nap cut short
	} {
		k.poll(k.last+poll.after, poll.frames)
		k.nap = poll.nap
		if k.busy != poll.busy || k.longest != poll.longest {
			t.Errorf("%+v: busy %d, longest stall %d", poll, k.busy, k.longest)
		}
	}
}

func TestNapper(t *testing.T) {
	clock := NewClock(1_000_000_000)
	n := newNapper(true, clock)
	for i := range patience - 1 {
		if n.after(0) != 0 {
			t.Fatalf("a nap after %d empty polls", i+1)
		}
	}
	if first := n.after(0); first != clock.Cycles(shortestNap) {
		t.Errorf("the first nap of a worker that never had a frame takes %d ns", first)
	}
	last := uint64(0)
	for range 20 {
		last = n.after(0)
	}
	if last != clock.Cycles(longestNap) {
		t.Errorf("in the end naps take %d ns", last)
	}
	if n.after(1) != 0 || n.after(0) != 0 {
		t.Error("a nap just after a frame")
	}
	busy := newNapper(false, clock)
	for range 2 * patience {
		if busy.after(0) != 0 {
			t.Fatal("a nap under --poll busy")
		}
	}
}
