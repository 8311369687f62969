package forward

import (
	"math"
	"testing"

	"linedirector/lcore/ruleset"
)

// open is a connection of a simulation.
type open struct {
	real   uint16
	begun  uint32
	solved bool // its SYN is answered
	ends   uint32
}

// simulation has clients come at a rate, stay for a time, and reals that answer after so many beats, which are ticks here.
type simulation struct {
	*pool
	answers []uint32 // by slot
	lasts   uint32
	every   uint32
	open    []open
	client  uint32
}

// run passes ticks, and counts who got connections.
func (s *simulation) run(ticks uint32) []int {
	got := make([]int, len(s.answers))
	for range ticks {
		s.now++
		left := s.open[:0]
		for _, c := range s.open {
			if !c.solved && s.now-c.begun >= s.answers[c.real] {
				c.solved = true
				s.counts.Measure(c.real, s.answers[c.real], s.now)
			}
			if s.now == c.ends {
				s.counts.Release(c.real)
				continue
			}
			left = append(left, c)
		}
		s.open = left
		if s.now%s.every == 0 {
			s.client++
			real := s.give(s.client, 0)
			got[real]++
			s.open = append(s.open, open{real: real, begun: s.now, ends: s.now + s.lasts})
		}
	}
	return got
}

// TestFastest: of two reals, one four times as quick as the other, the quick one has four of five connections; and when
// the slow one has become the quicker one, that is found out, since its last measurement ages.
func TestFastest(t *testing.T) {
	for _, aging := range []ruleset.Aging{ruleset.NewAging(1, 1000), ruleset.NewAging(10, 1000)} {
		s := &simulation{pool: newPool(t, ruleset.Fastest, 1, 1), answers: []uint32{0, 5, 20}, lasts: 2000, every: 10}
		s.tier().Aging = aging
		s.apply()
		s.run(10_000)
		got := s.run(100_000)
		if share := float64(got[1]) / 10_000; math.Abs(share-0.8) > 0.02 {
			t.Errorf("aging %d: the quick one has %.3f, want 4 of 5", aging, share)
		}
		s.answers = []uint32{0, 20, 5}
		s.run(50_000)
		got = s.run(100_000)
		if share := float64(got[2]) / 10_000; math.Abs(share-0.8) > 0.02 {
			t.Errorf("aging %d: the one that became quick has %.3f", aging, share)
		}
	}
}

// TestFastestTriesAgain: where connections come one at a time, a slow real is found to have recovered as soon as age
// has made up for its slowness, and not before; without aging never.
func TestFastestTriesAgain(t *testing.T) {
	for _, tt := range []struct {
		aging  ruleset.Aging
		within uint32 // seconds
	}{
		{ruleset.NewAging(1, second), 16},
		{ruleset.NewAging(4, second), 4},
		{0, 0},
	} {
		s := &simulation{pool: newPool(t, ruleset.Fastest, 1, 1), answers: []uint32{0, 5, 20}, lasts: 30, every: 100}
		s.tier().Aging = tt.aging
		s.apply()
		s.run(second) // each is measured
		s.counts.Measure(2, 20, s.now)
		s.answers[2] = 2
		waited := uint32(0)
		for ; s.run(second / 10)[2] == 0 && waited < 100*second; waited += second / 10 {
		}
		low, high := tt.within*second-second, tt.within*second+second
		if tt.within == 0 {
			low, high = 100*second, 100*second
		}
		if waited < low || waited > high {
			t.Errorf("aging %d: tried again after %d ticks, want %d s", tt.aging, waited, tt.within)
		}
		if tt.within > 0 {
			s.run(second)
			if got := s.run(10 * second); got[2] < 80 {
				t.Errorf("aging %d: it recovered, and has %d of 100 connections", tt.aging, got[2])
			}
		}
	}
}

// TestFastestPredicts is the formula, case by case: who gets the next connection.
func TestFastestPredicts(t *testing.T) {
	type state struct {
		conns, response, age uint32 // response 0: none
	}
	const old = 100 * second // at a beat a second and 2 beats each
	for _, tt := range []struct {
		name  string
		reals []state
		want  uint16
	}{
		{"the quickest", []state{{1, 100, 0}, {1, 90, 0}, {1, 110, 0}}, 2},
		{"the least product", []state{{9, 10, 0}, {0, 90, 0}, {3, 30, 0}}, 2},
		{"age takes off", []state{{1, 100, 0}, {1, 200, old}, {1, 101, 0}}, 1},
		{"enough of it", []state{{1, 100, 0}, {1, 200, 2 * old}, {1, 101, 0}}, 2},
		{"below zero", []state{{0, 10, old}, {0, 10, 2 * old}, {0, 1, 0}}, 2},
		{"no sample", []state{{1, 100, 0}, {1, 0, 0}, {0, 300, 0}}, 1}, // equal to the first, and later in turn
		{"no sample, fewer connections", []state{{2, 100, 0}, {1, 0, 0}, {1, 300, 0}}, 2},
		{"no sample, as old as the oldest", []state{{1, 100, 0}, {1, 0, 0}, {9, 300, 10 * second}}, 2},
		{"no sample of anybody", []state{{3, 0, 0}, {2, 0, 0}, {1, 0, 0}}, 3},
		{"equal, but connections", []state{{3, 10, 0}, {1, 20, 0}, {9, 30, 0}}, 2},
		{"measured in the future", []state{{1, 100, 1<<32 - 5}, {1, 99, 0}, {1, 100, 0}}, 2},
		{"the highest numbers", []state{{math.MaxUint32, math.MaxUint32, 0}, {math.MaxUint32, math.MaxUint32, 1<<31 - 1}, {math.MaxUint32, math.MaxUint32, 0}}, 2},
	} {
		g := newPool(t, ruleset.Fastest, 1, 1, 1)
		g.tier().Aging = ruleset.NewAging(2, second)
		g.apply()
		for i, r := range tt.reals {
			g.counts.Reals[i+1].Others = r.conns
			if r.response > 0 {
				g.counts.Measure(uint16(i+1), r.response, g.now-r.age)
			}
		}
		if got := g.give(1, 0); got != tt.want {
			t.Errorf("%s: real %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestFastestOfTheSilent: a real that never answers is taken for the fastest, and yet gets no more connections at a time
// than the fastest has.
func TestFastestOfTheSilent(t *testing.T) {
	s := &simulation{pool: newPool(t, ruleset.Fastest, 1, 1, 1), answers: []uint32{0, 5, 5, math.MaxUint32}, lasts: 1000, every: 10}
	s.tier().Aging = ruleset.NewAging(1, second)
	s.apply()
	s.run(5000)
	if dead, alive := s.counts.Load(3), s.counts.Load(1); dead == 0 || dead > alive+2 {
		t.Errorf("%d connections on the silent one, %d on a quick one", dead, alive)
	}
}

// TestFastestTakesTurns: equal reals share, down to the last connection.
func TestFastestTakesTurns(t *testing.T) {
	g := newPool(t, ruleset.Fastest, 1, 1, 1)
	g.real(2, func(r *ruleset.Real) { r.MaxConns = 1 })
	g.counts.Reserve(2, 0)
	if got := g.shares(1000, false); got[1] != 500 || got[3] != 500 {
		t.Errorf("%v: who is left has half each", got)
	}
}
