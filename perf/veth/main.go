// Command veth measures linedirector beside balancers of the kernel and of user space, with real clients and servers, on
// the same veth pairs (make bench-veth). One machine, network namespaces:
//
//	client                     balancer                      switch          a, b, c
//	eth0 192.0.2.100 ─── eth-out          eth-in ─────────── br0 ─┬─ eth0 10.0.0.11
//	     10.0.0.100      192.0.2.1        10.0.0.1                ├─ eth0 10.0.0.12
//	                     192.0.2.10 (virtual, port 80)            └─ eth0 10.0.0.13
//
// dpdk-testpmd copies frames from one interface to the other, as a wire would: there the client asks the reals by their
// own addresses, from 10.0.0.100, which it has in that case only.
//
// In the order in which a run walks through them:
//
//	settings.go   the flags
//	site.go       the network, made anew for every measurement, by perf/lab
//	balancer.go   the balancers, how each is started; their configuration is in config/
//	load.go       what the client does: wrk, and what it prints
//	processor.go  how busy CPUs, programs and TCP were
//	turn.go       who measures when, where several do
//	measure.go    one balancer, all loads
//	summary.go    medians of rounds, ratios of balancers, bounds
//	report.go     the tables, on a terminal and in Markdown
//	plot.go       the picture, by perf/picture
//	publish.go    where all of it is written, by perf/record
//
// It must run as root, from the repository's root, on a machine that is otherwise idle. docs/performance.md holds the
// results.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"linedirector/perf/record"
)

func main() {
	s, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, errHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "veth:", err)
		os.Exit(2)
	}
	if err := run(&s); err != nil {
		fmt.Fprintln(os.Stderr, "veth:", err)
		os.Exit(1)
	}
}

// run measures round by round, so that all balancers had their turn in the same minutes.
func run(s *settings) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	unlock, err := place.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	r := report{Settings: s}
	if r.Machine, err = inspect(s); err != nil {
		return err
	}
	var ours turn
	defer ours.end()
	for round := range s.Rounds {
		for i := range s.balancers {
			// Each begins a round once: nobody is always the neighbour of the same one.
			b := s.balancers[(i+round)%len(s.balancers)]
			var m measured
			if err = ours.begin(ctx, s); err == nil {
				m, err = measure(ctx, s, b)
			}
			if ctx.Err() != nil {
				return errors.New("interrupted; all is cleaned up, nothing was written")
			}
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, b.name, err)
			}
			m.Round = round + 1
			note("round %d of %d, %s: %s", round+1, s.Rounds, b.name, m.line())
			r.Rounds = append(r.Rounds, m)
		}
	}
	ours.end()
	r.Machine.LoadAfter = record.LoadAverage()
	r.Balancers, r.Bounds = summarise(s.balancers, r.Rounds), slices.Clone(bounds)
	for i := range r.Bounds {
		r.Bounds[i].judge(r.Rounds)
	}
	fmt.Print(r.text())
	return publish(s, &r)
}

// inspect gathers what a reader needs to judge the figures.
func inspect(s *settings) (record.Machine, error) {
	return record.Inspect(s.invocation, map[string][]string{
		"linedirector": {s.director, "--version"}, "haproxy": {"haproxy", "-v"}, "nftables": {"nft", "--version"},
		"dpdk": {"pkg-config", "--modversion", "libdpdk"},
	})
}

// note tells a person that something goes on.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", args...) }
