package main

import (
	"math"
	"strings"
	"testing"
)

// straight is a slow start of 10 s as theory has it: 100 connections a second in turn and by hash, b's part of them spread
// evenly, and b's open connections rising with s.
func straight() *ramped {
	r := &ramped{Ramp: 10, Before: map[string]int{"a": 1000, "c": 1000}}
	owed, open := 0.0, 0.0
	for i := range 1250 {
		at := float64(i) / 100
		s := min(at/10, 1)
		who := "a"
		if owed += s / (2 + s); owed >= 1 {
			owed, who = owed-1, "b"
		}
		r.Turns = append(r.Turns, scheduled{at, at, who})
		r.Hashed = append(r.Hashed, scheduled{at, at, who})
		if who = "a"; i%2 == 0 {
			who = "c"
		}
		if open < s*1000 {
			open, who = open+1, "b"
		}
		r.Least = append(r.Least, scheduled{at, at, who})
	}
	return r
}

func TestBins(t *testing.T) {
	points := straight().bins(straight().Turns)
	if len(points) != 37 { // of a third of a second, in 12.5 s
		t.Fatalf("%d points", len(points))
	}
	for _, p := range points {
		s := min(p.X/10, 1)
		if math.Abs(p.Y-s/(2+s)) > 2./33 {
			t.Errorf("at %.2f s: %.3f, want %.3f", p.X, p.Y, s/(2+s))
		}
	}
}

func TestPlotSlowStart(t *testing.T) {
	d, err := straight().draw()
	if err != nil {
		t.Fatal(err)
	}
	svg, err := d.plot()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"roundrobin", "hash", "leastconns", "since the real", "slow start of 10 s"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if last := d.LeastConns[len(d.LeastConns)-1]; math.Abs(last.Y-1) > 0.2 {
		t.Errorf("b has %.2f times the others' connections in the end", last.Y)
	}
	if _, err := (&ramped{Ramp: 1}).draw(); err == nil {
		t.Error("nothing to draw, no error")
	}
}

func TestMarkdown(t *testing.T) {
	r := report{Rows: []row{{"weighted", "weights", "a", "50 %", "49 %"}, {"weighted", "weights", "b", "50 %", "51 %"}, {"hash", "weights", "b", "0", "1"}}}
	text := r.markdown()
	for _, want := range []string{"| `weighted` | weights | a | 50 % | 49 % |\n|  |  | b | 50 % | 51 % |\n| `hash` | weights | b | 0 | 1 |\n", "(images/slow-start.svg)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}
