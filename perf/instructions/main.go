// Command instructions counts what an established flow's packet takes of the pure packet path, in Go and in C
// (make bench-instructions): lcore/forward's BenchmarkPath, and the program of perf/reference, which goes through the same
// stages. Counts do not depend on how busy a machine is.
//
//	hardware.go   perf stat, where the machine lets programs count
//	cachegrind.go valgrind, where it does not: it also tells whose instructions they are
//	report.go     the table
//
// A run is made twice, with other numbers of packets: the difference has no setting up in it. Virtual machines seldom have
// hardware counters; the command says so.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"linedirector/perf/record"
)

var output = record.Output{
	Page:    record.Page{File: "docs/performance.md", Target: "bench-instructions"},
	Results: "perf/instructions/results", Images: "docs/images", Trials: "bin/bench-instructions",
}

// A short and a long run, in packets: whole rounds of the order in which both programs draw flows.
const (
	flows = 10_000
	short = 10 << 16
	long  = 40 << 16
)

func main() {
	f := pflag.NewFlagSet("instructions", pflag.ContinueOnError)
	publish := f.Bool("publish", false, "write docs/performance.md and perf/instructions/results, instead of "+output.Trials)
	err := f.Parse(os.Args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err == nil && f.NArg() > 0:
		err = fmt.Errorf("%q is no flag: instructions --help lists them", f.Arg(0))
	}
	if err == nil {
		err = run(*publish)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "instructions:", err)
		os.Exit(1)
	}
}

// tested is one of the two programs.
type tested struct {
	name string
	args func(packets int) []string
	path func(file, function string) bool // whether a line of its is of the path, not of the loop around it
}

func run(publish bool) error {
	dir, err := os.MkdirTemp("", "linedirector-instructions-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := build(dir)
	if err != nil {
		return err
	}
	r := report{}
	if r.Machine, err = record.Inspect(record.Command("go run ./perf/instructions", os.Args[1:]), map[string][]string{"gcc": {"gcc", "--version"}}); err != nil {
		return err
	}
	count := hardware
	if err := countable(); err != nil {
		fmt.Printf("This machine counts no instructions: %v.\n", err)
		if _, err := exec.LookPath("valgrind"); err != nil {
			return errors.New("nor is valgrind there, which counts them in software: apt-get install valgrind")
		}
		fmt.Println("valgrind's cachegrind counts them in software, as a CPU without AVX-512 would execute them.")
		r.Refused, count = err.Error(), cachegrind
	}
	for i := range programs {
		p := &programs[i]
		few, err := count(dir, p.args(short))
		if err != nil {
			return err
		}
		many, err := count(dir, p.args(long))
		if err != nil {
			return err
		}
		r.Programs = append(r.Programs, few.until(many, p))
	}
	r.Machine.LoadAfter = record.LoadAverage()
	fmt.Print(r.text())
	return output.Write(publish, &r.Machine, &r, nil, r.markdown())
}

// build compiles both, with lines' numbers, as perf/reference does.
func build(dir string) ([]tested, error) {
	c, benchmark := filepath.Join(dir, "path"), filepath.Join(dir, "forward.test")
	for _, build := range [][]string{
		{"gcc", "-O3", "-g", "-Wall", "-Wextra", "-Werror", "-o", c, "perf/reference/c/main.c"},
		{"go", "test", "-c", "-o", benchmark, "./lcore/forward"},
	} {
		if out, err := exec.Command(build[0], build[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(build, " "), err, out)
		}
	}
	return []tested{
		{"Go: `lcore/forward`", func(packets int) []string {
			return []string{
				benchmark, "-test.run", "^$", "-test.bench", "Path/flows=10k$", "-test.cpu", "1", "-test.benchtime", strconv.Itoa(packets) + "x",
			}
		}, ofGoPath},
		{"C: gcc -O3", func(packets int) []string { return []string{c, strconv.Itoa(flows), strconv.Itoa(packets)} }, ofCPath},
	}, nil
}

// ofGoPath leaves out the benchmark, which writes packets, and Go's runtime.
func ofGoPath(file, function string) bool {
	return strings.Contains(function, "linedirector/") && !strings.Contains(function, ".bench") && !strings.HasSuffix(file, "_test.go")
}

// ofCPath are the three headers; main.c is the loop.
func ofCPath(file, _ string) bool {
	return strings.HasSuffix(file, ".h") && !strings.Contains(file, "/include/")
}
