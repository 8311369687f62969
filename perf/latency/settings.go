package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"linedirector/perf/record"
)

// settings are the command's flags.
type settings struct {
	director   string
	generator  string
	flows      int
	rate       uint64
	rounds     int
	window     time.Duration
	control    int
	worker     int
	lock       string
	publish    bool
	invocation string
}

// parse reads the command line.
func parse(args []string) (settings, error) {
	s := settings{invocation: record.Command("go run ./perf/latency", args)}
	f := pflag.NewFlagSet("latency", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&s.director, "director", "bin/linedirector", "the program to measure")
	f.StringVar(&s.generator, "generator", "bin/generator", "the generator")
	f.IntVar(&s.flows, "flows", 100_000, "UDP flows, drawn evenly")
	f.Uint64Var(&s.rate, "rate", 0, "requests a second, each answered; 0: half of what the director forwards as fast as it goes")
	f.IntVar(&s.rounds, "rounds", 9, "runs of each program, interleaved; the median counts")
	f.DurationVar(&s.window, "window", time.Second, "length of a measurement")
	f.IntVar(&s.control, "control", 0, "CPU of the generator, and of everything but the worker")
	f.IntVar(&s.worker, "worker", 1, "CPU of the worker")
	f.StringVar(&s.lock, "lock", "", "hold this file's lock while a program runs, so that others take turns")
	f.BoolVar(&s.publish, "publish", false, "write docs/performance.md and perf/latency/results, instead of "+output.Trials)
	if err := f.Parse(args); err != nil {
		return s, err
	}
	switch {
	case f.NArg() > 0:
		return s, fmt.Errorf("%q is no flag: latency --help lists them", f.Arg(0))
	case s.flows < 1 || s.flows > 1<<17:
		return s, fmt.Errorf("--flows %d: use 1 to %d", s.flows, 1<<17)
	case s.rounds < 1:
		return s, fmt.Errorf("--rounds %d: use 1 or more", s.rounds)
	case s.window < time.Second:
		return s, fmt.Errorf("--window %v: use 1s or more", s.window)
	case s.control == s.worker:
		return s, fmt.Errorf("--control %d is the worker's CPU, too: use another", s.control)
	}
	return s, nil
}

// seconds is about how long it takes.
func (s *settings) seconds() int {
	runs := len(programs)
	if s.rate == 0 {
		runs++
	}
	return s.rounds * runs * int(s.window.Seconds()+5)
}
