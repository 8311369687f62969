package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"linedirector/perf/lab"
)

// measured is one balancer in one round.
type measured struct {
	Round    int               `json:"round"`
	Balancer string            `json:"balancer"`
	Command  string            `json:"command,omitempty"`
	Loads    map[string]figure `json:"loads"` // by the load's name
}

// figure is what one load showed. A request of the load connections is a connection.
type figure struct {
	counted
	Rate    float64 `json:"per_second"`
	Program float64 `json:"balancer_cpu_us"` // CPU time of the balancer's program, a request; 0 if the kernel is it
	Machine float64 `json:"machine_cpu_us"`  // of the whole machine, a request: clients, balancer, reals
	CPU0    float64 `json:"cpu0_busy"`       // shares of the time
	CPU1    float64 `json:"cpu1_busy"`
	Lost    int     `json:"segments_lost"`
}

// line is the round in a line of progress.
func (m measured) line() string {
	r, c, s := m.Loads[requests.name], m.Loads[connections.name], m.Loads[single.name]
	return fmt.Sprintf("%.0f requests/s, p50 %.0f µs; %.0f connections/s; alone p50 %.0f µs, p99 %.0f µs; lost %d",
		r.Rate, r.P50, c.Rate, s.P50, s.P99, r.Lost+c.Lost+s.Lost)
}

// measure runs all loads through one balancer, in a network of its own.
func measure(ctx context.Context, s *settings, b balancer) (measured, error) {
	m := measured{Balancer: b.name, Loads: map[string]figure{}}
	site, err := build(s, b.offloads)
	defer site.close()
	if err != nil {
		return m, err
	}
	if err := b.start(s, site); err != nil {
		return m, err
	}
	if site.balancer != nil {
		m.Command = strings.ReplaceAll(strings.Join(site.balancer.CommandLine(), " "), site.dir, "DIR")
	}
	if err := lab.Answered(ctx, patience, site.balancer, 5*len(reals), site.try); err != nil {
		return m, err
	}
	for _, l := range loads {
		if m.Loads[l.name], err = site.measure(ctx, s, l); err != nil {
			return m, fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return m, nil
}

// measure runs one load, after a second of it to warm up.
func (s *site) measure(ctx context.Context, set *settings, l load) (f figure, err error) {
	if _, err = l.run(ctx, set, s, time.Second); err != nil {
		return f, err
	}
	machines := []lab.Namespace{client, balance}
	for _, r := range reals {
		machines = append(machines, r.machine)
	}
	lostBefore, err := lost(machines)
	if err != nil {
		return f, err
	}
	before, err := readCPU(s.balancer)
	if err != nil {
		return f, err
	}
	begin := time.Now()
	if f.counted, err = l.run(ctx, set, s, set.Window); err != nil {
		return f, err
	}
	passed := time.Since(begin)
	after, err := readCPU(s.balancer)
	if err != nil {
		return f, err
	}
	if f.Lost, err = lost(machines); err != nil {
		return f, err
	}
	spent := after.minus(before)
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(f.Requests) }
	f.Lost = max(0, f.Lost-lostBefore)
	f.Rate = f.rate()
	f.Program, f.Machine = each(spent.balancer), each(spent.cpus[0]+spent.cpus[1])
	f.CPU0, f.CPU1 = spent.cpus[0].Seconds()/passed.Seconds(), spent.cpus[1].Seconds()/passed.Seconds()
	return f, nil
}

// try asks for the page once.
func (s *site) try(ctx context.Context) error {
	answer, err := client.Ask(ctx, s.target, "GET / HTTP/1.0\r\n\r\n")
	if err == nil && !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		err = fmt.Errorf("the answer is %q", answer)
	}
	return err
}
