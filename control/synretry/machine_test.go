package synretry

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"linedirector/lcore/ruleset"
)

var (
	start    = time.Date(2025, 11, 25, 4, 0, 0, 0, time.UTC)
	settings = Settings{Threshold: 8, MaxConns: 100, Retry: time.Minute, SlowStart: 30 * time.Second}
	watching = Settings{Threshold: 8, MaxConns: 100, Retry: time.Minute, AutoReturn: true}
)

// step is one thing that happens to a machine.
type step func(*Machine, time.Time) (Transition, bool)

func signal(s ruleset.Signal) step {
	return func(m *Machine, now time.Time) (Transition, bool) { return m.Signals(now, s) }
}

func set(s State) step {
	return func(m *Machine, now time.Time) (Transition, bool) { return m.Set(now, s, "operator") }
}

func connections(n uint32) step {
	return func(m *Machine, now time.Time) (Transition, bool) { return m.Connections(now, n) }
}

func after(d time.Duration) step {
	return func(m *Machine, now time.Time) (Transition, bool) { return m.Tick(now.Add(d)) }
}

func down(m *Machine, now time.Time) (Transition, bool) { return m.ProbeDown(now, "probe down") }
func up(m *Machine, now time.Time) (Transition, bool)   { return m.ProbeUp(now, "probe up") }

// ways lead to a state.
var ways = map[string][]step{
	"in-service":         nil,
	"max-capacity":       {connections(100)},
	"failed":             {signal(ruleset.ThresholdReached)},
	"testing":            {signal(ruleset.ThresholdReached), after(time.Minute)},
	"held by a probe":    {down},
	"held by operator":   {set(ExternallyFailed)},
	"sticky, then probe": {set(StickyOnly), down},
	"taken over":         {down, set(ExternallyFailed)},
	"maintenance":        {set(Maintenance)},
	"sticky-only":        {set(StickyOnly)},
	"out-of-service":     {set(OutOfService)},
}

func machineAt(t *testing.T, way string, s Settings) Machine {
	t.Helper()
	steps, known := ways[way]
	if !known {
		t.Fatalf("no way %q", way)
	}
	m := New(s, InService, start)
	for i, f := range steps {
		if _, ok := f(&m, start); !ok && way != "taken over" {
			t.Fatalf("step %d to %q does nothing", i, way)
		}
	}
	return m
}

// Every row of the table: what leads out of a state, and what does not.
func TestTransitions(t *testing.T) {
	for _, tt := range []struct {
		from     string
		what     string
		do       step
		settings Settings
		want     State
		cause    string // "": no transition
	}{
		{"in-service", "threshold", signal(ruleset.ThresholdReached), settings, Failed, "8 consecutive connections ditched"},
		{"in-service", "threshold of none", signal(ruleset.ThresholdReached), Settings{}, InService, ""},
		{"in-service", "a straggling trial", signal(ruleset.TrialSilent | ruleset.TrialRefused | ruleset.TrialAnswered), settings, InService, ""},
		{"in-service", "shows life", signal(ruleset.ShowsLife), watching, InService, ""},
		{"in-service", "probe down", down, settings, ExternallyFailed, "probe down"},
		{"in-service", "probe up", up, settings, InService, ""},
		{"in-service", "time", after(time.Hour), settings, InService, ""},
		{"in-service", "full", connections(100), settings, MaxCapacity, "maxconns of 100 reached"},
		{"in-service", "nearly full", connections(99), settings, InService, ""},
		{"in-service", "many without a limit", connections(1 << 30), Settings{}, InService, ""},
		{"in-service", "operator, the same", set(InService), settings, InService, ""},
		{"in-service", "operator", set(ExternallyFailed), settings, ExternallyFailed, "operator"},

		{"max-capacity", "one closes", connections(99), settings, InService, "99 connections, fewer than maxconns of 100"},
		{"max-capacity", "still full", connections(100), settings, MaxCapacity, ""},
		{"max-capacity", "threshold", signal(ruleset.ThresholdReached), settings, Failed, "8 consecutive connections ditched"},
		{"max-capacity", "probe down", down, settings, ExternallyFailed, "probe down"},
		{"max-capacity", "operator, the same", set(InService), settings, MaxCapacity, ""},
		{"max-capacity", "operator", set(Maintenance), settings, Maintenance, "operator"},

		{"failed", "threshold", signal(ruleset.ThresholdReached), settings, Failed, ""},
		{"failed", "a straggling trial", signal(ruleset.TrialAnswered), settings, Failed, ""},
		{"failed", "shows life", signal(ruleset.ShowsLife), watching, InService, "an established connection shows life"},
		{"failed", "shows life, unasked", signal(ruleset.ShowsLife), settings, Failed, ""},
		{"failed", "rests", after(time.Minute - 1), settings, Failed, ""},
		{"failed", "has rested", after(time.Minute), settings, Testing, "retry timer of 1m0s"},
		{"failed", "probe down", down, settings, ExternallyFailed, "probe down"},
		{"failed", "probe up", up, settings, Failed, ""},
		{"failed", "full", connections(100), settings, Failed, ""},
		{"failed", "operator", set(InService), settings, InService, "operator"},

		{"testing", "answered", signal(ruleset.TrialAnswered), settings, InService, "the trial connection was answered"},
		{"testing", "silent", signal(ruleset.TrialSilent), settings, Failed, "the trial connection was not answered"},
		{"testing", "refused", signal(ruleset.TrialRefused), settings, Failed, "the trial connection was refused"},
		{"testing", "two verdicts", signal(ruleset.TrialAnswered | ruleset.TrialSilent), settings, Failed, "the trial connection was not answered"},
		{"testing", "vanished", signal(ruleset.TrialVanished), settings, Testing, ""},
		{"testing", "threshold", signal(ruleset.ThresholdReached), settings, Testing, ""},
		{"testing", "shows life", signal(ruleset.ShowsLife), watching, Testing, ""},
		{"testing", "time", after(time.Hour), settings, Testing, ""},
		{"testing", "probe down", down, settings, ExternallyFailed, "probe down"},
		{"testing", "operator", set(InService), settings, InService, "operator"},

		{"held by a probe", "probe up", up, settings, InService, "probe up"},
		{"held by a probe", "probe down", down, settings, ExternallyFailed, ""},
		{"held by a probe", "time", after(time.Hour), settings, ExternallyFailed, ""},
		{"held by a probe", "any signal", signal(^ruleset.Signal(0)), watching, ExternallyFailed, ""},
		{"held by a probe", "operator", set(InService), settings, InService, "operator"},
		{"held by operator", "probe up", up, settings, ExternallyFailed, ""},
		{"held by operator", "probe down", down, settings, ExternallyFailed, ""},
		{"held by operator", "time", after(time.Hour), settings, ExternallyFailed, ""},
		{"held by operator", "operator", set(InService), settings, InService, "operator"},
		{"taken over", "probe up", up, settings, ExternallyFailed, ""},
		{"sticky, then probe", "probe up", up, settings, StickyOnly, "probe up"},

		{"maintenance", "probe down", down, settings, Maintenance, ""},
		{"maintenance", "probe up", up, settings, Maintenance, ""},
		{"maintenance", "any signal", signal(^ruleset.Signal(0)), watching, Maintenance, ""},
		{"maintenance", "operator", set(InService), settings, InService, "operator"},
		{"sticky-only", "probe down", down, settings, ExternallyFailed, "probe down"},
		{"sticky-only", "any signal", signal(^ruleset.Signal(0)), watching, StickyOnly, ""},
		{"sticky-only", "operator", set(OutOfService), settings, OutOfService, "operator"},
		{"out-of-service", "probe down", down, settings, OutOfService, ""},
		{"out-of-service", "any signal", signal(^ruleset.Signal(0)), watching, OutOfService, ""},
		{"out-of-service", "operator", set(StickyOnly), settings, StickyOnly, "operator"},
	} {
		m := machineAt(t, tt.from, settings)
		m.Settings = tt.settings
		from := m.State()
		got, ok := tt.do(&m, start)
		want := Transition{From: from, To: tt.want, Cause: tt.cause}
		switch {
		case tt.cause == "" && (ok || m.State() != from || from != tt.want):
			t.Errorf("%s, %s: became %v (%+v), want no transition", tt.from, tt.what, m.State(), got)
		case tt.cause != "" && (!ok || got != want || m.State() != tt.want || m.Cause() != tt.cause):
			t.Errorf("%s, %s: %+v %v, want %+v", tt.from, tt.what, got, ok, want)
		}
	}
}

// Whoever takes connections again begins slowly, but not one that only was full.
func TestSlowStart(t *testing.T) {
	for way, back := range map[string]step{
		"failed": set(InService), "testing": signal(ruleset.TrialAnswered), "held by a probe": up,
		"held by operator": set(InService), "maintenance": set(InService), "sticky-only": set(InService),
		"out-of-service": set(InService), "max-capacity": connections(0),
	} {
		m := machineAt(t, way, settings)
		if m.Ramping() {
			t.Errorf("%s: slow start in a state without connections", way)
		}
		if _, ok := back(&m, start); !ok || m.Ramping() != (way != "max-capacity") {
			t.Errorf("%s: slow start %v", way, m.Ramping())
		}
	}
	m := machineAt(t, "testing", settings)
	m.Signals(start, ruleset.TrialAnswered)
	if left, ok := m.RampLeft(start.Add(10 * time.Second)); !ok || left != 20*time.Second {
		t.Errorf("%v left, %v", left, ok)
	}
	m.Connections(start, 100)
	if !m.Ramping() || m.EndRamp(start.Add(29*time.Second)) {
		t.Error("over too early")
	}
	if !m.EndRamp(start.Add(30*time.Second)) || m.EndRamp(start.Add(31*time.Second)) || m.Ramping() {
		t.Error("it does not end once")
	}
	m = machineAt(t, "testing", Settings{Threshold: 8, MaxConns: 100, Retry: time.Minute})
	if m.Signals(start, ruleset.TrialAnswered); m.Ramping() {
		t.Error("slow start of no length")
	}
	m = machineAt(t, "testing", settings)
	m.Signals(start, ruleset.TrialAnswered)
	if m.Signals(start, ruleset.ThresholdReached); m.Ramping() || m.EndRamp(start.Add(time.Hour)) {
		t.Error("slow start goes on in a real that failed")
	}
}

// A trial that fails starts the timer anew.
func TestRetryTimer(t *testing.T) {
	m := machineAt(t, "failed", settings)
	now := start.Add(time.Minute)
	m.Tick(now)
	now = now.Add(5 * time.Second)
	m.Signals(now, ruleset.TrialSilent)
	if left, ok := m.RetryIn(now.Add(20 * time.Second)); !ok || left != 40*time.Second || !m.Since().Equal(now) {
		t.Errorf("%v left, %v", left, ok)
	}
	m.Retry = 10 * time.Second // a reload
	if _, ok := m.Tick(now.Add(10 * time.Second)); !ok {
		t.Error("a shorter rest does not hold at once")
	}
}

func TestWatched(t *testing.T) {
	for way := range ways {
		m := machineAt(t, way, watching)
		if got := m.Watched(); got != (way == "failed") {
			t.Errorf("%s: watched %v", way, got)
		}
		m.AutoReturn = false
		if m.Watched() {
			t.Errorf("%s: watched without auto-return", way)
		}
	}
}

func TestStates(t *testing.T) {
	for s := range States {
		if got, ok := Named(s.String()); !ok || got != s {
			t.Errorf("%v is not found by its name", s)
		}
	}
	if _, ok := Named("asleep"); ok || States.String() != "invalid" {
		t.Error("a state that is none")
	}
}

// Whatever comes in whatever order, what must never be never is.
func TestInvariants(t *testing.T) {
	settable := []State{InService, Maintenance, StickyOnly, OutOfService, ExternallyFailed}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		now := start
		m := New(Settings{Threshold: 8, MaxConns: 10, Retry: 5 * time.Second, SlowStart: 3 * time.Second, AutoReturn: seed%2 == 0}, InService, now)
		trials, failedAt := 0, time.Time{}
		for range 2000 {
			now = now.Add(time.Duration(r.IntN(2000)) * time.Millisecond)
			before, held := m.State(), m.HeldByProbe()
			var tr Transition
			var ok, tick, operator, rise bool
			switch r.IntN(7) {
			case 0, 1:
				tr, ok = m.Signals(now, ruleset.Signal(r.IntN(64)))
			case 2:
				tick = true
				tr, ok = m.Tick(now)
			case 3:
				tr, ok = m.ProbeDown(now, "down")
			case 4:
				rise = true
				tr, ok = m.ProbeUp(now, "up")
			case 5:
				tr, ok = m.Connections(now, uint32(r.IntN(20)))
			case 6:
				operator = true
				tr, ok = m.Set(now, settable[r.IntN(len(settable))], "operator")
			}
			if ok != (before != m.State()) || ok && (tr.From != before || tr.To != m.State() || tr.Cause == "" || !m.Since().Equal(now)) {
				t.Fatalf("seed %d: %v became %v, reported %+v %v", seed, before, m.State(), tr, ok)
			}
			if !ok {
				continue
			}
			switch {
			case tr.To == Testing && (before != Failed || !tick || now.Sub(failedAt) < m.Retry):
				t.Fatalf("seed %d: testing from %v", seed, before)
			case before == ExternallyFailed && !operator && !(rise && held):
				t.Fatalf("seed %d: %v left by %+v", seed, before, tr)
			case (before == Maintenance || before == OutOfService) && !operator:
				t.Fatalf("seed %d: %v left by %+v", seed, before, tr)
			case before == StickyOnly && !operator && tr.To != ExternallyFailed:
				t.Fatalf("seed %d: %v left by %+v", seed, before, tr)
			case !tr.To.Serves() && m.Ramping():
				t.Fatalf("seed %d: slow start in %v", seed, tr.To)
			case tr.Returns() && !m.Ramping():
				t.Fatalf("seed %d: no slow start after %v", seed, before)
			}
			if before == Testing {
				trials--
			}
			if tr.To == Testing {
				trials++
			}
			if open := m.State() == Testing; trials < 0 || trials > 1 || (trials == 1) != open {
				t.Fatalf("seed %d: %d trials are open in %v", seed, trials, m.State())
			}
			if tr.To == Failed {
				failedAt = now
			}
		}
	}
}

func TestCausesAreOneLine(t *testing.T) {
	m := New(settings, OutOfService, start)
	if m.State() != OutOfService || m.Cause() == "" || strings.Contains(m.Cause(), "\n") || m.Ramp(start) {
		t.Errorf("%v: %q", m.State(), m.Cause())
	}
}
