package main

import (
	"math"
	"testing"

	"linedirector/perf/replay"
)

const scraped = `# TYPE linedirector_worker_poll_seconds histogram
linedirector_worker_poll_seconds_bucket{worker="0",le="1e-06"} 100
linedirector_worker_poll_seconds_bucket{worker="0",le="2e-06"} 198
linedirector_worker_poll_seconds_bucket{worker="0",le="0.001"} 199
linedirector_worker_poll_seconds_bucket{worker="0",le="0.002"} 199
linedirector_worker_poll_seconds_bucket{worker="0",le="+Inf"} 200
linedirector_worker_poll_seconds_bucket{worker="1",le="1e-06"} 7
`

func TestPolls(t *testing.T) {
	p, err := pollsOf(replay.Scraped{Text: scraped})
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]float64{
		"buckets":              {float64(len(p)), 4},
		"median":               {p.quantile(0.5), 1e-6},
		"a quarter":            {p.quantile(0.25), 0.5e-6},
		"three quarters":       {p.quantile(0.745), 1.5e-6},
		"all":                  {p.quantile(1), 0.002},
		"longest":              {p.longest(), 0.002},
		"over 0.5 ms":          {p.over(0.0005), 2},
		"over 1 ms":            {p.over(0.001), 1},
		"lost":                 {p.lost(3e6, 4096), 6000 - 4096},
		"lost with less":       {p.lost(3e6, 2000), 6000 - 2000 + 3000 - 2000},
		"nothing since":        {p.since(p).longest(), 0},
		"twice":                {p.plus(p).over(0), 400},
		"the first of nothing": {polls(nil).plus(p).over(0), 200},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-9*math.Max(1, pair[1]) {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
	if at := p.later(); len(at) != 3 || math.Abs(at[0].X+6) > 1e-9 || math.Abs(at[0].Y-math.Log10(0.5)) > 1e-9 {
		t.Errorf("drawn at %v", at)
	}
}

// What is no histogram is an error, not a stall of nothing.
func TestPollsRefused(t *testing.T) {
	for _, text := range []string{"", `linedirector_worker_poll_seconds_bucket{worker="0",le="1e-06"} many` + "\n", scraped[:200]} {
		if p, err := pollsOf(replay.Scraped{Text: text}); err == nil {
			t.Errorf("%q: %v", text, p)
		}
	}
}
