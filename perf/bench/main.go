// Command bench runs the Go benchmarks of every stage of a packet's way, in rounds, and has benchstat compare them with
// the baseline beside it (make bench). With --renew the results become the baseline (make bench-baseline).
//
//	stages.go   what is run
//	run.go      builds and runs it
//	compare.go  benchstat, and what a reader must know of the two machines
//
// Differences never fail it, since machines differ; an allocation on the packet path does.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"linedirector/perf/record"
)

// Where results go, from the repository's root.
const (
	baseline = "perf/bench/baseline.txt"
	trial    = "bin/bench/bench.txt"
)

// settings are the command's flags.
type settings struct {
	rounds int
	time   time.Duration
	only   string
	renew  bool
	lock   string
}

func main() {
	var s settings
	f := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	f.SortFlags = false
	f.IntVar(&s.rounds, "rounds", 6, "runs of each benchmark, all by turns; benchstat wants six to tell a difference from noise")
	f.DurationVar(&s.time, "time", 100*time.Millisecond, "length of each run")
	f.StringVar(&s.only, "only", "", "run another `REGEXP` of benchmarks, as go test -bench takes it, in all packages")
	f.BoolVar(&s.renew, "renew", false, "write "+baseline+" instead of comparing with it")
	f.StringVar(&s.lock, "lock", "", "hold this file's lock while a round runs, so that others take turns")
	err := f.Parse(os.Args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err == nil && f.NArg() > 0:
		err = fmt.Errorf("%q is no flag: bench --help lists them", f.Arg(0))
	case err == nil && (s.rounds < 1 || s.time <= 0):
		err = errors.New("--rounds and --time must be above zero")
	case err == nil && s.renew && s.only != "":
		err = errors.New("--renew and --only are both given: a baseline has all stages")
	}
	if err == nil {
		err = run(&s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(s *settings) error {
	machine, err := record.Inspect(record.Command("go run ./perf/bench", os.Args[1:]), nil)
	if err != nil {
		return err
	}
	text, err := measure(s, &machine)
	if err != nil {
		return err
	}
	if allocating := allocations(text); len(allocating) > 0 {
		return fmt.Errorf("nothing on the packet path may allocate: %v does; see %s", allocating, trial)
	}
	if s.renew {
		return record.Write(baseline, []byte(text))
	}
	return compare(text)
}

// measure runs all rounds, and keeps what they printed.
func measure(s *settings, machine *record.Machine) (string, error) {
	dir, err := os.MkdirTemp("", "linedirector-bench-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	begun := time.Now()
	if err := build(dir); err != nil {
		return "", err
	}
	var rounds string
	for round := range s.rounds {
		text, err := runAll(s, dir)
		if err != nil {
			return "", err
		}
		rounds += text
		note("round %d of %d done, after %.0f s", round+1, s.rounds, time.Since(begun).Seconds())
	}
	machine.LoadAfter = record.LoadAverage()
	text := head(s, machine) + rounds
	if err := os.MkdirAll(filepath.Dir(trial), 0o755); err != nil {
		return "", err
	}
	return text, os.WriteFile(trial, []byte(text), 0o644)
}

// note tells a person that something goes on.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", args...) }
