package main

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"linedirector/perf/picture"
)

// plotted is the picture's file.
const plotted = "bench-veth.svg"

// plot draws a panel for each load: every round of every balancer as a mark, the median as a larger one.
func (r *report) plot() ([]byte, error) {
	panels := []*plot.Plot{
		r.panel(requests, "requests a second, on connections that stay open", func(f figure) float64 { return f.Rate }),
		r.panel(connections, "connections a second", func(f figure) float64 { return f.Rate }),
		r.panel(single, "one request at a time: median latency, µs", func(f figure) float64 { return f.P50 }),
	}
	return picture.Page("Balancers on the same veth pairs",
		fmt.Sprintf("rounds (crosses) and their medians (squares); the balancer on CPU 1, clients and servers on CPU 0; %d connections", r.Settings.Connections),
		4.5*vg.Centimeter, panels...)
}

// panel has a column for each balancer.
func (r *report) panel(l load, title string, of func(figure) float64) *plot.Plot {
	p := picture.Panel(title)
	var rounds, medians []picture.Point
	var columns plot.ConstantTicks
	top := 0.0
	for x, b := range r.Balancers {
		columns = append(columns, plot.Tick{Value: float64(x), Label: b.Balancer})
		medians = append(medians, picture.Point{X: float64(x), Y: of(b.Loads[l.name])})
		for _, m := range r.Rounds {
			if m.Balancer == b.Balancer {
				y := of(m.Loads[l.name])
				rounds = append(rounds, picture.Point{X: float64(x), Y: y})
				top = max(top, y)
			}
		}
	}
	p.X.Min, p.X.Max = -0.5, float64(len(r.Balancers))-0.5
	p.Y.Min, p.Y.Max = 0, top*1.1
	p.X.Tick.Marker = columns
	p.X.Tick.Length = 0
	p.X.Tick.Label.Font.Size = 6.5
	p.Add(picture.Grid{}, picture.Marks{At: rounds, Shape: picture.Cross, Color: picture.Red}, picture.Marks{At: medians, Shape: picture.Block, Color: picture.Blue})
	return p
}
