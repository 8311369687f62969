package main

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"linedirector/perf/picture"
)

// scheduled is a connection: between when and when it was scheduled, in seconds from the real's return on, and who got it.
type scheduled struct {
	From, To float64
	Real     string
}

// ramped is what the test of slow start measures of a real b beside a and c.
type ramped struct {
	Ramp                 float64 // seconds
	Before               map[string]int
	Turns, Hashed, Least []scheduled
}

// binsPerRamp is how many marks a panel has in the ramp.
const binsPerRamp = 30

// drawn is a slow start as the picture shows it: b's part beside theory, for each predictor.
type drawn struct {
	Ramp                         float64 // seconds
	End                          float64 // of the picture, seconds
	RoundRobin, Hash, LeastConns []picture.Point
}

// draw makes points of connections.
func (r *ramped) draw() (drawn, error) {
	if len(r.Turns) == 0 || len(r.Hashed) == 0 || len(r.Least) == 0 {
		return drawn{}, fmt.Errorf("slow start: there are %d, %d and %d connections to draw, want some of each",
			len(r.Turns), len(r.Hashed), len(r.Least))
	}
	return drawn{r.Ramp, r.end(), r.bins(r.Turns), r.bins(r.Hashed), r.open()}, nil
}

// plot draws a panel for each predictor.
func (d *drawn) plot() ([]byte, error) {
	panels := []*plot.Plot{
		d.panel("roundrobin: b's share of new connections, in theory s/(2+s)", d.RoundRobin, func(s float64) float64 { return s / (2 + s) }, 50, 10),
		d.panel("hash: b's share of new connections, in theory s/3", d.Hash, func(s float64) float64 { return s / 3 }, 50, 10),
		d.panel("leastconns: b's open connections, over the mean of the two others', in theory s", d.LeastConns, func(s float64) float64 { return s }, 120, 20),
	}
	panels[len(panels)-1].X.Label.Text = "since the real's return (s)"
	return picture.Page("Slow start: one of three reals returns",
		fmt.Sprintf("measured (squares; shares over %.1f s each), in theory (lines); shaded: the slow start of %.0f s, in which s rises from 0 to 1",
			d.Ramp/binsPerRamp, d.Ramp), 4.2*vg.Centimeter, panels...)
}

// panel has marks up to top, step apart, both in per cent.
func (d *drawn) panel(title string, measured []picture.Point, theory func(float64) float64, top, step int) *plot.Plot {
	p := picture.Panel(title)
	p.X.Tick.Marker = picture.EverySecond{}
	p.X.Min, p.X.Max = 0, d.End
	p.Y.Min, p.Y.Max = 0, float64(top)/100
	var ticks plot.ConstantTicks
	for percent := 0; percent <= top; percent += step {
		ticks = append(ticks, plot.Tick{Value: float64(percent) / 100, Label: fmt.Sprintf("%d %%", percent)})
	}
	p.Y.Tick.Marker = ticks
	line := picture.Line{Color: picture.Red}
	for x := 0.0; x <= d.End; x += d.End / 200 {
		line.At = append(line.At, picture.Point{X: x, Y: theory(min(x/d.Ramp, 1))})
	}
	p.Add(picture.Shade{From: 0, To: d.Ramp}, picture.Grid{}, line, picture.Marks{At: measured, Shape: picture.Block, Color: picture.Blue})
	return p
}

// end is when the last connection was opened.
func (r *ramped) end() float64 { return max(r.Ramp, r.Turns[len(r.Turns)-1].From) }

// bins are b's shares, by spans of time.
func (r *ramped) bins(all []scheduled) (points []picture.Point) {
	width := r.Ramp / binsPerRamp
	for i, k := 0, 0; i < len(all); k++ {
		got, n := 0, 0
		for ; i < len(all) && all[i].From < float64(k+1)*width; i++ {
			n++
			if all[i].Real == "b" {
				got++
			}
		}
		if n > 0 && float64(k+1)*width <= r.end() {
			points = append(points, picture.Point{X: (float64(k) + 0.5) * width, Y: float64(got) / float64(n)})
		}
	}
	return points
}

// open are b's open connections over the others', at the end of each span of time.
func (r *ramped) open() (points []picture.Point) {
	width := r.Ramp / binsPerRamp
	conns := map[string]float64{}
	for name, n := range r.Before {
		conns[name] = float64(n)
	}
	k := 1
	for _, one := range r.Least {
		for ; one.From >= float64(k)*width; k++ {
			points = append(points, picture.Point{X: float64(k) * width, Y: 2 * conns["b"] / (conns["a"] + conns["c"])})
		}
		conns[one.Real]++
	}
	return points
}
