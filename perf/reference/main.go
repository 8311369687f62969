// Command reference measures the pure packet path beside the same stages in C (make bench-reference): lcore/forward's
// BenchmarkPath, and the program in c/, which lays out the same table and goes through the same stages in bursts of 32:
// parse, hash, find, rewrite. Both pick flows at random and write each packet's bytes anew, which the figures include.
//
//	c/table.h   the flow table: hash, index, records
//	c/packet.h  parsing and rewriting
//	c/path.h    a burst
//	c/main.c    opens flows, measures, checks what it sent
//	report.go   the tables
//
// C does what an established flow's packets need, and no more: no unknown flows, no TCP phases, no sweep. It is what the
// path could reach, not another director. gcc -O3 compiles it for any amd64, as go build compiles Go.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"linedirector/perf/record"
)

var output = record.Output{
	Page:    record.Page{File: "docs/performance.md", Target: "bench-reference"},
	Results: "perf/reference/results", Images: "docs/images", Trials: "bin/bench-reference",
}

// settings are the command's flags.
type settings struct {
	rounds, packets int
	lock            string
	publish         bool
}

// sizes are the numbers of flows, by the names that BenchmarkPath gives them.
var sizes = []size{{"10k", 10_000}, {"1M", 1_000_000}, {"10M", 10_000_000}}

type size struct {
	name  string
	flows int
}

// measured is a number of flows, and what each round's packets took.
type measured struct {
	Flows int       `json:"flows"`
	Go    []float64 `json:"go_ns"`
	C     []float64 `json:"c_ns"`
}

// report is all that a run showed.
type report struct {
	Machine record.Machine `json:"machine"`
	Packets int            `json:"packets_a_round"`
	Cases   []measured     `json:"cases"`
}

func main() {
	var s settings
	flags := pflag.NewFlagSet("reference", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.IntVar(&s.rounds, "rounds", 5, "runs of each program a case, interleaved; the median counts")
	flags.IntVar(&s.packets, "packets", 20_000_000, "packets a run")
	flags.StringVar(&s.lock, "lock", "", "hold this file's lock while a round runs, so that others take turns")
	flags.BoolVar(&s.publish, "publish", false, "write docs/performance.md and perf/reference/results, instead of "+output.Trials)
	err := flags.Parse(os.Args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("%q is no flag: reference --help lists them", flags.Arg(0))
	case err == nil && (s.rounds < 1 || s.packets < 1):
		err = errors.New("--rounds and --packets must be above zero")
	}
	if err == nil {
		err = run(&s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(s *settings) error {
	dir, err := os.MkdirTemp("", "linedirector-reference-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, benchmark := filepath.Join(dir, "path"), filepath.Join(dir, "forward.test")
	for _, build := range [][]string{
		{"gcc", "-O3", "-Wall", "-Wextra", "-Werror", "-o", c, "perf/reference/c/main.c"},
		{"go", "test", "-c", "-o", benchmark, "./lcore/forward"},
	} {
		if out, err := exec.Command(build[0], build[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(build, " "), err, out)
		}
	}
	r := report{Packets: s.packets}
	command := record.Command("go run ./perf/reference", os.Args[1:])
	if r.Machine, err = record.Inspect(command, map[string][]string{"gcc": {"gcc", "--version"}}); err != nil {
		return err
	}
	for _, size := range sizes {
		one := measured{Flows: size.flows}
		for round := range s.rounds {
			if err := measure(s, &one, size, c, benchmark); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "# %s flows, round %d of %d: Go %.1f ns, C %.1f ns\n",
				size.name, round+1, s.rounds, one.Go[round], one.C[round])
		}
		r.Cases = append(r.Cases, one)
	}
	r.Machine.LoadAfter = record.LoadAverage()
	fmt.Print(r.text())
	return output.Write(s.publish, &r.Machine, &r, nil, r.markdown())
}

var nsPerOp = regexp.MustCompile(`([0-9.]+) ns/op`)

// measure is a round: each program once.
func measure(s *settings, one *measured, size size, c, benchmark string) error {
	done, err := record.Turn(s.lock)
	if err != nil {
		return err
	}
	defer done()
	text, err := printed(benchmark, "-test.run", "^$", "-test.bench", "Path/flows="+size.name+"$", "-test.cpu", "1",
		"-test.benchtime", strconv.Itoa(s.packets)+"x")
	if err != nil {
		return err
	}
	found := nsPerOp.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		return fmt.Errorf("%s measured nothing: %s", benchmark, text)
	}
	ours, err := strconv.ParseFloat(found[len(found)-1][1], 64)
	if err != nil {
		return err
	}
	if text, err = printed(c, strconv.Itoa(size.flows), strconv.Itoa(s.packets)); err != nil {
		return err
	}
	theirs, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return err
	}
	one.Go, one.C = append(one.Go, ours), append(one.C, theirs)
	return nil
}

// printed is what a program prints.
func printed(args ...string) (string, error) {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
