// Command predictors measures with whom clients' connections end under each predictor, beside what theory says, and draws
// a slow start (make predictors). What measures are the end-to-end tests of the predictors: nothing is published that they
// do not hold for right.
//
//	main.go    flags; runs the tests
//	report.go  the table
//	plot.go    the picture
//
// It must run as root, from the repository's root. docs/predictors.md holds the results.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"linedirector/perf/record"
)

// plotted is the picture's file.
const plotted = "slow-start.svg"

var output = record.Output{
	Page:    record.Page{File: "docs/predictors.md", Target: "predictors"},
	Results: "perf/predictors/results", Images: "docs/images", Trials: "bin/predictors",
}

// report is all that a run showed.
type report struct {
	Machine   record.Machine `json:"machine"`
	Rows      []row          `json:"rows"`
	SlowStart drawn          `json:"slow_start"`
}

func main() {
	flags := pflag.NewFlagSet("predictors", pflag.ContinueOnError)
	flags.SortFlags = false
	ramp := flags.Duration("ramp", 30*time.Second, "how long the slow start is")
	publish := flags.Bool("publish", false, "write docs/predictors.md, docs/images and perf/predictors/results, instead of "+output.Trials)
	err := flags.Parse(os.Args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("%q is no flag: predictors --help lists them", flags.Arg(0))
	case err == nil && *ramp < 4*time.Second:
		err = fmt.Errorf("--ramp %v: a plot needs 4s at least", *ramp)
	}
	if err == nil {
		err = run(*ramp, *publish)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "predictors:", err)
		os.Exit(1)
	}
}

func run(ramp time.Duration, publish bool) error {
	var r report
	var err error
	command := strings.Join(append([]string{"go run ./perf/predictors"}, os.Args[1:]...), " ")
	if r.Machine, err = record.Inspect(command, nil); err != nil {
		return err
	}
	if err := measure(&r, ramp); err != nil {
		return err
	}
	r.Machine.LoadAfter = record.LoadAverage()
	picture, err := r.SlowStart.plot()
	if err != nil {
		return fmt.Errorf("plot of the slow start: %w", err)
	}
	return output.Write(publish, &r.Machine, &r, []record.Picture{{Name: plotted, SVG: picture}}, r.markdown())
}

// measure runs the tests and reads what they wrote.
func measure(r *report, ramp time.Duration) error {
	dir, err := os.MkdirTemp("", "linedirector-predictors-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tests := exec.Command("go", "test", "-count=1", "-timeout", "10m", "-run", "^(TestPredictor|TestSlowStart)", "./test/e2e")
	tests.Env = append(os.Environ(), "PREDICTORS="+dir, "SLOW_START="+ramp.String())
	tests.Stdout, tests.Stderr = os.Stderr, os.Stderr
	if err := tests.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(tests.Args, " "), err)
	}
	for _, name := range tables {
		var rows []row
		if err := read(dir, name, &rows); err != nil {
			return err
		}
		r.Rows = append(r.Rows, rows...)
	}
	var slow ramped
	if err := read(dir, "slow-start", &slow); err != nil {
		return err
	}
	r.SlowStart, err = slow.draw()
	return err
}

func read(dir, name string, into any) error {
	text, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err != nil {
		return fmt.Errorf("the tests measured nothing: %w; are you root?", err)
	}
	return json.Unmarshal(text, into)
}
