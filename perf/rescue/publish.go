package main

import (
	"fmt"

	"linedirector/perf/record"
)

// output is where a run is written.
var output = record.Output{
	Page:    record.Page{File: "docs/rescue.md", Target: "rescue"},
	Results: "perf/rescue/results", Images: "docs/images", Trials: "bin/rescue",
}

// publish writes summaries, plots and tables.
func publish(s *settings, r *report) error {
	var plots []record.Picture
	for _, sc := range s.scenarios {
		svg, err := plotScenario(s, sc, r.of(sc))
		if err != nil {
			return fmt.Errorf("plot of %s: %w", sc.name, err)
		}
		plots = append(plots, record.Picture{Name: plotFile(sc), SVG: svg})
	}
	return output.Write(s.publish, &r.Machine.Machine, r, plots, r.markdown(s))
}
