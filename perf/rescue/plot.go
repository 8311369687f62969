package main

import (
	"fmt"
	"image/color"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"linedirector/perf/picture"
)

// A panel's measures.
const (
	panelHeight = 3.8 * vg.Centimeter
	fastest     = 100 * time.Microsecond // its bottom; faster ones lie on it
)

// plotFile is the name of a scenario's picture.
func plotFile(sc scenario) string { return "rescue-" + sc.name + ".svg" }

// plotScenario draws a panel for each balancer, one below the other: when a connection began, and how long it took to
// the end of its answer, or until it was lost.
func plotScenario(s *settings, sc scenario, cases []measured) ([]byte, error) {
	panels := make([]*plot.Plot, len(cases))
	for i, c := range cases {
		panels[i] = panel(s, c)
	}
	panels[len(panels)-1].X.Label.Text = "when the connection began (s)"
	return picture.Page(sc.says,
		"time to the answer of each connection (dots); time until it was lost (red crosses); shaded: the fault",
		panelHeight, panels...)
}

// panel draws one case.
func panel(s *settings, c measured) *plot.Plot {
	p := picture.Panel(fmt.Sprintf("%s: %d of %d lost, worst answer %v", c.Balancer, c.Summary.Lost, c.Summary.Connections, c.Summary.Answer.Worst))
	p.X.Tick.Marker = picture.EverySecond{}
	p.X.Min, p.X.Max = 0, s.Duration.Seconds()
	p.Y.Min, p.Y.Max = fastest.Seconds(), max(30*time.Second, 2*s.Deadline).Seconds()
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.ConstantTicks{
		{Value: 1e-4, Label: "0.1 ms"},
		{Value: 1e-3, Label: "1 ms"},
		{Value: 1e-2, Label: "10 ms"},
		{Value: 0.1, Label: "0.1 s"},
		{Value: 1, Label: "1 s"},
		{Value: 10, Label: "10 s"},
	}
	p.Add(
		picture.Shade{From: c.Summary.On.Seconds(), To: c.Summary.Off.Seconds()}, picture.Grid{},
		dots(s, c.samples, func(o outcome) bool { return o == ok }, picture.Square, picture.Blue),
		dots(s, c.samples, func(o outcome) bool { return o != ok }, picture.Cross, picture.Red))
	return p
}

// cellsX and cellsY are how finely a panel can be read: of connections in the same cell, one is drawn.
const cellsX, cellsY = 220, 40

// dots are those samples whose outcome is wanted.
func dots(s *settings, samples []sample, wanted func(outcome) bool, shape picture.Shape, c color.Color) picture.Marks {
	d := picture.Marks{Shape: shape, Color: c}
	bottom, top := math.Log(fastest.Seconds()), math.Log(s.Deadline.Seconds())
	taken := map[[2]int]bool{}
	for _, sample := range samples {
		if !wanted(sample.Outcome) {
			continue
		}
		x, y := sample.Start.Seconds(), max(sample.Total, fastest).Seconds()
		cell := [2]int{int(x / s.Duration.Seconds() * cellsX), int((math.Log(y) - bottom) / (top - bottom) * cellsY)}
		if !taken[cell] {
			taken[cell] = true
			d.At = append(d.At, picture.Point{X: x, Y: y})
		}
	}
	return d
}
