package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"linedirector/lcore/forward"
	"linedirector/perf/record"
	"linedirector/perf/replay"
)

// settings are the command's flags.
type settings struct {
	director    string
	vary        []string
	flows       []int
	bursts      []int
	workers     []int
	connections []int
	rounds      int
	window      time.Duration
	control     int
	worker      int
	lock        string
	publish     bool
	invocation  string
}

// Where one thing varies, the others are these.
const (
	usualFlows   = 16384
	usualBurst   = 32
	usualWorkers = 1
)

// parse reads the command line.
func parse(args []string) (settings, error) {
	s := settings{invocation: record.Command("go run ./perf/device", args)}
	f := pflag.NewFlagSet("device", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringSliceVar(&s.vary, "vary", byAll, "what to vary, one at a time")
	f.IntSliceVar(&s.flows, "flows", []int{1 << 10, 1 << 14, 1 << 18, 1 << 20}, "numbers of flows; a capture holds two frames of each")
	f.IntSliceVar(&s.bursts, "bursts", []int{8, 16, 32, 64}, fmt.Sprintf("frames a burst, with %d flows; of all programs", usualFlows))
	f.IntSliceVar(&s.workers, "workers", []int{1, 2}, fmt.Sprintf("numbers of workers, a CPU each, with %d flows a worker; with several also where frames come to any of them", usualFlows))
	f.IntSliceVar(&s.connections, "connections", []int{1 << 10, 1 << 14, 1 << 17}, fmt.Sprintf("numbers of whole connections, multiples of 4; a capture holds %d frames of each", replay.Segments))
	f.StringVar(&s.director, "director", "bin/linedirector", "the program to measure")
	f.IntVar(&s.rounds, "rounds", 5, "runs of each program a case, interleaved; the median counts")
	f.DurationVar(&s.window, "window", 2*time.Second, "length of a measurement")
	f.IntVar(&s.control, "control", 0, "CPU of everything but the worker; the second worker shares it")
	f.IntVar(&s.worker, "worker", 1, "CPU of the worker")
	f.StringVar(&s.lock, "lock", "", "hold this file's lock while something is measured, half a minute or a round at a time, so that others take turns")
	f.BoolVar(&s.publish, "publish", false, "write docs/performance.md, docs/images and perf/device/results, instead of "+output.Trials)
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("%q is no flag: device --help lists them", f.Arg(0))
	}
	return s, s.check()
}

// check refuses settings that no result could come from.
func (s *settings) check() error {
	for _, by := range s.vary {
		if !slices.Contains(byAll, by) {
			return fmt.Errorf("--vary %s: use some of %s", by, strings.Join(byAll, ","))
		}
	}
	for _, n := range s.flows {
		if n < 1 || n > 1<<22 {
			return fmt.Errorf("--flows %d: use 1 to %d", n, 1<<22)
		}
	}
	for _, n := range s.bursts {
		if n < 1 || n > forward.MaxBurst {
			return fmt.Errorf("--bursts %d: use 1 to %d", n, forward.MaxBurst)
		}
	}
	for _, n := range s.workers {
		if n < 1 || n > 2 {
			return fmt.Errorf("--workers %d: use 1, or 2, of which one shares the CPU of --control", n)
		}
	}
	for _, n := range s.connections {
		if n < 4 || n%4 != 0 || n > 1<<20 {
			return fmt.Errorf("--connections %d: use a multiple of 4, up to %d", n, 1<<20)
		}
	}
	switch {
	case s.rounds < 1:
		return fmt.Errorf("--rounds %d: use 1 or more", s.rounds)
	case s.window < time.Second:
		return fmt.Errorf("--window %v: testpmd shows its rate once a second: use 1s or more", s.window)
	case s.control == s.worker:
		return fmt.Errorf("--control %d is the worker's CPU, too: use another", s.control)
	}
	return nil
}
