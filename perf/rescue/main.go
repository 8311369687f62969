// Command rescue shows how many client connections each balancer loses, and how long the luckier ones wait, when a
// server dies under a steady load (make rescue). One machine, network namespaces, one balancer after the other:
//
//	client                     balancer                      switch          a, b, c, d
//	eth0 192.0.2.100 ─── eth-out          eth-in ─────────── br0 ─┬─ eth0 10.0.0.11
//	                     192.0.2.1        10.0.0.1                ├─ eth0 10.0.0.12
//	                     192.0.2.10 (virtual, port 80)            ├─ eth0 10.0.0.13
//	                                                              └─ eth0 10.0.0.14
//
// In the order in which a run walks through them:
//
//	settings.go   the flags
//	machine.go    what the figures were taken on
//	site.go       the network, made anew for every case, by perf/lab
//	server.go     the real's program, which is this one again: it says its name
//	balancer.go   the balancers, how each is started; their configuration is in config/
//	client.go     the client's program, which is this one again: a steady rate of connections
//	fault.go      how a server dies, and how it comes back
//	measure.go    one case: a balancer and a fault
//	summary.go    what a case showed, in figures
//	report.go     the table, on a terminal and in Markdown
//	plot.go       the pictures, by perf/picture
//	publish.go    where all of it is written, by perf/record
//
// It must run as root, from the repository's root. docs/rescue.md holds method and results.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"linedirector/perf/record"
)

func main() {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "server":
		err = serve(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "client":
		err = load(os.Args[2:])
	default:
		var s settings
		if s, err = parse(os.Args[1:]); errors.Is(err, errHelp) {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "rescue:", err)
			os.Exit(2)
		}
		err = run(&s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rescue:", err)
		os.Exit(1)
	}
}

// run measures every case, scenario by scenario, so that the balancers of one table ran in the same minutes.
func run(s *settings) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	unlock, err := place.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	m, err := inspect(s)
	if err != nil {
		return err
	}
	r := report{Machine: m, Settings: s}
	for _, scenario := range s.scenarios {
		for _, b := range s.balancers {
			note("%s, %s: %v from %v to %v of %v", scenario.name, b.name, scenario.says, s.From, s.To, s.Duration)
			c, err := measure(ctx, s, b, scenario)
			if err != nil {
				if len(r.Cases) > 0 {
					fmt.Print(r.text())
				}
				if ctx.Err() != nil {
					return errors.New("interrupted; all is cleaned up, nothing was written")
				}
				return fmt.Errorf("%s, %s: %w", scenario.name, b.name, err)
			}
			note("%s, %s: %s", scenario.name, b.name, c.Summary.line())
			r.Cases = append(r.Cases, c)
		}
	}
	r.Machine.LoadAfter = record.LoadAverage()
	fmt.Print(r.text())
	return publish(s, &r)
}

// note tells a person that something goes on.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", args...) }
