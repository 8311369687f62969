package health

import (
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Change is a real's turn of fortune: up to down after Fall failures in a row, down to up after Rise successes.
type Change struct {
	Real  string
	Type  Type
	Up    bool
	Cause string        // of the last failure, as "connect: connection refused"; "answered" if Up
	Row   int           // results in a row that led to it
	Took  time.Duration // the last of these probes
	At    time.Time     // when it ended

	target *target
}

// Stale tells that the target was removed or changed by Set since. A caller that holds one lock while it calls Set, and
// the same one while it asks this and acts, never acts upon what it has removed. It neither allocates nor blocks.
func (c *Change) Stale() bool { return c.target != nil && c.target.gone.is() }

// gone says that a target is in the set no more. It is written under Prober.mu and read without.
type gone struct{ flag atomic.Bool }

func (g *gone) set()     { g.flag.Store(true) }
func (g *gone) is() bool { return g.flag.Load() }

// state is what probes have found.
type state struct {
	up      bool
	settled bool // the second probe's time was chosen
	ok      bool // the last results
	row     int  // how many of them are alike
	err     error
	ended   time.Duration
	took    time.Duration

	results, failures uint64
	unsaid            uint64 // probes that said nothing
}

// fresh tells that a target was never in the queue.
func (t *target) fresh() bool {
	return t.place == nowhere && t.running == nil && t.due == 0
}

// note counts a result. The caller holds the lock.
func (p *Prober) note(t *target, now, took time.Duration, err error) {
	t.err, t.ended, t.took = err, now, took
	if ours := (fault{}); errors.As(err, &ours) {
		t.unsaid++
		p.warn(warnFault, now, "probes cannot be sent, and say nothing about the reals",
			zap.String("real", t.Real), zap.Stringer("type", t.Spec.Type), zap.Error(err))
		return
	}
	if t.results++; err != nil {
		t.failures++
	}
	if ok := err == nil; ok != t.ok || t.row == 0 {
		t.ok, t.row = ok, 0
	}
	t.row++
	switch {
	case t.up && !t.ok && t.row >= t.Spec.Fall, !t.up && t.ok && t.row >= t.Spec.Rise:
		t.up = t.ok
		p.changes = append(p.changes, t.change(p.began.Add(now)))
		select {
		case p.fresh <- struct{}{}:
		default:
		}
	}
}

func (t *target) change(at time.Time) Change {
	c := Change{Real: t.Real, Type: t.Spec.Type, Up: t.up, Cause: "answered", Row: t.row, Took: t.took, At: at, target: t}
	if t.err != nil {
		c.Cause = t.err.Error()
	}
	return c
}

func (p *Prober) status(t *target) Status {
	s := Status{
		Target: t.Target, Up: t.up, Took: t.took, Row: t.row, OK: t.ok && t.row > 0,
		Probes: t.results, Failures: t.failures,
	}
	if t.results+t.unsaid > 0 {
		s.At = p.began.Add(t.ended)
	}
	if t.err != nil {
		s.Cause = t.err.Error()
		s.Ours = errors.As(t.err, new(fault))
	}
	return s
}

// deliver reports changes until Close.
func (p *Prober) deliver() {
	var batch []Change
	for {
		select {
		case <-p.done:
			return
		case <-p.fresh:
		}
		p.mu.Lock()
		batch, p.changes = p.changes, batch[:0]
		p.mu.Unlock()
		for i := range batch {
			if !batch[i].Stale() {
				p.report(batch[i])
			}
		}
		clear(batch)
	}
}

// What is warned about at most once a minute each.
const (
	warnLate = iota
	warnFault
	warnings
)

func (p *Prober) warn(what int, now time.Duration, message string, fields ...zap.Field) {
	if last := p.warned[what]; last != 0 && now-last < time.Minute {
		return
	}
	p.warned[what] = now
	p.log.Warn(message, fields...)
}
