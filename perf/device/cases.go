package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"linedirector/perf/record"
	"linedirector/perf/replay"
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

	byConnections = "connections" // whole ones, opened and closed
)

var byAll = []string{byFlows, byBurst, byWorkers, byConnections}

// measured is a case and what came of it: each round's rate of each program, in millions of packets a second.
type measured struct {
	By        string               `json:"by"`
	Flows     int                  `json:"flows"` // or connections
	Burst     int                  `json:"burst"`
	Workers   int                  `json:"workers"`
	Unsteered bool                 `json:"unsteered,omitempty"` // frames come to any worker
	Mpps      map[string][]float64 `json:"mpps"`
	Opened    []float64            `json:"connections_per_s,omitempty"`
	Dropped   float64              `json:"dropped"` // share of the frames received, in the director's worst round
	Handed    float64              `json:"handed"`  // share of the frames received that workers handed over, in the last round
	Left      string               `json:"left_out,omitempty"`

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
			if most := slices.Max(s.workers); most > 1 {
				add(by, most*usualFlows, usualBurst, most, false, macswap, ceiling)
				all[len(all)-1].Unsteered = true
			}
		case byConnections:
			for _, connections := range s.connections {
				add(by, connections, usualBurst, usualWorkers, true, ceiling)
			}
		}
	}
	return all
}

// estimate is about how long the cases take: a run, its start and what verifies it.
func (s *settings) estimate() (d time.Duration) {
	const start = 2 * time.Second
	for _, c := range s.cases() {
		size := time.Duration(c.frames()) * 4 * time.Microsecond
		d += time.Duration(s.rounds*(1+len(c.modes)))*(s.window+start+size) + 4*size
	}
	return d.Round(10 * time.Second)
}

// String says what is measured.
func (c *measured) String() string {
	what := "flows"
	if c.By == byConnections {
		what = "whole connections"
	}
	said := fmt.Sprintf("%d %s, bursts of %d, %d workers", c.Flows, what, c.Burst, c.Workers)
	if c.Unsteered {
		said += ", frames come to any"
	}
	return said
}

// frames is how many a pass has.
func (c *measured) frames() int {
	if c.By == byConnections {
		return c.Flows * replay.Segments
	}
	return 2 * c.Flows
}

// captures writes a case's.
func (c *measured) captures(dir string) ([]string, error) {
	switch {
	case c.By == byConnections:
		file, err := replay.WriteConnections(dir, c.Flows, 1)
		return []string{file}, err
	case c.Unsteered:
		return replay.WriteUnsteered(dir, c.Flows, c.Workers)
	}
	return replay.WriteCaptures(dir, c.Flows, c.Workers)
}

// last says what the last round showed.
func (c *measured) last() string {
	said := []string{fmt.Sprintf("%s %.1f Mpps", director, c.Mpps[director][len(c.Mpps[director])-1])}
	for _, mode := range c.modes {
		said = append(said, fmt.Sprintf("%s %.1f", mode, c.Mpps[mode][len(c.Mpps[mode])-1]))
	}
	if len(c.Opened) > 0 {
		said = append(said, fmt.Sprintf("%.0f connections/s", c.Opened[len(c.Opened)-1]))
	}
	if c.Handed > 0 {
		said = append(said, fmt.Sprintf("%.1f %% handed over, %.4f %% dropped in the worst round", c.Handed*100, c.Dropped*100))
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
func mbufs(c *measured) int { return c.frames() + 32768*c.Workers }

// tableFlows is the director's --flows: tables half full, as an operator who knows the load would size them. Flows are
// split evenly between workers but for chance; where frames come to any, each worker has a record of all.
func tableFlows(c *measured) int {
	flows := c.Flows
	if !c.Unsteered {
		flows /= c.Workers
	}
	return max(2*flows, 4096)
}
