package control

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"linedirector/control/api"
	"linedirector/control/events"
	"linedirector/control/synretry"
	"linedirector/lcore/ruleset"
)

// failing has reals with backups, a limit and a return by life, and a virtual with a backup virtual.
//
//	web: a → spare → last, b (at most 2) → spare → last      sorry: last       dns (udp): a
const failing = `
ports:
  - {name: outside, device: net_null0, addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: net_null1, addresses: [10.0.0.1/24], side: reals}
reals:
  - {name: a, address: 10.0.0.11, port: 8080, weight: 3, backup: spare, retry: 10s, slow-start: 20s}
  - {name: b, address: 10.0.0.12, port: 8080, weight: 2, backup: spare, maxconns: 2, auto-return: true, threshold: 2, slow-start: off}
  - {name: spare, address: 10.0.0.13, port: 8080, weight: 5, backup: last, maxconns: 4, reassign: 1, reassign-after: 1s}
  - {name: last, address: 10.0.0.14, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a, b], backup: sorry, no-real: drop, reset: pass, synguard: {limit: 50, above: drop}, reassign: 2}
  - {name: sorry, address: 192.0.2.10, port: 81, predictor: weighted, reals: [last]}
  - {name: dns, address: 192.0.2.10, port: 53, protocol: udp, reals: [a]}
`

// slot is a real's; a live one's.
func (r *rig) slot(name string) (slot uint16) {
	r.locked(func() {
		for _, real := range r.objects.liveReals {
			if real.conf.Name == name {
				slot = real.slot
			}
		}
	})
	return slot
}

// rules are the newest.
func (r *rig) rules() *ruleset.Snapshot {
	if s, n := r.workers.last(); n > 0 {
		return s
	}
	return r.first
}

// tiers are a virtual's, as "leastconns: a*3>2 b*2 | spare*5": weights, places of who stands in, and behind the bar
// those who only stand in.
func (r *rig) tiers(port uint16, protocol uint8) (out []string) {
	s := r.rules()
	names := map[uint16]string{}
	r.locked(func() {
		for _, real := range r.objects.reals {
			names[real.slot] = real.conf.Name
		}
	})
	show := func(members []ruleset.Member) (text string) {
		for _, m := range members {
			text += fmt.Sprintf(" %s*%d", names[m.Real], m.Weight)
			if m.StandIn > 0 {
				text += fmt.Sprintf(">%d", m.StandIn)
			}
			if m.Ramping {
				text += "~"
			}
		}
		return text
	}
	v := s.Virtual(s.FindVirtual(0, ip("192.0.2.10"), port, protocol))
	for _, t := range s.Tiers(v) {
		text := []string{"leastconns:", "roundrobin:", "weighted:"}[t.Predictor] + show(s.Members(&t))
		if all := s.All(&t); len(all) > len(s.Members(&t)) {
			text += " |" + show(all[len(s.Members(&t)):])
		}
		out = append(out, text)
	}
	if _, trials := s.Trials(v); len(trials) > 0 {
		out = append(out, "trial:"+show(trials))
	}
	return out
}

// ditch has a real ditch so many connections, one after the other.
func (r *rig) ditch(name string, n int, refused bool) {
	slot := r.slot(name)
	for range n {
		r.workers.counts[0].Ditch(slot, refused)
		r.shared.Ditch(slot, r.rules().Real(slot).Threshold)
	}
}

func (r *rig) raise(name string, s ruleset.Signal) { r.shared.Raise(r.slot(name), s) }

// wait lets synthetic time pass, and the director act.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const blink = 2 * time.Millisecond // a signal is acted upon within

// happened are the journal's events since the last call, as "a: in-service → failed".
func (r *rig) happened(t *testing.T) func() []string {
	t.Helper()
	last := uint64(0)
	return func() (all []string) {
		for _, e := range r.journal.Since(last) {
			last = e.Seq
			all = append(all, fmt.Sprintf("%s: %s → %s", e.Real, e.From, e.To))
		}
		return all
	}
}

// inRun runs f with a running director, in synthetic time.
func inRun(t *testing.T, config string, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRigOf(t, 2, config)
		r.run(t)
		synctest.Wait()
		f(t, r)
	})
}

func TestRulesOfFailure(t *testing.T) {
	r := newRigOf(t, 1, failing)
	equal(t, "web", r.tiers(80, tcp), []string{"leastconns: a*3 b*2>3 | spare*5>4 last*1", "weighted: last*1"})
	equal(t, "sorry", r.tiers(81, tcp), []string{"weighted: last*1"})
	equal(t, "dns", r.tiers(53, udp), []string{"leastconns: a*3"})
	s := r.first
	v := s.Virtual(s.FindVirtual(0, ip("192.0.2.10"), 80, tcp))
	if v.Refuse || !v.PassReset || v.Guard != (ruleset.Guard{Limit: 50, Drop: true}) || v.Retry != (ruleset.Retry{SYNs: 2, After: 2_500_000}) {
		t.Errorf("web is %+v", v)
	}
	if got, want := *s.Real(r.slot("spare")), (ruleset.Real{
		Address: ip("10.0.0.13"), Port: 8080, MaxConns: 4, Threshold: 8, Retry: ruleset.Retry{SYNs: 1, After: 1_000_000},
	}); got != want {
		t.Errorf("spare is %+v, want %+v", got, want)
	}
	if r.guarded != uint32(s.FindVirtual(0, ip("192.0.2.10"), 80, tcp)) {
		t.Errorf("half-open connections are shared up to slot %d", r.guarded)
	}
}

// The way of SPEC.md section 4: threshold, rest, trial, and back; or the trial fails.
func TestFailsIsTriedAndReturns(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		happened := r.happened(t)
		r.ditch("a", 7, false)
		wait(blink)
		if _, n := r.workers.last(); n != 0 {
			t.Fatal("it does something below the threshold")
		}
		r.ditch("a", 1, true)
		wait(blink)
		equal(t, "failed", happened(), []string{"a: in-service → failed"})
		equal(t, "web", r.tiers(80, tcp), []string{"leastconns: spare*3>3 b*2>1 | last*1", "weighted: last*1"})
		equal(t, "dns, whose real has another for a backup", r.tiers(53, udp), []string{"leastconns: spare*3>2 | last*1"})
		e := r.journal.Since(0)[0]
		if e.Numbers != (events.Numbers{Ditched: 8, Threshold: 8, BySilence: 7, ByReset: 1}) || e.Cause != "8 consecutive connections ditched" {
			t.Errorf("%+v", e)
		}
		if th := r.rules().Real(r.slot("a")).Threshold; th != 0 {
			t.Errorf("a failed real has the threshold %d", th)
		}

		wait(10*time.Second - grain)
		if got := happened(); got != nil {
			t.Fatalf("%v before its time", got)
		}
		wait(2 * grain)
		equal(t, "rested", happened(), []string{"a: failed → testing"})
		equal(t, "testing", r.tiers(80, tcp), []string{"leastconns: spare*3>3 b*2>1 | last*1", "weighted: last*1", "trial: a*3"})
		equal(t, "no trial by datagram", r.tiers(53, udp), []string{"leastconns: spare*3>2 | last*1"})

		// A trial that vanishes is given anew; one that fails ends the trial.
		for range 2 {
			if slot := r.slot("a"); !r.shared.TakeTrial(slot) || r.shared.TakeTrial(slot) {
				t.Fatal("not exactly one trial")
			}
			r.raise("a", ruleset.TrialVanished)
			wait(blink)
		}
		r.shared.TakeTrial(r.slot("a"))
		r.ditch("a", 1, false)
		r.raise("a", ruleset.TrialSilent)
		wait(blink)
		equal(t, "trial silent", happened(), []string{"a: testing → failed"})
		if r.shared.TakeTrial(r.slot("a")) {
			t.Error("a failed real has a trial")
		}
		wait(10*time.Second + 2*grain)
		if !r.shared.TakeTrial(r.slot("a")) {
			t.Error("no second trial")
		}
		r.raise("a", ruleset.TrialAnswered)
		wait(blink)
		equal(t, "trial answered", happened(), []string{"a: failed → testing", "a: testing → in-service"})
		equal(t, "slow start", r.tiers(80, tcp), []string{"leastconns: a*3~ b*2>3 | spare*5>4 last*1", "weighted: last*1"})
		if real := r.rules().Real(r.slot("a")); real.Ramp != 20000 || real.Since+2 < r.workers.Now() || real.Threshold != 8 {
			t.Errorf("at tick %d: %+v", r.workers.Now(), real)
		}
		if n := r.shared.Ditched(r.slot("a")); n != 0 {
			t.Errorf("it returns with %d ditched connections", n)
		}
		_, before := r.workers.last()
		wait(20*time.Second + 2*grain)
		equal(t, "slow start is over", r.tiers(80, tcp), []string{"leastconns: a*3 b*2>3 | spare*5>4 last*1", "weighted: last*1"})
		if _, n := r.workers.last(); n != before+1 {
			t.Errorf("%d times published at the end of a slow start", n-before)
		}
	})
}

// Reals that fail at once are one set of rules.
func TestOneSetOfRulesForAll(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		happened := r.happened(t)
		for _, name := range []string{"a", "b", "spare", "last"} {
			r.ditch(name, 8, false)
		}
		wait(blink)
		if got := happened(); len(got) != 4 {
			t.Errorf("%v", got)
		}
		if _, n := r.workers.last(); n != 1 {
			t.Errorf("%d times published", n)
		}
		equal(t, "nobody", r.tiers(80, tcp), nil)
		equal(t, "of a draining or empty virtual", r.tiers(81, tcp), nil)

		// All wait for trials: those of the backup virtual, too, since nobody else takes connections.
		wait(time.Minute + 2*grain)
		equal(t, "trials", r.tiers(80, tcp), []string{"trial: a*3 spare*5 last*1 b*2"})
	})
}

// A backup virtual's reals are not tried on clients of a virtual that has its own.
func TestTrialsOfBackups(t *testing.T) {
	inRun(t, strings.ReplaceAll(failing, ", backup: spare", ""), func(t *testing.T, r *rig) {
		r.ditch("last", 8, false)
		wait(time.Minute + 2*grain)
		equal(t, "web", r.tiers(80, tcp), []string{"leastconns: a*3 b*2"})
		equal(t, "sorry", r.tiers(81, tcp), []string{"trial: last*1"})
		r.ditch("a", 8, false)
		r.ditch("b", 2, false)
		wait(blink)
		equal(t, "web", r.tiers(80, tcp), []string{"trial: last*1"})
	})
}

func TestAutoReturn(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		happened := r.happened(t)
		r.ditch("b", 2, true)
		wait(blink)
		if !r.rules().Real(r.slot("b")).Watched {
			t.Error("nobody watches it")
		}
		r.raise("b", ruleset.ShowsLife)
		wait(blink)
		if r.rules().Real(r.slot("b")).Watched || r.rules().Real(r.slot("b")).Ramp != 0 {
			t.Error("it is watched still, or begins slowly")
		}
		equal(t, "returns", happened(), []string{"b: in-service → failed", "b: failed → in-service"})
	})
}

// A full real is shown so; a flapping one once a second.
func TestMaxConns(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		happened := r.happened(t)
		c, b := r.workers.counts[0], r.slot("b")
		binding := members(r.first, "192.0.2.10", 80, tcp)[1].Binding
		open(c, binding, b)
		open(c, binding, b)
		wait(2 * grain)
		equal(t, "full", happened(), []string{"b: in-service → max-capacity"})
		for range 20 {
			c.Close(binding, b)
			wait(grain)
			open(c, binding, b)
			wait(grain)
		}
		if n := len(happened()); n < 2 || n > 5 {
			t.Errorf("%d events of 4 seconds", n)
		}
		c.Close(binding, b)
		wait(2 * time.Second)
		if got := r.Reals()[1]; got.State != api.InService || got.Connections != 1 {
			t.Errorf("%+v", got)
		}
		last := r.journal.Since(r.journal.Last() - 1)[0]
		if last.To != api.InService {
			t.Errorf("the journal ends with %+v", last)
		}
		if _, n := r.workers.last(); n != 0 {
			t.Error("workers see themselves who is full")
		}
		if r.objects.liveReals[1].entered[synretry.MaxCapacity] < 20 {
			t.Error("a transition was not counted")
		}
		// A full one is shown exactly when somebody asks.
		open(c, binding, b)
		if got := r.Reals()[1]; got.State != api.MaxCapacity {
			t.Errorf("%+v", got)
		}
		r.ditch("b", 2, false)
		wait(blink)
		if got := r.Reals()[1].State; got != api.Failed {
			t.Errorf("a full real that ditches is %s", got)
		}
	})
}

func TestOperator(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		happened := r.happened(t)
		for _, state := range []string{api.Maintenance, api.StickyOnly, api.OutOfService, api.ExternallyFailed} {
			if err := r.setState("a", state); err != nil {
				t.Fatal(err)
			}
			equal(t, state, r.tiers(80, tcp), []string{"leastconns: spare*3>3 b*2>1 | last*1", "weighted: last*1"})
		}
		_, n := r.workers.last()
		if err := r.setState("a", api.ExternallyFailed); err != nil {
			t.Fatal(err)
		}
		if _, again := r.workers.last(); again != n {
			t.Error("published though nothing changed")
		}
		r.ditch("a", 8, false)
		r.raise("a", ruleset.ThresholdReached|ruleset.TrialAnswered|ruleset.ShowsLife)
		wait(5 * time.Minute)
		if got := r.Reals()[0]; got.State != api.ExternallyFailed || got.Cause != "operator" {
			t.Errorf("left by itself: %+v", got)
		}
		if err := r.setState("a", api.InService); err != nil {
			t.Fatal(err)
		}
		if n := r.shared.Ditched(r.slot("a")); n != 0 {
			t.Errorf("it returns with %d ditched connections", n)
		}
		equal(t, "slow start", r.tiers(80, tcp)[:1], []string{"leastconns: a*3~ b*2>3 | spare*5>4 last*1"})
		equal(t, "events", happened(), []string{
			"a: in-service → maintenance", "a: maintenance → sticky-only", "a: sticky-only → out-of-service",
			"a: out-of-service → externally-failed", "a: externally-failed → in-service",
		})
		for _, tt := range [][2]string{{"a", api.Failed}, {"a", "asleep"}, {"nobody", api.InService}} {
			var e *api.Error
			if err := r.setState(tt[0], tt[1]); !asAPI(err, &e) || e.Mend == "" {
				t.Errorf("%v: %v", tt, err)
			}
		}
	})
}

// An operator who ends a trial ends its ticket.
func TestOperatorEndsTrial(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		r.ditch("a", 8, false)
		wait(11 * time.Second)
		if err := r.setState("a", api.Maintenance); err != nil {
			t.Fatal(err)
		}
		if r.shared.TakeTrial(r.slot("a")) {
			t.Error("a real in maintenance has a trial")
		}
	})
}

// What is known of reals outlives a reload; the file's states hold when they change, and new reals begin slowly.
func TestReloadKeepsStates(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		happened := r.happened(t)
		r.ditch("a", 8, false)
		wait(blink)
		if err := r.setState("last", api.Maintenance); err != nil {
			t.Fatal(err)
		}
		happened()
		change := func(what ...string) {
			t.Helper()
			if err := r.Reload(parse(t, strings.NewReplacer(what...).Replace(failing))); err != nil {
				t.Fatal(err)
			}
		}
		since := r.Reals()[0].Since
		wait(time.Second)
		change("weight: 3", "weight: 4")
		if got := r.Reals()[0]; got.State != api.Failed || !got.Since.Equal(since) || got.Weight != 4 {
			t.Errorf("%+v", got)
		}
		equal(t, "web", r.tiers(80, tcp), []string{"leastconns: spare*4 b*2>1"})

		change("port: 8080, weight: 2,", "port: 8080, weight: 2, state: out-of-service,")
		equal(t, "the file's state", happened(), []string{"b: in-service → out-of-service"})
		if err := r.setState("b", api.InService); err != nil {
			t.Fatal(err)
		}
		change("port: 8080, weight: 2,", "port: 8080, weight: 7, state: out-of-service,")
		equal(t, "not changed in the file", happened(), []string{"b: out-of-service → in-service"})

		change("virtuals:", "  - {name: c, address: 10.0.0.15, port: 8080}\nvirtuals:", "reals: [a, b]", "reals: [a, b, c]")
		equal(t, "a new real", r.tiers(80, tcp), []string{"leastconns: spare*3 b*2>1 c*1~"})
		if got := r.Reals(); got[4].Name != "c" || got[4].SlowStartLeftSeconds == nil || got[0].RetryInSeconds == nil {
			t.Errorf("%+v", got)
		}
	})
}

// Only TCP fails a real, and only TCP can try it.
func TestNoTCPVirtualIsLeft(t *testing.T) {
	inRun(t, strings.ReplaceAll(failing, ", backup: sorry", ""), func(t *testing.T, r *rig) {
		for _, rest := range []time.Duration{blink, 11 * time.Second} { // failed, testing
			if err := r.Reload(parse(t, failing)); err != nil {
				t.Fatal(err)
			}
			r.ditch("a", 8, false)
			wait(rest)
			if got := r.Reals()[0].State; got != api.Failed && got != api.Testing {
				t.Fatal(got)
			}
			if err := r.Reload(parse(t, strings.Replace(failing, "reals: [a, b]", "reals: [b]", 1))); err != nil {
				t.Fatal(err)
			}
			r.ditch("a", 8, false)
			r.raise("a", ruleset.ThresholdReached) // by a connection from before
			wait(blink)
			if got := r.Reals()[0]; got.State != api.InService || r.shared.TakeTrial(r.slot("a")) {
				t.Errorf("%+v", got)
			}
		}
	})
}

// A slot that is given anew begins anew: no trial, nothing ditched, no total of another.
func TestSlotBeginsAnew(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		a := r.slot("a")
		r.ditch("a", 8, false)
		r.workers.counts[1].Move(a)
		r.workers.counts[1].Measure(a, 500, r.workers.Now())
		wait(11 * time.Second)
		if got := r.Reals()[0]; got.State != api.Testing || got.DitchedBySilenceTotal != 8 || got.ReassignedTotal != 1 || *got.ResponseTimeSeconds != 0.0005 {
			t.Fatalf("%+v", got)
		}
		without := parse(t, strings.NewReplacer("  - {name: a, address: 10.0.0.11, port: 8080, weight: 3, backup: spare, retry: 10s, slow-start: 20s}\n", "",
			"[a, b]", "[b]", "[a]", "[b]").Replace(failing))
		if err := r.Reload(without); err != nil {
			t.Fatal(err)
		}
		if r.shared.TakeTrial(a) {
			t.Error("a removed real has a trial")
		}
		r.raise("b", ruleset.ShowsLife) // of no effect
		r.shared.Raise(a, ruleset.ThresholdReached|ruleset.ShowsLife)
		r.shared.Ditch(a, 0)
		r.workers.acknowledge(1 << 20)
		wait(2 * time.Second)
		if n := len(r.Reals()); n != 3 {
			t.Fatalf("%d reals", n)
		}
		if err := r.Reload(parse(t, strings.Replace(failing, "10.0.0.11", "10.0.0.21", 1))); err != nil {
			t.Fatal(err)
		}
		if r.slot("a") != a {
			t.Fatal("the slot was not given anew")
		}
		wait(time.Second)
		got := r.Reals()[0]
		if got.State != api.InService || got.Ditched != 0 || got.DitchedBySilenceTotal != 0 || got.ReassignedTotal != 0 || got.ResponseTimeSeconds != nil {
			t.Errorf("%+v", got)
		}
		r.workers.counts[0].Measure(a, 700, r.workers.Now())
		if got := r.Reals()[0].ResponseTimeSeconds; got == nil || *got != 0.0007 {
			t.Errorf("response time %v", got)
		}
	})
}

// A real that was given another endpoint has the totals of both, in the end.
func TestTotalsOutliveAnEndpoint(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		r.ditch("a", 8, true)
		wait(blink)
		if err := r.Reload(parse(t, strings.Replace(failing, "10.0.0.11", "10.0.0.21", 1))); err != nil {
			t.Fatal(err)
		}
		if got := r.Reals(); len(got) != 5 || !got[4].Draining || got[4].Name != "a" || got[4].State != api.Failed || got[0].State != api.InService {
			t.Errorf("%+v", got)
		}
		r.workers.acknowledge(1 << 20)
		wait(2 * time.Second)
		if got := r.Reals(); len(got) != 4 || got[0].DitchedByResetTotal != 8 || r.objects.liveReals[0].entered[synretry.Failed] != 1 {
			t.Errorf("%+v", got[0])
		}
	})
}

func TestTransitionsAreLoggedOnce(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		r.logs.TakeAll()
		r.ditch("a", 8, false)
		wait(11 * time.Second)
		var said []string
		for _, e := range r.logs.TakeAll() {
			if e.Message == "real changes its state" {
				m := e.ContextMap()
				said = append(said, fmt.Sprintf("%v %v %v %v: %v %v/%v", e.Level, m["real"], m["from"], m["to"], m["cause"], m["ditched"], m["threshold"]))
			}
		}
		equal(t, "log", said, []string{
			"warn a in-service failed: 8 consecutive connections ditched 8/8",
			"info a failed testing: retry timer of 10s 8/8",
		})
	})
}

func TestApportion(t *testing.T) {
	for _, tt := range []struct {
		ditched         uint32
		since           tally
		silent, refused uint32
	}{
		{8, tally{8, 0, 0}, 8, 0},
		{8, tally{0, 8, 3}, 0, 8},
		{8, tally{7, 1, 0}, 7, 1},
		{8, tally{12, 12, 0}, 4, 4},
		{8, tally{}, 0, 0},
		{0, tally{3, 3, 0}, 0, 0},
		{9, tally{4, 4, 0}, 4, 5}, // counted, not yet tallied
	} {
		if s, f := apportion(tt.ditched, tt.since); s != tt.silent || f != tt.refused {
			t.Errorf("%d of %+v: %d and %d, want %d and %d", tt.ditched, tt.since, s, f, tt.silent, tt.refused)
		}
	}
}

// The control socket and the state machine have the same words.
func TestStatesAreTheSockets(t *testing.T) {
	all := []string{
		api.InService, api.MaxCapacity, api.Testing, api.Failed, api.ExternallyFailed, api.Maintenance, api.StickyOnly, api.OutOfService,
	}
	for s := range synretry.States {
		if !slices.Contains(all, s.String()) {
			t.Errorf("%v is none of the socket's", s)
		}
	}
}

// setState is an operator's.
func (r *rig) setState(name, state string) error {
	return r.SetReal(name, api.RealSettings{State: &state})
}
