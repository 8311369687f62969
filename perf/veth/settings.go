package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// settings are the command's flags. Those that a result depends on are kept with it.
type settings struct {
	Rounds      int           `json:"rounds"`
	Window      time.Duration `json:"window_ns"`
	Connections int           `json:"connections"` // that wrk holds open at a time
	Body        int           `json:"body_bytes"`
	Device      string        `json:"device_arguments,omitempty"` // of net_af_packet, for linedirector, -adaptive and testpmd
	Burst       int           `json:"burst"`
	director    string
	exclusive   string
	note        string
	publish     bool
	balancers   []balancer
	invocation  string
}

// The CPUs: the balancer's alone, and that of everything else.
const balancerCPU, otherCPU = "1", "0"

var errHelp = pflag.ErrHelp

// parse reads the command line.
func parse(args []string) (settings, error) {
	var s settings
	f := pflag.NewFlagSet("veth", pflag.ContinueOnError)
	f.SortFlags = false
	f.SetOutput(os.Stdout)
	wanted := f.StringSlice("balancers", names(), "which to measure")
	f.IntVar(&s.Rounds, "rounds", 9, "measurements of each balancer, interleaved; medians count")
	f.DurationVar(&s.Window, "window", 2*time.Second, "length of each load in a round")
	f.IntVar(&s.Connections, "connections", 48, "connections that clients hold open at a time; a multiple of 3")
	f.IntVar(&s.Body, "body", 128, "bytes of an answer's body")
	f.StringVar(&s.Device, "device", "", "arguments of net_af_packet for linedirector, linedirector-adaptive and testpmd, such as qdisc_bypass=1")
	f.IntVar(&s.Burst, "burst", 32, "frames a burst, of linedirector and testpmd")
	f.StringVar(&s.director, "director", "bin/linedirector", "the linedirector to measure")
	f.StringVar(&s.exclusive, "exclusive", "", "a file to hold locked, as flock(1) does, while measuring, for a minute\nat most: others that lock it have their turn in between")
	f.StringVar(&s.note, "note", "", "a sentence to print above the tables")
	f.BoolVar(&s.publish, "publish", false, "write results to perf/veth/results, the plot to docs/images, tables to docs/performance.md\n"+
		"(default: all to bin/veth)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.invocation = "go run ./perf/veth"
	f.Visit(func(set *pflag.Flag) {
		// What others on this machine lock says nothing to a reader.
		if set.Name != "exclusive" {
			s.invocation += fmt.Sprintf(" --%s=%s", set.Name, strings.Trim(set.Value.String(), "[]"))
		}
	})
	if f.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q: see --help", f.Arg(0))
	}
	var err error
	if s.balancers, err = pick(*wanted); err != nil {
		return s, err
	}
	return s, s.check()
}

// check refuses settings that no result could come from.
func (s *settings) check() error {
	switch {
	case s.Rounds < 1 || s.Window < time.Second || s.Window%time.Second != 0:
		return fmt.Errorf("--rounds %d, --window %v: at least one, and whole seconds, are needed", s.Rounds, s.Window)
	case s.Connections < len(reals) || s.Connections%len(reals) != 0:
		return fmt.Errorf("--connections %d: a multiple of %d gives each of wrk's threads as many", s.Connections, len(reals))
	case s.Body < 1 || s.Body > 4096:
		return fmt.Errorf("--body %d: 1 to 4096 stand in nginx's configuration", s.Body)
	case strings.Contains(s.Device, "iface="):
		return fmt.Errorf("--device %s: the interface is given already", s.Device)
	case runtime.NumCPU() < 2:
		return errors.New("the balancer needs a CPU, all others another one: this machine has one")
	}
	return nil
}
