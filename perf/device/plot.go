package main

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"linedirector/perf/picture"
)

// plotted is the picture's file.
const plotted = "device.svg"

// plot draws a panel for each thing that varies.
func (r *report) plot() ([]byte, error) {
	var panels []*plot.Plot
	for _, by := range []struct{ by, title string }{
		{byFlows, fmt.Sprintf("against flows: one worker, bursts of %d", usualBurst)},
		{byBurst, fmt.Sprintf("against frames a burst: one worker, %d flows", usualFlows)},
		{byWorkers, fmt.Sprintf("against workers: %d flows a worker", usualFlows)},
	} {
		if p := panel(by.title, r.of(by.by), programs(by.by)); p != nil {
			panels = append(panels, p)
		}
	}
	return picture.Page("Millions of packets a second through a device (net_pcap)",
		fmt.Sprintf("linedirector blue, dpdk-testpmd on the same device red; medians of %d rounds", r.Rounds), 4.2*vg.Centimeter, panels...)
}

// panel has a column for each case, evenly apart. It is nil if none was measured.
func panel(title string, cases []*measured, modes []string) *plot.Plot {
	p := picture.Panel(title)
	lines := map[string][]picture.Point{}
	var ticks plot.ConstantTicks
	top := 0.0
	for i, c := range cases {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: c.varied()})
		for _, program := range append([]string{director}, modes...) {
			if mpps := c.median(program); mpps > 0 {
				lines[program] = append(lines[program], picture.Point{X: float64(i), Y: mpps})
				top = max(top, mpps)
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	p.X.Tick.Marker = ticks
	p.X.Min, p.X.Max = -0.2, float64(len(cases)-1)+0.8
	p.Y.Min, p.Y.Max = 0, top*1.1
	p.Add(picture.Grid{})
	for _, program := range append(modes, director) {
		color := picture.Red
		if program == director {
			color = picture.Blue
		}
		at := lines[program]
		p.Add(picture.Line{At: at, Color: color}, picture.Marks{At: at, Shape: picture.Block, Color: color},
			picture.Label{At: at[len(at)-1], Text: program, Color: color})
	}
	return p
}
