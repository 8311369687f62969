package ruleset

import "testing"

func TestSample(t *testing.T) {
	s := NewSample(500, 7)
	if s.Response() != 500 || s.Answered() != 7 || s.Age(10) != 3 || s.Age(5) != 0 || NewSample(1<<31, 7).Response() != maxResponse {
		t.Errorf("%#x", s)
	}
	for _, tt := range []struct {
		a, b Sample
		want bool
	}{
		{NewSample(1, 8), NewSample(1, 7), true},
		{NewSample(1, 7), NewSample(1, 8), false},
		{NewSample(1, 7), NewSample(2, 7), false},
		{NewSample(1, 3), NewSample(1, 1<<32-3), true}, // the tick wrapped around
		{NewSample(1, 0), 0, true},
		{0, NewSample(1, 5), false},
		{0, 0, false},
	} {
		if got := tt.a.Newer(tt.b); got != tt.want {
			t.Errorf("%#x newer than %#x: %v", tt.a, tt.b, got)
		}
	}
	c := NewCounts(nil, Slots{Bindings: 1, Reals: 2, Virtuals: 1}, NewShared(nil, 2))
	c.Measure(2, 500, 9)
	was := c.Sample(2)
	if was != NewSample(500, 9) || c.Sample(1) != 0 {
		t.Errorf("%#x, the other %#x", was, c.Sample(1))
	}
	c.Measure(2, 600, 10)
	if c.Inform(2, was, NewSample(1, 11)) || c.Sample(2) != NewSample(600, 10) {
		t.Error("what the worker measured meanwhile is lost")
	}
	if !c.Inform(2, NewSample(600, 10), 0) || c.Sample(2) != 0 {
		t.Error("not replaced")
	}
}

func TestAging(t *testing.T) {
	for _, tt := range []struct {
		beats, ticks, age uint32
		want              int64
	}{
		{2000, 1000, 1000, 2000},
		{2000, 1000, 1, 2},
		{1, 1000, 999, 0},
		{1, 1000, 1001, 1},
		{0, 1000, 1 << 30, 0},
		{1 << 31, 1 << 20, 1<<31 - 1, 1<<42 - 1<<11},
		{1 << 31, 1, 1<<31 - 1, 1<<42 - 1<<11}, // the highest
		{5, 0, 1, 5},
	} {
		if got := NewAging(tt.beats, tt.ticks).Of(tt.age); got != tt.want {
			t.Errorf("%d beats in %d ticks, age %d: %d, want %d", tt.beats, tt.ticks, tt.age, got, tt.want)
		}
	}
}
