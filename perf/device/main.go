// Command device measures the whole program through a DPDK device beside dpdk-testpmd on the same device in the same
// minutes (make bench-device). The device is net_pcap with infinite_rx=1: it replays a capture from memory, copies each
// frame into a fresh mbuf, and counts what is sent. It needs no NIC, no second core and no generator, and its rate is the
// capacity of what is tested.
//
//	settings.go     the flags
//	cases.go        what is measured: flows, bursts, workers, connections
//	turn.go         one measurement at a time
//	hugepages.go    sees that there is memory for it
//	verify.go       one pass, written to a file and checked by tshark
//	linedirector.go how the director is run and read
//	testpmd.go      how testpmd is run and read
//	report.go       the tables
//	plot.go         the picture
//
// The capture and the configuration are package replay's, and so is the reading of metrics.
//
// It must run as root, from the repository's root, on an otherwise idle machine.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"linedirector/perf/record"
)

var output = record.Output{
	Page:    record.Page{File: "docs/performance.md", Target: "bench-device"},
	Results: "perf/device/results", Images: "docs/images", Trials: "bin/bench-device",
}

func main() {
	s, err := parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(&s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "device:", err)
		os.Exit(1)
	}
}

// run measures case by case. One that this machine has no memory for is left out, and the tables say so.
func run(s *settings) error {
	r := report{Rounds: s.rounds, Window: s.window.Seconds()}
	var err error
	if r.Machine, err = record.Inspect(s.invocation, map[string][]string{
		"linedirector": {s.director, "--version"}, "dpdk": {"pkg-config", "--modversion", "libdpdk"},
	}); err != nil {
		return err
	}
	cases := s.cases()
	note("%d cases, %d rounds each: about %v", len(cases), s.rounds, s.estimate())
	for i := range cases {
		c := &cases[i]
		if err := measure(s, c); err != nil {
			if !errors.Is(err, errMemory) {
				return fmt.Errorf("%v: %w", c, err)
			}
			note("%v: left out: %v", c, err)
			c.Left = err.Error()
		}
	}
	r.Cases = cases
	r.Machine.LoadAfter = record.LoadAverage()
	fmt.Print(r.text())
	picture, err := r.plot()
	if err != nil {
		return err
	}
	if err := output.Write(s.publish, &r.Machine, &r, []record.Picture{{Name: plotted, SVG: picture}}, r.markdown()); err != nil {
		return err
	}
	return r.dropped()
}

// measure is one case: verify one pass, then interleave runs of all programs.
func measure(s *settings, c *measured) error {
	dir, err := os.MkdirTemp("", "linedirector-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	captures, err := c.captures(dir)
	if err != nil {
		return err
	}
	t := turn{file: s.lock}
	defer t.end()
	if c.verify {
		note("%v: one pass through the director, checked by tshark", c)
		if err := t.alone(c, func() error { return verify(s, dir, captures, c) }); err != nil {
			return err
		}
	}
	for round := range s.rounds {
		if err := t.alone(c, func() error { return c.round(s, dir, captures) }); err != nil {
			return err
		}
		note("%v, round %d of %d: %s", c, round+1, s.rounds, c.last())
	}
	return nil
}

// round runs each program once.
func (c *measured) round(s *settings, dir string, captures []string) error {
	r, err := runDirector(s, dir, captures, c)
	if err != nil {
		return err
	}
	c.Mpps[director] = append(c.Mpps[director], r.mpps)
	c.Dropped, c.Handed = max(c.Dropped, r.dropped), r.handed
	if c.By == byConnections {
		c.Opened = append(c.Opened, r.opened)
	}
	for _, mode := range c.modes {
		mpps, err := runTestpmd(s, mode, captures, c)
		if err != nil {
			return err
		}
		c.Mpps[mode] = append(c.Mpps[mode], mpps)
	}
	return nil
}

// note tells a person that something goes on.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", args...) }

var errEnded = errors.New("ended before its time")
