package synretry

import (
	"fmt"
	"time"

	"linedirector/lcore/ruleset"
)

// Settings are the operator's, for one real. They may change at any time.
type Settings struct {
	Threshold  uint32        // consecutive ditched connections that fail it; 0: they never do
	MaxConns   uint32        // 0: no limit
	Retry      time.Duration // how long it rests before its trial
	SlowStart  time.Duration // in which its share rises when it returns; 0: at once
	AutoReturn bool          // an established connection that shows life brings it back
}

// Machine is one real's state. Its methods neither block nor read a clock; those that cause a transition allocate its
// cause. One goroutine at a time.
type Machine struct {
	Settings
	state State
	since time.Time
	cause string

	held bool  // externally failed, and by a probe: its rise ends that
	back State // where to

	ramping bool
	began   time.Time // of the slow start
}

// Transition is a change of state.
type Transition struct {
	From, To State
	Cause    string // in words
}

// New is a machine in the state that the operator's file says. It is a Settable one.
func New(s Settings, state State, now time.Time) Machine {
	return Machine{Settings: s, state: state, since: now, cause: "configured so"}
}

// State is the one that it is in, Since when, and Cause why.
func (m *Machine) State() State { return m.state }

// Since is when the state began.
func (m *Machine) Since() time.Time { return m.since }

// Cause is why it is in its state, in words.
func (m *Machine) Cause() string { return m.cause }

// Watched tells whether an established connection that shows life ends the state.
func (m *Machine) Watched() bool { return m.state == Failed && m.AutoReturn }

// HeldByProbe tells whether a probe's rise ends the state.
func (m *Machine) HeldByProbe() bool { return m.state == ExternallyFailed && m.held }

// RetryIn is how long a failed real still rests, from 0 on; ok is false where it is not failed.
func (m *Machine) RetryIn(now time.Time) (left time.Duration, ok bool) {
	if m.state != Failed {
		return 0, false
	}
	return max(0, m.since.Add(m.Retry).Sub(now)), true
}

// RampLeft is how much of its slow start is ahead; ok is false where there is none.
func (m *Machine) RampLeft(now time.Time) (left time.Duration, ok bool) {
	left = m.began.Add(m.SlowStart).Sub(now)
	return max(0, left), m.ramping && left > 0
}

// Ramp begins a slow start, as for a new real among busy ones. It returns false if it has none.
func (m *Machine) Ramp(now time.Time) bool {
	m.ramping, m.began = m.state.Serves() && m.SlowStart > 0, now
	return m.ramping
}

// Ramping tells whether there is one, until EndRamp ends it.
func (m *Machine) Ramping() bool { return m.ramping }

// Signals is told what workers raised. What makes no sense in the present state is a straggler's and has no effect.
func (m *Machine) Signals(now time.Time, s ruleset.Signal) (Transition, bool) {
	has := func(signal ruleset.Signal) bool { return s&signal != 0 }
	switch {
	case m.state.Serves() && has(ruleset.ThresholdReached) && m.Threshold > 0:
		return m.enter(now, Failed, fmt.Sprintf("%d consecutive connections ditched", m.Threshold))
	case m.state == Failed && has(ruleset.ShowsLife) && m.AutoReturn:
		return m.enter(now, InService, "an established connection shows life")
	case m.state != Testing:
		return Transition{}, false
	case has(ruleset.TrialRefused):
		return m.enter(now, Failed, "the trial connection was refused")
	case has(ruleset.TrialSilent):
		return m.enter(now, Failed, "the trial connection was not answered")
	case has(ruleset.TrialAnswered):
		return m.enter(now, InService, "the trial connection was answered")
	}
	return Transition{}, false
}

// Tick is told the time, at least as often as the retry timer is to be precise.
func (m *Machine) Tick(now time.Time) (Transition, bool) {
	if left, failed := m.RetryIn(now); !failed || left > 0 {
		return Transition{}, false
	}
	return m.enter(now, Testing, fmt.Sprintf("retry timer of %v", m.Retry))
}

// EndRamp returns true once when the slow start is over.
func (m *Machine) EndRamp(now time.Time) bool {
	if _, going := m.RampLeft(now); !m.ramping || going {
		return false
	}
	m.ramping = false
	return true
}

// Connections is told how many the real has.
func (m *Machine) Connections(now time.Time, n uint32) (Transition, bool) {
	full := m.MaxConns > 0 && n >= m.MaxConns
	switch {
	case m.state == InService && full:
		return m.enter(now, MaxCapacity, fmt.Sprintf("maxconns of %d reached", m.MaxConns))
	case m.state == MaxCapacity && m.MaxConns == 0:
		return m.enter(now, InService, "no maxconns any more")
	case m.state == MaxCapacity && !full:
		return m.enter(now, InService, fmt.Sprintf("%d connections, fewer than maxconns of %d", n, m.MaxConns))
	}
	return Transition{}, false
}

// ProbeDown is told of a probe's fall.
func (m *Machine) ProbeDown(now time.Time, cause string) (Transition, bool) {
	back := InService
	switch m.state {
	case StickyOnly:
		back = StickyOnly
	case InService, MaxCapacity, Testing, Failed:
	default: // not probed, or held by the operator
		return Transition{}, false
	}
	m.held, m.back = true, back
	return m.enter(now, ExternallyFailed, cause)
}

// ProbeUp is told of a probe's rise, or that the real is not probed any more. It frees the real from what a probe did,
// not from what the operator did.
func (m *Machine) ProbeUp(now time.Time, cause string) (Transition, bool) {
	if !m.HeldByProbe() {
		return Transition{}, false
	}
	return m.enter(now, m.back, cause)
}

// Set is told the operator's will: a Settable state. cause says how it came. A real that already is so stays so.
func (m *Machine) Set(now time.Time, to State, cause string) (Transition, bool) {
	switch {
	case to == ExternallyFailed && m.state == to:
		if m.held {
			m.held, m.cause = false, cause // a probe's rise does not end it any more
		}
		return Transition{}, false
	case to == m.state, to == InService && m.state == MaxCapacity:
		return Transition{}, false
	}
	m.held = false
	return m.enter(now, to, cause)
}

func (m *Machine) enter(now time.Time, to State, cause string) (Transition, bool) {
	t := Transition{From: m.state, To: to, Cause: cause}
	m.state, m.since, m.cause = to, now, cause
	if t.Returns() || !to.Serves() {
		m.Ramp(now)
	}
	return t, true
}

// Returns tells whether the real takes new connections again that it did not take before.
func (t Transition) Returns() bool { return t.To.Serves() && !t.From.Serves() }
