package main

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"linedirector/perf/picture"
)

// plotted is the picture's file.
const plotted = "flow-memory.svg"

// aim is the most that a connection may take, both directions, in bytes (docs/design/0001-flow-table.md).
const aim = 96

// plot draws the memory a connection, evenly apart by the table's size.
func (r *report) plot() ([]byte, error) {
	p := picture.Panel("bytes of hugepages a connection, both directions")
	var ticks plot.ConstantTicks
	var at []picture.Point
	top := float64(aim)
	for i, t := range r.Tables {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: fmt.Sprint(t.Flows)})
		at = append(at, picture.Point{X: float64(i), Y: t.perFlow()})
		top = max(top, t.perFlow())
	}
	p.X.Tick.Marker = ticks
	p.X.Min, p.X.Max = -0.2, float64(len(r.Tables)-1)+0.8
	p.Y.Min, p.Y.Max = 0, top*1.2
	p.X.Label.Text = "--flows"
	limit := []picture.Point{{X: p.X.Min, Y: aim}, {X: float64(len(r.Tables) - 1), Y: aim}}
	p.Add(picture.Grid{}, picture.Line{At: limit, Color: picture.Red}, picture.Label{At: limit[1], Text: "aim", Color: picture.Red},
		picture.Line{At: at, Color: picture.Blue}, picture.Marks{At: at, Shape: picture.Block, Color: picture.Blue},
		picture.Label{At: at[len(at)-1], Text: "measured", Color: picture.Blue})
	return picture.Page("Memory a connection", "hugepages that a director takes beyond one with a table of no size; a worker's table", 4.2*vg.Centimeter, p)
}
