// Command startup measures how long the director takes to start, and to take over another configuration, and how much
// memory its flow tables take (make bench-startup). Ports are net_null devices: nothing outside the program is waited for.
//
//	config.go   a large configuration, and the same with a change
//	director.go how the director is run, and its log read
//	measure.go  start, reload, apply, tables
//	report.go   the tables
//	plot.go     the picture
//
// It must run as root, from the repository's root, with hugepages.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"linedirector/perf/record"
)

var output = record.Output{
	Page:    record.Page{File: "docs/performance.md", Target: "bench-startup"},
	Results: "perf/startup/results", Images: "docs/images", Trials: "bin/bench-startup",
}

// settings are the command's flags.
type settings struct {
	director, ldctl       string
	reals, virtuals, each int
	flows                 []int
	rounds                int
	control, worker       string
	lock                  string
	publish               bool
}

func main() {
	var s settings
	f := pflag.NewFlagSet("startup", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&s.director, "director", "bin/linedirector", "the program to measure")
	f.StringVar(&s.ldctl, "ldctl", "bin/ldctl", "its ldctl")
	f.IntVar(&s.reals, "reals", 10000, "reals of the large configuration")
	f.IntVar(&s.virtuals, "virtuals", 1000, "virtuals of the large configuration")
	f.IntVar(&s.each, "each", 10, "reals of each virtual")
	f.IntSliceVar(&s.flows, "flows", []int{100_000, 1_000_000, 10_000_000}, "sizes of the flow table to start with")
	f.IntVar(&s.rounds, "rounds", 5, "times that each thing is measured; the median counts")
	f.StringVar(&s.control, "control", "0", "CPU of everything but the worker")
	f.StringVar(&s.worker, "worker", "1", "CPU of the worker")
	f.StringVar(&s.lock, "lock", "", "hold this file's lock while a round runs, so that others take turns")
	f.BoolVar(&s.publish, "publish", false, "write docs/performance.md, docs/images and perf/startup/results, instead of "+output.Trials)
	err := f.Parse(os.Args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err == nil && f.NArg() > 0:
		err = fmt.Errorf("%q is no flag: startup --help lists them", f.Arg(0))
	case err == nil:
		err = s.check()
	}
	if err == nil {
		err = run(&s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "startup:", err)
		os.Exit(1)
	}
}

// check refuses settings that no result could come from.
func (s *settings) check() error {
	switch {
	case s.rounds < 1:
		return fmt.Errorf("--rounds %d: use 1 or more", s.rounds)
	case s.reals < 2 || s.reals > maxReals:
		return fmt.Errorf("--reals %d: use 2 to %d", s.reals, maxReals)
	case s.virtuals < 1 || s.virtuals > maxVirtuals:
		return fmt.Errorf("--virtuals %d: use 1 to %d", s.virtuals, maxVirtuals)
	case s.each < 1 || s.each > s.reals:
		return fmt.Errorf("--each %d: use 1 to --reals", s.each)
	}
	for _, n := range s.flows {
		if n <= baseFlows {
			return fmt.Errorf("--flows %d: use more than %d", n, baseFlows)
		}
	}
	return nil
}

func run(s *settings) error {
	var r report
	var err error
	command := record.Command("go run ./perf/startup", os.Args[1:])
	if r.Machine, err = record.Inspect(command, map[string][]string{"linedirector": {s.director, "--version"}}); err != nil {
		return err
	}
	r.Reals, r.Virtuals, r.Each, r.Rounds = s.reals, s.virtuals, s.each, s.rounds
	began := time.Now()
	for round := range s.rounds {
		if err := r.round(s); err != nil {
			return err
		}
		note("round %d of %d: %s; %v so far", round+1, s.rounds, r.last(), time.Since(began).Round(time.Second))
	}
	r.Machine.LoadAfter = record.LoadAverage()
	fmt.Print(r.text())
	picture, err := r.plot()
	if err != nil {
		return err
	}
	return output.Write(s.publish, &r.Machine, &r, []record.Picture{{Name: plotted, SVG: picture}}, r.markdown())
}

// note tells a person that something goes on.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", args...) }
