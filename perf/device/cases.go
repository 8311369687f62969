package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"linedirector/perf/record"
)

// Programs, as results name them: the director, or testpmd's forwarding mode.
const (
	director = "linedirector"
	io       = "io"
	macswap  = "macswap"
	ceiling  = "5tswap" // swaps MACs, addresses and ports: it touches what a director touches, and looks nothing up
)

// What varies in a case.
const (
	byFlows   = "flows"
	byBurst   = "burst"
	byWorkers = "workers"
)

// measured is a case and what came of it: each round's rate of each program, in millions of packets a second.
type measured struct {
	By      string               `json:"by"`
	Flows   int                  `json:"flows"`
	Burst   int                  `json:"burst"`
	Workers int                  `json:"workers"`
	Mpps    map[string][]float64 `json:"mpps"`
	Dropped float64              `json:"dropped"` // share of the frames received, in the director's worst round
	Left    string               `json:"left_out,omitempty"`

	modes  []string // of testpmd
	verify bool
}

// cases are those that the flags ask for. A capture is verified once, not for every burst.
func (s *settings) cases() (all []measured) {
	add := func(by string, flows, burst, workers int, verify bool, modes ...string) {
		all = append(all, measured{By: by, Flows: flows, Burst: burst, Workers: workers, Mpps: map[string][]float64{}, modes: modes, verify: verify})
	}
	for _, by := range s.vary {
		switch by {
		case byFlows:
			for _, flows := range s.flows {
				add(by, flows, usualBurst, usualWorkers, true, io, macswap, ceiling)
			}
		case byBurst:
			for _, burst := range s.bursts {
				add(by, usualFlows, burst, usualWorkers, false, macswap, ceiling)
			}
		case byWorkers:
			for _, workers := range s.workers {
				add(by, workers*usualFlows, usualBurst, workers, workers > 1, macswap, ceiling)
			}
		}
	}
	return all
}

// estimate is about how long the cases take: a run, its start and what verifies it.
func (s *settings) estimate() (d time.Duration) {
	const start = 2 * time.Second
	for _, c := range s.cases() {
		size := time.Duration(c.Flows) * 8 * time.Microsecond
		d += time.Duration(s.rounds*(1+len(c.modes)))*(s.window+start+size) + 4*size
	}
	return d.Round(time.Minute)
}

// String says what is measured.
func (c *measured) String() string {
	return fmt.Sprintf("%d flows, bursts of %d, %d workers", c.Flows, c.Burst, c.Workers)
}

// last says what the last round showed.
func (c *measured) last() string {
	said := []string{fmt.Sprintf("%s %.1f Mpps", director, c.Mpps[director][len(c.Mpps[director])-1])}
	for _, mode := range c.modes {
		said = append(said, fmt.Sprintf("%s %.1f", mode, c.Mpps[mode][len(c.Mpps[mode])-1]))
	}
	return strings.Join(said, ", ")
}

// median is a program's rate, 0 if it was not measured.
func (c *measured) median(program string) float64 {
	if len(c.Mpps[program]) == 0 {
		return 0
	}
	return record.Median(c.Mpps[program])
}

// spread is a program's slowest and fastest round.
func (c *measured) spread(program string) (least, most float64) {
	return slices.Min(c.Mpps[program]), slices.Max(c.Mpps[program])
}

// mbufs is how many a case needs: net_pcap holds all of its captures in mbufs, and delivers nothing unless more are free.
func mbufs(c *measured) int { return 2*c.Flows + 32768*c.Workers }

// tableFlows is the director's --flows: tables half full, as an operator who knows the load would size them. Flows are
// split evenly between workers but for chance.
func tableFlows(c *measured) int { return max(2*c.Flows/c.Workers, 4096) }
