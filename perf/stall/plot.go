package main

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"linedirector/perf/picture"
)

// plot draws, for each load, how many polls in all took longer than a time, beside an idle control core.
func (r *report) plot() ([]byte, error) {
	idle := r.idle()
	var panels []*plot.Plot
	for i := range r.Phases {
		if p := &r.Phases[i]; p.Name != "idle" {
			panels = append(panels, panel(p, &idle))
		}
	}
	panels[len(panels)-1].X.Label.Text = "time from a poll to the next"
	return picture.Page("How long a worker is kept from its queues",
		"part of the polls after which the next came later than a time; control under load (red), idle (blue)", 3.8*vg.Centimeter, panels...)
}

// The axes, as powers of ten: of seconds, and of the part of the polls.
const (
	shortest, longest = -7, -1
	rarest            = -9
)

func panel(p, idle *phase) *plot.Plot {
	out := picture.Panel(p.Title)
	out.X.Min, out.X.Max, out.Y.Min, out.Y.Max = shortest, longest, rarest, 0
	out.X.Tick.Marker = plot.ConstantTicks{
		{Value: -7, Label: "0.1 µs"},
		{Value: -6, Label: "1 µs"},
		{Value: -5, Label: "10 µs"},
		{Value: -4, Label: "100 µs"},
		{Value: -3, Label: "1 ms"},
		{Value: -2, Label: "10 ms"},
		{Value: -1, Label: "100 ms"},
	}
	out.Y.Tick.Marker = plot.ConstantTicks{
		{Value: 0, Label: "all"},
		{Value: -2, Label: "1 %"},
		{Value: -4, Label: "0.01 %"},
		{Value: -6, Label: "1 in 1 M"},
		{Value: -8, Label: "1 in 100 M"},
	}
	out.Add(picture.Grid{}, picture.Line{At: idle.Polls.later(), Color: picture.Blue}, picture.Line{At: p.Polls.later(), Color: picture.Red})
	return out
}

// later is the part of the polls that took longer than each bound, both as powers of ten.
func (p polls) later() (points []picture.Point) {
	total := 0.0
	for _, b := range p {
		total += b.Count
	}
	for left, i := total, 0; i < len(p); i++ {
		left -= p[i].Count
		if left <= 0 {
			break
		}
		points = append(points, picture.Point{X: math.Log10(p[i].Below), Y: max(math.Log10(left/total), rarest)})
	}
	return points
}
