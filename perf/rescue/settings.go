package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// settings are the command's flags. Those that a result depends on are kept with it.
type settings struct {
	Rate       int           `json:"connections_a_second"`
	Duration   time.Duration `json:"duration_ns"`
	From       time.Duration `json:"fault_from_ns"`
	To         time.Duration `json:"fault_to_ns"`
	Deadline   time.Duration `json:"deadline_ns"`
	Linear     int           `json:"tcp_syn_linear_timeouts"`
	Predictor  string        `json:"predictor"`
	Retry      string        `json:"retry,omitempty"`
	Lcores     string        `json:"lcores"`
	director   string
	note       string
	publish    bool
	scenarios  []scenario
	balancers  []balancer
	invocation string
}

// maxConnections bounds one case: the kernel picks each connection's source port among 28,232 by default.
const maxConnections = 20000

var errHelp = pflag.ErrHelp

// parse reads the command line.
func parse(args []string) (settings, error) {
	s := settings{invocation: strings.Join(append([]string{"go run ./perf/rescue"}, quoted(args)...), " ")}
	f := pflag.NewFlagSet("rescue", pflag.ContinueOnError)
	f.SortFlags = false
	f.SetOutput(os.Stdout)
	balancerNames := f.StringSlice("balancers", names(balancers), "which to measure")
	scenarioNames := f.StringSlice("scenarios", names(scenarios), "how the server dies")
	f.IntVar(&s.Rate, "rate", 200, "connections that the client opens a second")
	f.DurationVar(&s.Duration, "duration", 30*time.Second, "how long it opens connections")
	f.DurationVar(&s.From, "fault-from", 5*time.Second, "when the server dies")
	f.DurationVar(&s.To, "fault-to", 20*time.Second, "when it is well again")
	f.DurationVar(&s.Deadline, "deadline", 15*time.Second, "how long a connection may take to the end of its answer")
	f.IntVar(&s.Linear, "tcp-syn-linear-timeouts", 0, "this kernel setting in the client: how many SYNs are repeated a second "+
		"apart\nbefore the gap doubles; 0 is the worst case for a rescue, 4 what Linux 6.5 and later come with")
	f.StringVar(&s.Predictor, "predictor", "leastconns", "linedirector's: leastconns, roundrobin or weighted")
	f.StringVar(&s.Lcores, "lcores", defaultLcores(), "linedirector's workers, a CPU each, such as 0,1")
	f.StringVar(&s.Retry, "retry", "", "linedirector's retry for each real, such as 5s (default: not in its configuration)")
	f.StringVar(&s.director, "director", "bin/linedirector", "the linedirector to measure")
	f.StringVar(&s.note, "note", "", "a sentence to print above the tables")
	f.BoolVar(&s.publish, "publish", false, "write results to perf/rescue/results, plots to docs/images, tables to docs/rescue.md\n"+
		"(default: all to bin/rescue)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q: see --help", f.Arg(0))
	}
	var err error
	if s.balancers, err = pick("balancers", balancers, *balancerNames); err != nil {
		return s, err
	}
	if s.scenarios, err = pick("scenarios", scenarios, *scenarioNames); err != nil {
		return s, err
	}
	return s, s.check()
}

// check refuses settings that no result could come from.
func (s *settings) check() error {
	switch {
	case s.Rate < 1 || s.Duration <= 0 || s.Deadline <= 0:
		return errors.New("--rate, --duration and --deadline must be above zero")
	case s.From < 0 || s.From >= s.To || s.To > s.Duration:
		return fmt.Errorf("--fault-from %v, --fault-to %v, --duration %v must follow one another", s.From, s.To, s.Duration)
	case s.connections() > maxConnections:
		return fmt.Errorf("--rate %d for --duration %v makes %d connections; at most %d keep source ports fresh",
			s.Rate, s.Duration, s.connections(), maxConnections)
	case s.Linear < 0 || s.Linear > 127:
		return fmt.Errorf("--tcp-syn-linear-timeouts %d: the kernel takes 0 to 127", s.Linear)
	case !slices.Contains([]string{"leastconns", "roundrobin", "weighted"}, s.Predictor):
		return fmt.Errorf("--predictor %s: use leastconns, roundrobin or weighted", s.Predictor)
	}
	if s.Retry != "" {
		if _, err := time.ParseDuration(s.Retry); err != nil {
			return fmt.Errorf("--retry %s: not a duration such as 5s", s.Retry)
		}
	}
	return nil
}

// connections is how many a case opens.
func (s *settings) connections() int { return int(float64(s.Rate) * s.Duration.Seconds()) }

// defaultLcores is two workers, or one where there is one CPU.
func defaultLcores() string {
	if runtime.NumCPU() < 2 {
		return "0"
	}
	return "0,1"
}

// named is what flags pick by name.
type named interface{ Name() string }

func names[T named](all []T) (list []string) {
	for _, v := range all {
		list = append(list, v.Name())
	}
	return list
}

// pick returns those of all that a flag names, in the order of the flag.
func pick[T named](flag string, all []T, wanted []string) (picked []T, err error) {
	for _, name := range wanted {
		i := slices.IndexFunc(all, func(v T) bool { return v.Name() == name })
		if i < 0 {
			return nil, fmt.Errorf("--%s %s: use some of %s", flag, name, strings.Join(names(all), ","))
		}
		if slices.ContainsFunc(picked, func(v T) bool { return v.Name() == name }) {
			return nil, fmt.Errorf("--%s names %s twice", flag, name)
		}
		picked = append(picked, all[i])
	}
	if len(picked) == 0 {
		return nil, fmt.Errorf("--%s names none: use some of %s", flag, strings.Join(names(all), ","))
	}
	return picked, nil
}

// quoted returns arguments as a shell would need them.
func quoted(args []string) (out []string) {
	for _, arg := range args {
		if strings.ContainsAny(arg, " \t\n'\"$&;()<>|*?`\\") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		out = append(out, arg)
	}
	return out
}
