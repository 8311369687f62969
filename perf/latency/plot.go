package main

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"linedirector/perf/picture"
	"linedirector/perf/record"
)

// plotted is the picture's file.
const plotted = "latency.svg"

// plot draws, for each program, which part of the requests took longer than a time on their way to the server, beside the
// program that the director is compared with.
func (r *report) plot() ([]byte, error) {
	_, theirs := r.compared()
	var panels []*plot.Plot
	for i := range r.Programs {
		if m := &r.Programs[i]; m != theirs {
			panels = append(panels, panel(m, theirs))
		}
	}
	panels[len(panels)-1].X.Label.Text = "time from the generator to the server"
	return picture.Page("Latency at half load",
		"part of the requests that took longer than a time, medians of the rounds; the program (blue), "+theirs.Name+" (red)",
		3.8*vg.Centimeter, panels...)
}

// The axes, as powers of ten: of microseconds, and of the part of the requests.
const (
	shortest, longest = 0, 5
	rarest            = -5
)

func panel(m, theirs *measured) *plot.Plot {
	out := picture.Panel(m.Name)
	out.X.Min, out.X.Max, out.Y.Min, out.Y.Max = shortest, longest, rarest, 0
	out.X.Tick.Marker = plot.ConstantTicks{
		{Value: 0, Label: "1 µs"},
		{Value: 1, Label: "10 µs"},
		{Value: 2, Label: "100 µs"},
		{Value: 3, Label: "1 ms"},
		{Value: 4, Label: "10 ms"},
		{Value: 5, Label: "100 ms"},
	}
	out.Y.Tick.Marker = plot.ConstantTicks{
		{Value: 0, Label: "all"},
		{Value: -1, Label: "10 %"},
		{Value: -2, Label: "1 %"},
		{Value: -3, Label: "0.1 %"},
		{Value: -4, Label: "0.01 %"},
		{Value: -5, Label: "0.001 %"},
	}
	out.Add(picture.Grid{}, picture.Line{At: theirs.later(), Color: picture.Red}, picture.Line{At: m.later(), Color: picture.Blue})
	return out
}

// later is the part of the requests that took longer than each percentile, both as powers of ten.
func (m *measured) later() (points []picture.Point) {
	for _, q := range []struct {
		left float64
		of   func(*times) float64
	}{
		{0.5, func(t *times) float64 { return t.P50 }},
		{0.1, func(t *times) float64 { return t.P90 }},
		{0.01, func(t *times) float64 { return t.P99 }},
		{0.001, func(t *times) float64 { return t.P999 }},
		{0.0001, func(t *times) float64 { return t.P9999 }},
		{0.00001, func(t *times) float64 { return t.P99999 }},
	} {
		us := record.Median(m.figures(func(r *result) float64 { return q.of(&r.Requests.Latency) }))
		points = append(points, picture.Point{X: min(max(math.Log10(us), shortest), longest), Y: math.Log10(q.left)})
	}
	return points
}
