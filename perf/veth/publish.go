package main

import (
	"fmt"

	"linedirector/perf/record"
)

// output is where a run is written.
var output = record.Output{
	Page:    record.Page{File: "docs/performance.md", Target: "bench-veth"},
	Results: "perf/veth/results", Images: "docs/images", Trials: "bin/veth",
}

// publish writes results, plot and tables.
func publish(s *settings, r *report) error {
	svg, err := r.plot()
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return output.Write(s.publish, &r.Machine, r, []record.Picture{{Name: plotted, SVG: svg}}, r.markdown())
}
