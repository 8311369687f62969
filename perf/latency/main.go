// Command latency measures what a worker adds to a frame's way at half of the load that it takes (make bench-latency). The
// generator plays clients and servers over a pair of memifs (perf/generator, docs/generator.md); between them stands the
// director, or dpdk-testpmd on the same memifs, which looks nothing up: the difference is what the worker adds.
//
//	generator ──── memif c ──── program, one worker core
//	on CPU 0  ──── memif s ────          on CPU 1
//
//	settings.go  the flags
//	program.go   what is measured, and how it is run
//	generator.go how the generator is run and read
//	quiet.go     keeps control off the generator's CPU
//	report.go    the table
//
// It must run as root, from the repository's root, on an otherwise idle machine. docs/performance.md holds the results.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"linedirector/perf/lab"
	"linedirector/perf/record"
)

var (
	place  = lab.Run{Name: "bench-latency"}
	output = record.Output{
		Page:    record.Page{File: "docs/performance.md", Target: "bench-latency"},
		Results: "perf/latency/results", Images: "docs/images", Trials: "bin/bench-latency",
	}
)

func main() {
	s, err := parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(&s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func run(s *settings) error {
	unlock, err := place.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if !lab.Hugepages() {
		return errors.New("too few hugepages are free: sysctl vm.nr_hugepages=1024")
	}
	machine := place.Namespace("lab") // the director's addresses stay out of the machine's own network
	if err := machine.Make(); err != nil {
		return err
	}
	r := report{Flows: s.flows, Window: s.window.Seconds(), Rate: s.rate}
	if r.Machine, err = record.Inspect(s.invocation, map[string][]string{
		"linedirector": {s.director, "--version"}, "dpdk": {"pkg-config", "--modversion", "libdpdk"},
	}); err != nil {
		return err
	}
	note("about %d s", s.seconds())
	if r.Rate == 0 {
		if err := r.most(s, machine); err != nil {
			return err
		}
		r.Rate = uint64(record.Median(r.Most)) / 2
	}
	r.Programs = make([]measured, len(programs))
	for round := range s.rounds {
		for i := range programs {
			p := &programs[i]
			one, err := undisturbed(s, machine, p, r.Rate)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			r.Programs[i].Name = p.name
			r.Programs[i].Rounds = append(r.Programs[i].Rounds, one)
			note("round %d of %d, %s: %v", round+1, s.rounds, p.name, &one)
		}
	}
	r.Machine.LoadAfter = record.LoadAverage()
	fmt.Print(r.text())
	svg, err := r.plot()
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return output.Write(s.publish, &r.Machine, &r, []record.Picture{{Name: plotted, SVG: svg}}, r.markdown())
}

// tries is how often a program is measured in a round, at most.
const tries = 3

// undisturbed measures a program again if the generator could not send: something else had its CPU, or the worker's.
func undisturbed(s *settings, machine lab.Namespace, p *program, rate uint64) (one result, err error) {
	for range tries {
		if one, err = measure(s, machine, p, rate); err != nil || !one.disturbed() {
			break
		}
		note("%s: %v: disturbed, once more", p.name, &one)
	}
	return one, err
}

// most has the director forward as fast as the generator sends, once a round.
func (r *report) most(s *settings, machine lab.Namespace) error {
	for round := range s.rounds {
		one, err := measure(s, machine, &programs[0], 0)
		if err != nil {
			return fmt.Errorf("as fast as it goes: %w", err)
		}
		r.Most = append(r.Most, one.Requests.PerSecond)
		note("as fast as it goes, round %d of %d: %.2f M requests/s", round+1, s.rounds, one.Requests.PerSecond/1e6)
	}
	return nil
}

// note tells a person that something goes on.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", args...) }
