package ruleset

import (
	"fmt"
	"slices"
	"testing"
)

func TestBuild(t *testing.T) {
	src := small()
	src.TransitRoute = true
	src.Ports[31] = Port{MAC: 5, Address: 6}
	s := Build(src)
	if s.Generation != 7 || s.RouteGeneration != 3 || !s.TransitRoute || s.Ports != src.Ports {
		t.Errorf("%+v", s)
	}
	web := s.Virtual(2)
	if web.Address != webAddress || web.Port != 80 || web.Protocol != 6 || !web.Reset || web.Draining {
		t.Errorf("%+v", web)
	}
	tier := only(t, s, 2)
	if got := s.Members(tier); !slices.Equal(got, []Member{member(1, 3, 1), member(2, 9, 2)}) {
		t.Errorf("members %v: weight 0 is none", got)
	}
	if got := s.Turns(tier); len(got) != 3 {
		t.Errorf("turns %v", got)
	}
	removed := s.Virtual(5)
	if !removed.Draining || len(s.Tiers(removed)) != 0 {
		t.Errorf("%+v", removed)
	}
	if got := s.Members(only(t, s, 6)); !slices.Equal(got, []Member{member(5, 9, 1)}) {
		t.Errorf("members %v", got)
	}
	if *s.Real(9) != (Real{Address: realAddress + 1}) || *s.Real(4) != (Real{Address: realAddress + 2, Port: 8080}) {
		t.Error("reals")
	}
}

// only is the one tier of the virtual in a slot.
func only(t *testing.T, s *Snapshot, slot uint16) *Tier {
	t.Helper()
	tiers := s.Tiers(s.Virtual(slot))
	if len(tiers) != 1 {
		t.Fatalf("virtual %d: tiers %+v", slot, tiers)
	}
	return &tiers[0]
}

// TestBuildTiers: members, who stands in for them and trials lie where workers look for them, and know what they need of
// their reals.
func TestBuildTiers(t *testing.T) {
	src := small()
	src.Reals[3] = Real{Address: realAddress, Port: 8080, MaxConns: 5, Threshold: 8, Retry: Retry{SYNs: 2, After: 9}}
	src.Reals[9] = Real{Address: realAddress + 1, Ramp: 30}
	web := &src.Virtuals[0]
	web.Retry, web.Guard, web.PassReset, web.Refuse = Retry{SYNs: 3, After: 7}, Guard{Limit: 4, Drop: true}, true, true
	standing := member(1, 3, 3)
	standing.StandIn = 2
	web.Tiers = []TierSource{
		{Predictor: Weighted, Members: []Member{standing}, StandIns: []Member{member(3, 4, 1)}},
		{Predictor: LeastConns}, // nobody of it is in service
		{Predictor: RoundRobin, Members: []Member{member(2, 9, 2), member(3, 4, 1)}},
	}
	web.Trials = []Member{member(2, 9, 2), member(1, 3, 1)}
	s := Build(src)
	v := s.Virtual(2)
	if v.Retry != (Retry{3, 7}) || v.Guard != (Guard{4, true}) || !v.PassReset || !v.Refuse {
		t.Errorf("%+v", v)
	}
	limited := func(m Member) Member { m.Limited = true; return m }
	ramping := func(m Member) Member { m.Ramping = true; return m }
	tiers := s.Tiers(v)
	if len(tiers) != 2 || tiers[0].Predictor != Weighted || tiers[1].Predictor != RoundRobin {
		t.Fatalf("%+v", tiers)
	}
	if got := s.Members(&tiers[0]); !slices.Equal(got, []Member{limited(standing)}) {
		t.Errorf("members %+v", got)
	}
	if got := s.All(&tiers[0]); !slices.Equal(got, []Member{limited(standing), member(3, 4, 1)}) {
		t.Errorf("all %+v", got)
	}
	if got := s.Turns(&tiers[0]); !slices.Equal(got, []uint32{0}) {
		t.Errorf("turns %v: who stands in has none", got)
	}
	if got := s.All(&tiers[1]); !slices.Equal(got, []Member{ramping(member(2, 9, 2)), member(3, 4, 1)}) {
		t.Errorf("all of the second %+v", got)
	}
	for i := range tiers {
		for k, m := range s.All(&tiers[i]) {
			if got := s.Member(s.First(&tiers[i]) + uint32(k)); *got != m {
				t.Errorf("tier %d: at place %d: %+v, want %+v", i, k, *got, m)
			}
		}
	}
	first, trials := s.Trials(v)
	if !slices.Equal(trials, []Member{ramping(member(2, 9, 2)), limited(member(1, 3, 1))}) || *s.Member(first + 1) != trials[1] {
		t.Errorf("trials from %d on: %+v", first, trials)
	}
	if _, none := s.Trials(s.Virtual(6)); len(none) != 0 {
		t.Errorf("another virtual's trials: %+v", none)
	}
}

func TestBuildOfNothing(t *testing.T) {
	s := Build(&Source{})
	if s.FindVirtual(0, 0, 0, 0) != 0 || s.FindReal(0, 0, 0) != 0 || s.Local(0) || s.Route(1).Port != NoPort {
		t.Error("something was found in nothing")
	}
}

// TestBuildAtTheLimits uses the highest slots.
func TestBuildAtTheLimits(t *testing.T) {
	s := Build(&Source{
		Reals: map[uint16]Real{MaxReals: {Address: ^uint32(0), Port: 65535}},
		Virtuals: []VirtualSource{{
			Slot: MaxVirtuals, Address: ^uint32(0), Port: 65535, Protocol: 255,
			Members: []Member{member(MaxBindings, MaxReals, 65535)},
		}},
	})
	if s.FindVirtual(0, ^uint32(0), 65535, 255) != MaxVirtuals || s.FindReal(^uint32(0), 65535, 255) != MaxReals {
		t.Error("not found")
	}
	v := only(t, s, MaxVirtuals)
	if m := s.Members(v); len(m) != 1 || m[0].Binding != MaxBindings || s.Real(m[0].Real).Port != 65535 {
		t.Error(m)
	}
	if turns := s.Turns(v); !slices.Equal(turns, []uint32{0}) {
		t.Error(turns)
	}
}

func weights(w ...uint16) []Member {
	m := make([]Member, len(w))
	for i := range w {
		m[i].Weight = w[i]
	}
	return m
}

// tally is how many turns each member has in a round, and the longest run of one member, around the end included.
func tally(round []uint32, members int) (each []int, run int) {
	each = make([]int, members)
	for _, m := range round {
		each[m]++
	}
	length := 0
	for i := range 2 * len(round) {
		if length++; i > 0 && round[i%len(round)] != round[(i-1)%len(round)] {
			length = 1
		}
		run = max(run, length)
	}
	return each, run
}

func TestTurns(t *testing.T) {
	for _, tt := range []struct {
		weights, want []int
		run           int // the longest that the weights force, or the rotation may have
	}{
		{[]int{1}, []int{1}, 2},
		{[]int{65535}, []int{1}, 2},
		{[]int{1, 1}, []int{1, 1}, 1},
		{[]int{5, 5, 5, 5}, []int{1, 1, 1, 1}, 1},
		{[]int{3, 1}, []int{3, 1}, 3},
		{[]int{300, 100}, []int{3, 1}, 3},
		{[]int{1, 3}, []int{1, 3}, 3},
		{[]int{2, 1, 1}, []int{2, 1, 1}, 2},
		{[]int{4, 2, 2}, []int{2, 1, 1}, 2},
		{[]int{5, 1, 1}, []int{5, 1, 1}, 4},
		{[]int{10, 10, 10, 1}, []int{10, 10, 10, 1}, 2},
		{[]int{65535, 1}, nil, 1 << 14}, // bounded, below
		{[]int{7, 65535, 30000}, nil, 4},
	} {
		members := make([]Member, len(tt.weights))
		sum := 0
		for i, w := range tt.weights {
			members[i].Weight = uint16(w)
			sum += w
		}
		round := turns(members)
		each, run := tally(round, len(members))
		if tt.want != nil && !slices.Equal(each, tt.want) {
			t.Errorf("weights %v: turns %v, want %v", tt.weights, each, tt.want)
		}
		if len(round) > 1 && run > tt.run {
			t.Errorf("weights %v: %d in a row in %d", tt.weights, run, len(round))
		}
		if len(round) > longestRound+len(members) {
			t.Errorf("weights %v: a round of %d", tt.weights, len(round))
		}
		for i, n := range each {
			share, want := float64(n)/float64(len(round)), float64(tt.weights[i])/float64(sum)
			if n == 0 || share < want-0.001 || share > want+0.001 {
				t.Errorf("weights %v: member %d has %d of %d", tt.weights, i, n, len(round))
			}
		}
	}
	if turns(nil) != nil {
		t.Error("turns of nobody")
	}
}

// TestTurnsSmooth: in any stretch of the rotation each member has about its share, off by less than two turns.
func TestTurnsSmooth(t *testing.T) {
	for _, members := range [][]Member{
		weights(3, 1), weights(5, 1, 1), weights(4, 3, 2, 1), weights(10, 10, 10, 1), weights(100, 1), weights(7, 11, 13, 17, 19),
	} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			round := turns(members)
			sum := float64(len(round))
			for from := range round {
				have := make([]float64, len(members))
				for n := range round {
					have[round[(from+n)%len(round)]]++
					for i, m := range members {
						if off := have[i] - float64(m.Weight)*float64(n+1)/sum; off < -2 || off > 2 {
							t.Fatalf("%d turns from %d on: member %d is off by %.1f: %v", n+1, from, i, off, round)
						}
					}
				}
			}
		})
	}
}

// TestTurnsOfMany: a big group's round stays short, and nobody is left out.
func TestTurnsOfMany(t *testing.T) {
	members := make([]Member, 20000)
	for i := range members {
		members[i].Weight = uint16(1 + i*7919%65535)
	}
	round := turns(members)
	each, _ := tally(round, len(members))
	if slices.Min(each) == 0 || len(round) > 5*len(members) {
		t.Errorf("a round of %d, the least has %d", len(round), slices.Min(each))
	}
	for i := range members {
		members[i].Weight = 9
	}
	round = turns(members)
	if each, run := tally(round, len(members)); len(round) != len(members) || slices.Min(each) != 1 || run != 1 {
		t.Error("equal weights are no plain rotation")
	}
}
