package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"linedirector/perf/lab"
)

// measured is one case: a balancer and a fault.
type measured struct {
	Scenario string   `json:"scenario"`
	Balancer string   `json:"balancer"`
	Commands []string `json:"commands"`
	Summary  summary  `json:"summary"`

	samples []sample
}

// measure runs one case in a network of its own.
func measure(ctx context.Context, s *settings, b balancer, sc scenario) (measured, error) {
	m := measured{Scenario: sc.name, Balancer: b.name}
	site, err := build(s)
	defer site.close()
	if err != nil {
		return m, err
	}
	if err := b.start(s, site); err != nil {
		return m, err
	}
	m.Commands = site.commands
	if site.balancer != nil {
		m.Commands = append(m.Commands, strings.ReplaceAll(strings.Join(site.balancer.CommandLine(), " "), site.dir, "DIR"))
	}
	if err := lab.Answered(ctx, patience, site.balancer, 5*len(reals), try); err != nil {
		return m, err
	}
	c, err := startClient(s)
	if err != nil {
		return m, err
	}
	defer c.Stop()
	on, off, err := site.fault(ctx, s, sc, c)
	if err != nil {
		return m, err
	}
	if m.samples, err = c.samples(ctx, s.Duration+s.Deadline+patience); err != nil {
		return m, err
	}
	if site.balancer != nil {
		if err := site.balancer.Err(); err != nil {
			return m, err
		}
	}
	m.Summary, err = summarise(m.samples, on, off)
	return m, err
}

// fault lets the reals die and live again while the client runs. It returns when they were dead for certain and when
// they were well again for certain, since the client's begin.
func (s *site) fault(ctx context.Context, set *settings, sc scenario, c *loader) (on, off time.Duration, err error) {
	if err := c.sleepUntil(ctx, set.From); err != nil {
		return 0, 0, err
	}
	on = time.Since(c.begin)
	if err := sc.each(s, sc.begin); err != nil {
		return 0, 0, err
	}
	if err := c.sleepUntil(ctx, set.To); err != nil {
		return 0, 0, err
	}
	if err := sc.each(s, sc.end); err != nil {
		return 0, 0, err
	}
	return on, time.Since(c.begin), nil
}

// loader is the client's program at work.
type loader struct {
	*lab.Process
	begin time.Time // its own, by the clock that both share
	lines *bufio.Reader
	pipe  *os.File
}

// startClient starts it, and returns when it opens its first connection.
func startClient(s *settings) (*loader, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	interval := time.Second / time.Duration(s.Rate)
	p, err := client.Start(write, self, "client", endpoint, strconv.Itoa(s.connections()), interval.String(), s.Deadline.String())
	if err != nil {
		_ = read.Close()
		return nil, err
	}
	c := &loader{Process: p, lines: bufio.NewReader(read), pipe: read}
	_ = read.SetReadDeadline(time.Now().Add(patience))
	line, err := c.lines.ReadString('\n')
	if err != nil {
		c.Stop()
		return nil, fmt.Errorf("the client did not begin: %w: %s", err, p.Printed())
	}
	nanoseconds, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		c.Stop()
		return nil, err
	}
	c.begin = time.Unix(0, nanoseconds)
	return c, nil
}

// sleepUntil waits for a time since the client's begin.
func (c *loader) sleepUntil(ctx context.Context, t time.Duration) error {
	select {
	case <-time.After(time.Until(c.begin.Add(t))):
		return nil
	case <-c.Ended():
		return c.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// samples waits, until bound after its begin, for the client to end.
func (c *loader) samples(ctx context.Context, bound time.Duration) (samples []sample, err error) {
	_ = c.pipe.SetReadDeadline(c.begin.Add(bound))
	defer context.AfterFunc(ctx, func() { _ = c.pipe.SetReadDeadline(time.Now()) })()
	if err := json.NewDecoder(c.lines).Decode(&samples); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("the client's samples: %w: %s", err, c.Printed())
	}
	if text := c.Printed(); text != "" {
		note("the client says: %s", text)
	}
	return samples, nil
}

// Stop ends it.
func (c *loader) Stop() {
	c.Process.Stop()
	_ = c.pipe.Close()
}
