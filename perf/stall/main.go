// Command stall measures how long a worker is kept from polling its queues while the control core reloads, lists a million
// flows and is scraped, beside a control core that has nothing to do, and beside a loop in C that has nothing to do with either
// (make bench-stall). A worker on a core of its own forwards at full speed through net_pcap; every other thread and process is
// on the other core.
//
//	machine.go  the machine alone: how long anything on the worker's CPU is interrupted
//	load.go     what the control core has to do
//	polls.go    the worker's own histogram of the time between two polls, and what follows from it
//	report.go   the table
//	plot.go     the picture
//
// It must run as root, from the repository's root, on an otherwise idle machine. It takes hugepages for the capture, 5 KB a
// flow, and gives them back. docs/performance.md holds the results.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"linedirector/perf/record"
	"linedirector/perf/replay"
)

// plotted is the picture's file.
const plotted = "stall.svg"

var output = record.Output{
	Page:    record.Page{File: "docs/performance.md", Target: "bench-stall"},
	Results: "perf/stall/results", Images: "docs/images", Trials: "bin/stall",
}

// settings are the command's flags.
type settings struct {
	replay.Settings
	ldctl       string
	flows       int
	phase, full time.Duration
	only        []string
	publish     bool
}

func main() {
	var s settings
	f := pflag.NewFlagSet("stall", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&s.Program, "director", "bin/linedirector", "the program to measure")
	f.StringVar(&s.ldctl, "ldctl", "bin/ldctl", "its ldctl")
	f.IntVar(&s.flows, "flows", 1_000_000, "flows that are open, two frames of each in the capture")
	f.DurationVar(&s.phase, "phase", 30*time.Second, "length of a phase")
	f.DurationVar(&s.full, "full", 10*time.Minute, "length of the last phase, with all loads together")
	f.IntVar(&s.Control, "control", 0, "CPU of everything but the worker")
	f.IntVar(&s.Worker, "worker", 1, "CPU of the worker")
	f.IntVar(&s.Burst, "burst", 32, "frames a burst")
	f.StringArrayVar(&s.Env, "env", nil, "environment of the director, as in GODEBUG=asyncpreemptoff=1")
	f.StringSliceVar(&s.only, "only", nil, "phases to measure, of "+strings.Join(names(), ", ")+"; default: all")
	f.BoolVar(&s.publish, "publish", false, "write docs/performance.md, docs/images and perf/stall/results, instead of "+output.Trials)
	err := f.Parse(os.Args[1:])
	unknown := slices.IndexFunc(s.only, func(name string) bool { return !slices.Contains(names(), name) })
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err == nil && f.NArg() > 0:
		err = fmt.Errorf("%q is no flag: stall --help lists them", f.Arg(0))
	case err == nil && (s.flows < 1 || s.phase <= 0 || s.full <= 0):
		err = errors.New("--flows, --phase and --full must be more than 0")
	}
	if err == nil && unknown >= 0 {
		err = fmt.Errorf("--only %s: there is no such phase, but %s", s.only[unknown], strings.Join(names(), ", "))
	}
	if err == nil {
		err = run(&s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stall:", err)
		os.Exit(1)
	}
}

// The configurations that are reloaded.
var (
	small = replay.Others{Virtuals: 1, Reals: 10, Weight: 1}
	large = replay.Others{Virtuals: 999, Reals: 9990, Weight: 1}
)

const scrapeEvery = 100 * time.Millisecond

// phases are all, in order. Each but the idle ones follows an idle one of the same length.
var phases = []struct {
	name, title string
	load        load
}{
	{"reload", "reload each second, 1 virtual, 10 reals", load{reload: &small}},
	{"reload-large", "reload each second, 1,000 virtuals, 10,000 reals", load{reload: &large}},
	{"show", "`ldctl show flow` of all flows, again and again", load{show: true}},
	{"scrape", "10 scrapes a second", load{scrape: scrapeEvery}},
	{"all", "all together, the large configuration", load{&large, true, scrapeEvery}},
}

func names() (all []string) {
	for i := range phases {
		all = append(all, phases[i].name)
	}
	return all
}

// bench is a run.
type bench struct {
	settings *settings
	dir      string
	config   string
	device   string
	director *replay.Director
}

func (b *bench) socket() string { return filepath.Join(b.dir, "control.sock") }

func run(s *settings) (err error) {
	command := strings.Join(append([]string{"go run ./perf/stall"}, os.Args[1:]...), " ")
	r := report{Flows: s.flows, Descriptors: descriptors}
	if r.Machine, err = record.Inspect(command, nil); err != nil {
		return err
	}
	for i := range neighbours {
		note("the machine alone, the other CPU %s, %v", neighbours[i].title, s.phase)
		a, err := watch(s, &neighbours[i])
		if err != nil {
			return err
		}
		r.Alone = append(r.Alone, a)
	}
	back, err := takeHugepages(s.flows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back()) }()
	if err := measure(s, &r); err != nil && len(r.Phases) == 0 {
		return err
	} else if err != nil {
		note("cut short: %v", err)
	}
	r.Machine.LoadAfter = record.LoadAverage()
	return r.write(s.publish)
}

// measure runs the director through all phases.
func measure(s *settings, r *report) (err error) {
	b := &bench{settings: s}
	if b.dir, err = os.MkdirTemp("", "linedirector-stall-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	note("capture of %d flows", s.flows)
	captures, err := replay.WriteCaptures(b.dir, s.flows, 1)
	if err != nil {
		return err
	}
	b.config, b.device = filepath.Join(b.dir, "director.yaml"), "net_pcap0,rx_pcap="+captures[0]+",infinite_rx=1"
	if err := replay.WriteConfig(b.config, b.device, large); err != nil {
		return err
	}
	s.ControlSocket = b.socket()
	note("the director starts")
	if b.director, err = replay.Start(&s.Settings, b.config, s.flows); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.director.Stop(), b.director.Complaint()) }()
	if err := confine(s.Control); err != nil { // not before: the director inherits where it may run
		return err
	}
	if err := b.open(); err != nil {
		return err
	}
	for i := range phases {
		one := &phases[i]
		if !s.picks(one.name) {
			continue
		}
		length := s.phase
		if one.name == "all" {
			length = s.full
		}
		if err := b.phase(r, "idle", "nothing to do", load{}, s.phase); err != nil {
			return err
		}
		if err := b.phase(r, one.name, one.title, one.load, length); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) picks(name string) bool { return len(s.only) == 0 || slices.Contains(s.only, name) }

// open waits until every flow is.
func (b *bench) open() error {
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		now, err := replay.Scrape()
		if err != nil {
			return err
		}
		open := int(now.Value("linedirector_flows_open", ""))
		if open == b.settings.flows {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d flows are open", open, b.settings.flows)
		}
	}
}

// settle is how long a load goes on before it is measured, and how long an idle control core has been idle.
const settle = 2 * time.Second

// phase puts a load on the control core and reads the worker's counters before and after.
func (b *bench) phase(r *report, name, title string, l load, length time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	var did done
	go func() {
		var err error
		did, err = b.put(ctx, l)
		ended <- err
	}()
	p := phase{Name: name, Title: title}
	before, err := b.read(ended, settle)
	if err != nil {
		return err
	}
	after, err := b.read(ended, length)
	if err != nil {
		return err
	}
	cancel()
	if err := <-ended; err != nil {
		return err
	}
	p.Done = did
	if err := p.fill(before, after); err != nil {
		return err
	}
	r.Phases = append(r.Phases, p)
	note("%s", p.line())
	return nil
}

// read scrapes after a while, unless the load has failed by then.
func (b *bench) read(ended chan error, after time.Duration) (replay.Scraped, error) {
	select {
	case err := <-ended:
		return replay.Scraped{}, errors.Join(errors.New("the load ended before its time"), err)
	case <-time.After(after):
		return replay.Scrape()
	}
}

// note tells a person that something goes on.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", args...) }
