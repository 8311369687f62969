package forward

import (
	"math"
	"testing"

	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// tiers gives the virtual groups of reals, each member's StandIn as given, and limits reals to so many connections.
func tiers(limits map[uint16]uint32, groups ...ruleset.TierSource) func(*world) {
	return change(func(s *ruleset.Source) {
		for n := uint16(4); n <= 6; n++ { // further reals, to stand in
			s.Reals[n] = ruleset.Real{Address: firstReal + uint32(n-1), Port: 8080}
			s.Virtuals[0].Members = append(s.Virtuals[0].Members, ruleset.Member{Binding: uint32(n), Real: n, Weight: 1})
		}
		for n, most := range limits {
			r := s.Reals[n]
			r.MaxConns = most
			s.Reals[n] = r
		}
		s.Virtuals[0].Tiers = groups
	})
}

func member(real, standIn uint16) ruleset.Member {
	return ruleset.Member{Binding: uint32(real), Real: real, Weight: 1, StandIn: standIn}
}

// TestTiers: who takes connections that begin one after another and stay.
func TestTiers(t *testing.T) {
	for _, tt := range []struct {
		description string
		limits      map[uint16]uint32
		groups      []ruleset.TierSource
		want        []uint16 // real by real; 0: none
	}{
		{"full ones take no more", map[uint16]uint32{1: 1, 2: 2}, []ruleset.TierSource{
			{Predictor: ruleset.RoundRobin, Members: []ruleset.Member{member(1, 0), member(2, 0)}},
		}, []uint16{1, 2, 2, 0, 0}},
		{"least connections, too", map[uint16]uint32{1: 1, 2: 2}, []ruleset.TierSource{
			{Predictor: ruleset.LeastConns, Members: []ruleset.Member{member(1, 0), member(2, 0)}},
		}, []uint16{1, 2, 2, 0}},
		{"a full one's stand-in takes its turn", map[uint16]uint32{1: 1}, []ruleset.TierSource{
			{Predictor: ruleset.RoundRobin, Members: []ruleset.Member{member(1, 3), member(2, 0)}, StandIns: []ruleset.Member{member(4, 0)}},
		}, []uint16{1, 2, 4, 2, 4, 2}},
		{"a member may stand in", map[uint16]uint32{1: 1}, []ruleset.TierSource{
			{Predictor: ruleset.RoundRobin, Members: []ruleset.Member{member(1, 2), member(2, 0)}},
		}, []uint16{1, 2, 2, 2}},
		{"a chain of stand-ins", map[uint16]uint32{1: 1, 4: 1, 5: 2}, []ruleset.TierSource{
			{Predictor: ruleset.RoundRobin, Members: []ruleset.Member{member(1, 2)}, StandIns: []ruleset.Member{member(4, 3), member(5, 4), member(6, 0)}},
		}, []uint16{1, 4, 5, 5, 6, 6}},
		{"a ring of stand-ins ends", map[uint16]uint32{1: 1, 4: 1}, []ruleset.TierSource{
			{Predictor: ruleset.RoundRobin, Members: []ruleset.Member{member(1, 2)}, StandIns: []ruleset.Member{member(4, 1)}},
		}, []uint16{1, 4, 0}},
		{"the next tier, when all are full", map[uint16]uint32{1: 1, 2: 1, 5: 1}, []ruleset.TierSource{
			{Predictor: ruleset.RoundRobin, Members: []ruleset.Member{member(1, 0), member(2, 0)}},
			{Predictor: ruleset.RoundRobin, Members: []ruleset.Member{member(5, 2)}, StandIns: []ruleset.Member{member(6, 0)}},
		}, []uint16{1, 2, 5, 6, 6}},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tiers(tt.limits, tt.groups...)(w)
			w.turn[1] = 0
			for n, want := range tt.want {
				f := w.give(t, fromClient("S").from(at(n)))
				got := uint16(0)
				if r := w.flow(at(n)); r != nil {
					got = r.RealSlot
				} else if f.Verdict != Send || f.Out != outside || f.Bytes()[47]&packet.RST == 0 {
					t.Errorf("client %d is not refused: verdict %d", n, f.Verdict)
				}
				if got != want {
					t.Errorf("client %d at real %d, want %d", n, got, want)
				}
			}
			for real, most := range tt.limits {
				if got := w.counts.Shared.Connections(real); got > most {
					t.Errorf("real %d: %d connections, at most %d", real, got, most)
				}
			}
			none := uint64(0)
			for _, real := range tt.want {
				if real == 0 {
					none++
				}
			}
			if got := w.counts.Virtual(1).NoReal; got != none {
				t.Errorf("%d without a real counted, want %d", got, none)
			}
			w.give(t, fromClient("R").from(at(0))) // a place is free again
			if w.give(t, fromClient("S").from(at(99))); w.flow(at(99)) == nil {
				t.Error("a free place is not taken")
			}
		})
	}
}

// TestMovesKeepToLimits: who moves finds a full real full; its stand-in and the next tier take it.
func TestMovesKeepToLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limits map[uint16]uint32
		groups []ruleset.TierSource
		fill   []uint16 // reals that are full
		want   uint16
	}{
		"the other one":      {nil, []ruleset.TierSource{{Members: []ruleset.Member{member(1, 0), member(2, 0), member(3, 0)}}}, nil, 2},
		"the one not full":   {map[uint16]uint32{2: 1}, []ruleset.TierSource{{Members: []ruleset.Member{member(1, 0), member(2, 0), member(3, 0)}}}, []uint16{2}, 3},
		"all others full":    {map[uint16]uint32{2: 1, 3: 1}, []ruleset.TierSource{{Members: []ruleset.Member{member(1, 0), member(2, 0), member(3, 0)}}}, []uint16{2, 3}, 1},
		"its own stand-in":   {map[uint16]uint32{2: 1}, []ruleset.TierSource{{Members: []ruleset.Member{member(1, 3), member(2, 0)}, StandIns: []ruleset.Member{member(4, 0)}}}, []uint16{2}, 4},
		"a full one's":       {map[uint16]uint32{2: 1}, []ruleset.TierSource{{Members: []ruleset.Member{member(1, 0), member(2, 3)}, StandIns: []ruleset.Member{member(4, 0)}}}, []uint16{2}, 4},
		"one of a next tier": {map[uint16]uint32{2: 1}, []ruleset.TierSource{{Members: []ruleset.Member{member(1, 0), member(2, 0)}}, {Members: []ruleset.Member{member(5, 0)}}}, []uint16{2}, 5},
	} {
		for _, predictor := range []ruleset.Predictor{ruleset.RoundRobin, ruleset.LeastConns, ruleset.Weighted} {
			w := newWorld(t, 100, nil)
			for i := range c.groups {
				c.groups[i].Predictor = predictor
			}
			all(byCount, tiers(c.limits, c.groups...))(w)
			w.turn[1] = 0
			w.give(t, fromClient("S"))
			if r := w.flow(client); r.RealSlot != 1 {
				t.Fatalf("%s: opened at %d", name, r.RealSlot)
			}
			for _, real := range c.fill {
				fill(w, real, 1)
			}
			for range 3 {
				w.pass(second)
				w.give(t, fromClient("S"))
			}
			if r := w.flow(client); r.RealSlot != c.want && (name != "the other one" || r.RealSlot == 1) {
				t.Errorf("%s, predictor %d: at real %d, want %d", name, predictor, r.RealSlot, c.want)
			}
			for real, most := range c.limits {
				if got := w.counts.Shared.Connections(real); got > most {
					t.Errorf("%s, predictor %d: real %d has %d connections, at most %d", name, predictor, real, got, most)
				}
			}
			w.empty()
			w.end(t)
		}
	}
}

// TestSlowStart: a real's share of new connections rises evenly while its slow start lasts.
func TestSlowStart(t *testing.T) {
	const ramp, perStep, steps = 10_000, 600, 10
	for _, tt := range []struct {
		name      string
		predictor ruleset.Predictor
		weights   [3]uint16
		ramping   [3]bool
	}{
		{"round robin", ruleset.RoundRobin, [3]uint16{1, 1, 1}, [3]bool{true, false, false}},
		{"weighted", ruleset.Weighted, [3]uint16{1, 1, 1}, [3]bool{true, false, false}},
		{"weighted, the heavy one", ruleset.Weighted, [3]uint16{8, 1, 1}, [3]bool{true, false, false}},
		{"weighted, the light one", ruleset.Weighted, [3]uint16{1, 4, 4}, [3]bool{true, false, false}},
		{"least connections, none of which lasts", ruleset.LeastConns, [3]uint16{1, 1, 1}, [3]bool{true, false, false}},
		{"round robin, two at once", ruleset.RoundRobin, [3]uint16{1, 1, 1}, [3]bool{true, true, false}},
		{"weighted, two at once", ruleset.Weighted, [3]uint16{2, 1, 3}, [3]bool{true, true, false}},
		{"round robin, all at once", ruleset.RoundRobin, [3]uint16{1, 1, 1}, [3]bool{true, true, true}},
		{"weighted, all at once", ruleset.Weighted, [3]uint16{3, 2, 1}, [3]bool{true, true, true}},
		{"least connections, all at once", ruleset.LeastConns, [3]uint16{1, 1, 1}, [3]bool{true, true, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 2*perStep, nil)
			start := w.time
			for i := range tt.ramping {
				if tt.ramping[i] {
					setReal(uint16(i+1), func(r *ruleset.Real) { r.Since, r.Ramp = start, ramp })(w)
				}
				w.source.Virtuals[0].Members[i].Weight = tt.weights[i]
			}
			w.source.Virtuals[0].Predictor = tt.predictor
			w.apply()
			for step := range steps + 2 {
				w.setTime(start + uint32(step)*ramp/steps)
				var before, got [3]float64
				for i := range before {
					before[i] = float64(w.counts.Binding(uint32(i + 1)).Opened)
				}
				for n := range perStep {
					w.give(t, fromClient("S").from(at(n)))
					w.give(t, fromClient("R").from(at(n)))
				}
				share, sum := [3]float64{}, 0.0
				for i := range share {
					got[i] = (float64(w.counts.Binding(uint32(i+1)).Opened) - before[i]) / perStep
					share[i] = float64(tt.weights[i])
					if tt.ramping[i] && tt.ramping != [3]bool{true, true, true} {
						share[i] *= min(float64(step)/steps, 1)
					}
					sum += share[i]
				}
				for i := range share {
					if want := share[i] / sum; math.Abs(got[i]-want) > 0.12 {
						t.Errorf("at %d/%d of the ramp: real %d has %.2f of new connections, want %.2f", step, steps, i+1, got[i], want)
					}
				}
			}
		})
	}
}
