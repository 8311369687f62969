package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"linedirector/control/api"
)

const (
	drainPoll = 500 * time.Millisecond // between two looks at what is left
	drainLine = 10 * time.Second       // between two lines where no person looks
)

// drain has a real take no new clients: ldctl drain real NAME [--wait].
func (c *call) drain(ctx context.Context, words []string) error {
	_, name, rest, err := object(words, "ldctl drain real NAME", "real")
	if err != nil {
		return err
	}
	if err := surplus(rest); err != nil {
		return err
	}
	if err := c.allow("drain"); err != nil {
		return err
	}
	real, err := c.client.SetReal(ctx, name, api.RealSettings{State: new(api.Maintenance)})
	if err != nil {
		return err
	}
	if c.wait == 0 {
		_, err := fmt.Fprintf(c.out, "real %s: %s, %s left\n", name, api.Maintenance, connections(real.Connections))
		return err
	}
	return c.drained(ctx, real)
}

// drained waits until a real has no connection left.
func (c *call) drained(ctx context.Context, real api.Real) error {
	p, name := &progress{out: c.out, terminal: c.terminal}, real.Name
	end, look := time.Now().Add(time.Duration(c.wait)), time.NewTicker(drainPoll)
	defer look.Stop()
	for real.Connections > 0 {
		now := time.Now()
		if !now.Before(end) {
			p.end()
			return fmt.Errorf("real '%s' still has %s after %v; wait longer, or cut with ldctl flush real %s",
				name, connections(real.Connections), time.Duration(c.wait), name)
		}
		if err := p.write(now, fmt.Sprintf("real %s: %s left, waiting for another %v", name, connections(real.Connections),
			end.Sub(now).Round(time.Second))); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			p.end()
			return fmt.Errorf("interrupted; real '%s' stays in %s, with %s left", name, api.Maintenance, connections(real.Connections))
		case <-look.C:
		}
		reals, err := c.client.Reals(ctx, name)
		if ctx.Err() != nil {
			continue // and out
		}
		if err != nil {
			p.end()
			return err
		}
		i := slices.IndexFunc(reals, func(r api.Real) bool { return !r.Draining })
		if real = reals[max(0, i)]; i >= 0 && real.State != api.Maintenance {
			p.end()
			return fmt.Errorf("real '%s' is %s now, with %s left: somebody else set it", name, real.State, connections(real.Connections))
		}
	}
	p.end()
	_, err := fmt.Fprintf(c.out, "real %s: drained, no connection is left\n", name)
	return err
}

func connections(n uint64) string { return counted(n, "connection", "connections") }

// progress is one line that changes: on a terminal in place, elsewhere a line now and then.
type progress struct {
	out      io.Writer
	terminal bool
	last     time.Time
	open     bool // a line without its end
}

func (p *progress) write(now time.Time, text string) (err error) {
	switch {
	case p.terminal:
		p.open = true
		_, err = io.WriteString(p.out, rewriteLine+text)
	case p.last.IsZero() || now.Sub(p.last) >= drainLine:
		p.last = now
		_, err = io.WriteString(p.out, text+"\n")
	}
	return err
}

// end makes room for what comes behind.
func (p *progress) end() {
	if p.open {
		p.open = false
		_, _ = io.WriteString(p.out, rewriteLine)
	}
}
