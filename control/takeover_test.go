package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"linedirector/control/api"
	"linedirector/control/events"
	"linedirector/control/kernel"
	"linedirector/control/synretry"
	"linedirector/lcore/ruleset"
)

// estate has something of all. The virtual 'gone' and the real 'old' go with the first reload.
const estate = `
ports:
  - {name: outside, device: net_null0, addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: net_null1, addresses: [10.0.0.1/24], side: reals}
routes:
  - {to: 10.9.0.0/16, via: 10.0.0.254}
classes:
  - {name: lab, clients: [198.51.100.0/24]}
probes:
  - {name: port, type: tcp, interval: 1s, timeout: 500ms}
reals:
  - {name: old, address: 10.0.0.10, port: 8080, slow-start: 20s}
  - {name: a, address: 10.0.0.11, port: 8080, weight: 3, retry: 10s, slow-start: 20s, backup: spare}
  - {name: b, address: 10.0.0.12, port: 8080, maxconns: 2, backup: spare}
  - {name: c, address: 10.0.0.13, port: 8080, probe: port}
  - {name: d, address: 10.0.0.14, port: 8080, probe: port}
  - {name: e, address: 10.0.0.15, port: 8080}
  - {name: f, address: 10.0.0.16, port: 8080, weight: 0, slow-start: 30s}
  - {name: g, address: 10.9.0.17, port: 8080, retry: 60s, auto-return: true}
  - {name: h, address: 10.0.0.18, port: 8080, load: 2}
  - {name: spare, address: 10.0.0.19, port: 8080}
virtuals:
  - {name: gone, address: 192.0.2.10, port: 81, unknown: drop, expiry: rst, sticky: {timer: 5m, prefix: 32}, timers: {idle: 7s}, synguard: {limit: 9, above: drop}, reals: [old, f]}
  - {name: web, address: 192.0.2.10, port: 80, sticky: {timer: 10m, prefix: 24, buddies: shop}, backup: tls, reals: [{real: a, weight: 7}, b, c, d, e, f, g]}
  - {name: tls, address: 192.0.2.10, port: 443, predictor: hash, sticky: {timer: 1m, prefix: 24, buddies: shop}, reals: [b, c, h]}
  - {name: lab, address: 192.0.2.10, port: 80, class: lab, predictor: fastest, reals: [e, h]}
  - {name: dns, address: 192.0.2.10, port: 53, protocol: udp, reals: [f, h]}
`

// connect counts a connection and its record on a binding, as worker 0 does, or ends what was counted.
func (r *rig) connect(virtual, real string) *binding {
	b := r.binding(virtual, real)
	r.workers.counts[0].Insert(b.slot)
	open(r.workers.counts[0], b.slot, b.real.slot)
	return b
}

func (r *rig) leave(b *binding) {
	r.workers.counts[0].Close(b.slot, b.real.slot)
	r.workers.counts[0].Remove(b.slot)
}

// use has workers acknowledge the newest rules.
func (r *rig) use() { r.workers.acknowledge(r.rules().Generation) }

// turned sets a real's numbers.
func (r *rig) turned(t *testing.T, name string, s api.RealSettings) {
	t.Helper()
	if err := r.SetReal(name, s); err != nil {
		t.Fatal(err)
	}
}

// busy brings an estate into a state where everything is under way.
func busy(t *testing.T) (l *lifetime, old *binding) {
	t.Helper()
	l = bear(t, estate)
	l.use()
	old = l.connect("gone", "old")
	for range 3 {
		l.connect("web", "a")
	}
	l.leave(l.connect("web", "a"))
	l.workers.counts[1].NoReal(l.at("gone").slot)
	l.workers.counts[1].NoReal(l.at("web").slot)

	// What tells it apart from a fresh one: a slot that was given and freed again, and bases.
	l.reload(t, cut(estate, "- {name: h,", "- {name: lab,", "- {name: dns,"), "reals: [b, c, h]", "reals: [b, c]")
	l.use()
	wait(2 * time.Second)
	l.reload(t, cut(estate, "- {name: old,", "- {name: gone,"))
	l.use()
	wait(2 * time.Second)

	l.ditch("a", 8, false)
	wait(10*time.Second + 2*grain) // it rested, and is testing
	l.connect("web", "b")
	l.connect("web", "b")
	l.find("c", false)
	l.find("d", false)
	must(t, l.setState("d", "externally-failed")) // the operator's from now on
	must(t, l.setState("e", "maintenance"))
	l.turned(t, "e", api.RealSettings{Weight: new(5), Load: new(7)})
	l.turned(t, "f", api.RealSettings{Weight: new(2)}) // begins slowly
	l.ditch("g", 8, true)
	wait(5 * time.Second)
	l.use()
	must(t, l.setState("h", "out-of-service")) // to be purged, once workers know
	if _, err := l.FlushReal("e"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.FlushVirtual("tls"); err != nil {
		t.Fatal(err)
	}
	for _, n := range [][]kernel.Neighbour{
		valid(1, "10.0.0.254", macTwo), valid(1, "10.0.0.11", macOne),
		valid(0, "192.0.2.100", macOne), valid(0, "192.0.2.101", macTwo), valid(0, "192.0.2.102", macTwo), lost(0, "192.0.2.101"),
	} {
		l.mirror.events <- n
	}
	wait(2 * time.Second)
	want := "a:testing b:max-capacity c:externally-failed d:externally-failed e:maintenance f:in-service~ g:failed h:out-of-service spare:in-service"
	if got := l.states(); got != want {
		t.Fatalf("it is %s,\n want %s", got, want)
	}
	return l, old
}

func (l *lifetime) reload(t *testing.T, text string, more ...string) {
	t.Helper()
	must(t, l.Reload(parse(t, strings.NewReplacer(more...).Replace(text))))
}

// states are the reals' of the configuration, as "a:testing f:in-service~".
func (r *rig) states() string {
	var all []string
	r.locked(func() {
		for _, x := range r.objects.liveReals {
			text := x.conf.Name + ":" + x.machine.State().String()
			if x.machine.Ramping() {
				text += "~"
			}
			all = append(all, text)
		}
	})
	return strings.Join(all, " ")
}

// A successor knows all that its predecessor knew, and its rules are the same.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, old := busy(t)
		known, before, last := l.known(), l.rules(), l.journal.Last()
		l.die()
		time.Sleep(3 * time.Second) // nobody looks
		n := l.succeed(t)
		same(t, "objects", n.known(), known)
		sameRules(t, n.rig, l.rig)
		n.distinct(t)
		if n.first.Generation != before.Generation+1 || n.first.RouteGeneration != before.RouteGeneration+1 {
			t.Errorf("generation %d, of routes %d, behind %d and %d", n.first.Generation, n.first.RouteGeneration, before.Generation, before.RouteGeneration)
		}
		if len(n.stack.applied) != 1 || fmt.Sprint(n.stack.applied[0]) != fmt.Sprint(wanted(n.Conf())) {
			t.Errorf("applied to the kernel: %v", n.stack.applied)
		}
		line := n.said()[0]
		if want := "control took over after its predecessor died virtuals="; !strings.HasPrefix(line, want) {
			t.Errorf("it says %q, want %q", line, want)
		}
		e := n.journal.Since(0)[0]
		if e.Seq != last+1 || e.Kind != events.TakeOver || e.Text() != "control took over after its predecessor died: 4 virtuals, 9 reals" {
			t.Errorf("the journal says %+v: %s", e, e.Text())
		}

		// It goes on: what drains ends when its last record has gone, and not before.
		n.use()
		wait(5 * time.Second)
		if !slices.ContainsFunc(n.Virtuals(), func(v api.Virtual) bool {
			return v.Name == "gone" && v.Draining && v.NoRealTotal == 1 && v.Connections == 1
		}) {
			t.Errorf("the draining virtual is not there: %+v", n.Virtuals())
		}
		n.leave(old)
		wait(2 * time.Second)
		if slices.ContainsFunc(n.Reals(), func(r api.Real) bool { return r.Name == "old" }) || len(n.Virtuals()) != 4 {
			t.Error("what drained did not end")
		}
		n.distinct(t)
		n.reload(t, estate)
		n.distinct(t)
		if v := n.at("gone"); v.draining || v.noReal != 1 {
			t.Errorf("back it counts from %d, want 1", v.noReal)
		}
	})
}

// Each state goes on as it would have.
func TestStatesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := busy(t)
		l.workers.sticky.entries = []StickyEntry{{Client: 1, Group: l.at("web").group.slot, Real: l.slot("h")}}
		l.shared.TakeTrial(l.slot("a")) // and nobody hears of it any more
		l.die()
		n := l.succeed(t)
		equal(t, "probed", n.prober.told()[:1], []string{"c(down) d"})
		is := func(when, want string) {
			t.Helper()
			if got := n.states(); got != want {
				t.Errorf("%s: %s,\n want %s", when, got, want)
			}
		}
		// The trial is another connection's.
		if !n.shared.TakeTrial(n.slot("a")) {
			t.Error("no trial for the real that is testing")
		}
		n.raise("a", ruleset.TrialAnswered)
		n.find("c", true)
		n.find("d", true) // the operator holds it
		n.leave(n.binding("web", "b"))
		n.turned(t, "e", api.RealSettings{State: new("in-service")})
		wait(2 * grain)
		is("at first", "a:in-service~ b:in-service c:in-service~ d:externally-failed e:in-service~ f:in-service~ g:failed h:out-of-service spare:in-service")
		if r := n.rules().Real(n.slot("f")); r.Ramp == 0 || r.Since != l.rules().Real(n.slot("f")).Since {
			t.Errorf("the slow start is another: %+v", r)
		}
		if len(n.workers.sticky.left()) != 1 {
			t.Error("purged before workers knew that the real keeps nobody")
		}
		n.use()
		wait(2 * grain)
		if len(n.workers.sticky.left()) != 0 {
			t.Error("the purge that was under way was forgotten")
		}
		n.workers.sweep(2)
		wait(2 * grain)
		n.use()
		if n.rules().Real(n.slot("e")).Flush || n.rule("tls").Flush {
			t.Error("flushes do not end")
		}
		wait(22 * time.Second) // f has waited 2 s before, and 7 s by then
		is("then", "a:in-service b:in-service c:in-service~ d:externally-failed e:in-service~ f:in-service~ g:failed h:out-of-service spare:in-service")
		wait(60*time.Second - 22*time.Second - 10*grain)
		is("before the rest ends", "a:in-service b:in-service c:in-service d:externally-failed e:in-service f:in-service g:failed h:out-of-service spare:in-service")
		wait(10 * grain)
		is("at last", "a:in-service b:in-service c:in-service d:externally-failed e:in-service f:in-service g:testing h:out-of-service spare:in-service")
		for _, r := range n.Reals() {
			if want := map[string]string{"e": "weight load", "f": "weight"}[r.Name]; strings.Join(r.Overrides, " ") != want {
				t.Errorf("%s: turned are %v, want %s", r.Name, r.Overrides, want)
			}
		}
		n.reload(t, strings.ReplaceAll(cut(estate, "- {name: gone,"), "weight: 0, slow-start: 30s", "weight: 9, slow-start: 30s"))
		if w := n.objects.reals[realKey(n.Conf().Reals[6])].weight; w != 9 {
			t.Errorf("the configuration says otherwise now, and the weight is %d", w)
		}
	})
}

// What metrics count does not fall, nor begin anew.
func TestCountsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := busy(t)
		reals, virtuals := asJSON(t, l.counted()), asJSON(t, l.Virtuals())
		bindings := l.bindings()
		l.die()
		n := l.succeed(t)
		if got := asJSON(t, n.counted()); got != reals {
			t.Errorf("reals:\n got %s\nwant %s", got, reals)
		}
		if got := asJSON(t, n.Virtuals()); got != virtuals {
			t.Errorf("virtuals:\n got %s\nwant %s", got, virtuals)
		}
		for _, b := range bindings {
			if !slices.Contains(n.bindings(), b) {
				t.Errorf("binding %+v is not among %+v", b, n.bindings())
			}
		}
		n.workers.counts[0].Ditch(n.slot("a"), true)
		if was, is := l.counted()["a"], n.counted()["a"]; is.DitchedByResetTotal != was.DitchedByResetTotal {
			t.Errorf("%d ditched by reset, want %d", is.DitchedByResetTotal, was.DitchedByResetTotal)
		}
	})
}

func asJSON(t *testing.T, what any) string {
	t.Helper()
	b, err := json.Marshal(what)
	must(t, err)
	return string(b)
}

// counted are the reals, but for what a rest that begins anew changes.
func (r *rig) counted() map[string]api.Real {
	all := map[string]api.Real{}
	for _, one := range r.Reals() {
		if one.State == synretry.Failed.String() {
			one.Since = time.Time{}
		}
		one.RetryInSeconds, one.SlowStartLeftSeconds, one.ResponseTimeSeconds, one.Probe = nil, nil, nil, nil
		all[one.Name] = one
	}
	return all
}

// How often states were entered is kept at most a second later, though workers need not be told of full reals.
func TestEnteredStatesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bear(t, estate)
		wait(time.Second + grain)
		stored := l.ledger.stored
		l.connect("web", "b")
		b := l.connect("web", "b")
		wait(2 * time.Second)
		l.leave(b)
		wait(2 * time.Second)
		if n := l.ledger.stored - stored; n != 2 {
			t.Errorf("stored %d times, want once for each change", n)
		}
		b = l.connect("web", "b") // full and not, within the second in which the log tells of one change
		wait(2 * grain)
		l.leave(b)
		wait(2 * grain)
		b = l.connect("web", "b")
		wait(2 * grain)
		l.leave(b)
		wait(2 * time.Second)
		was := l.counted()["b"]
		l.die()
		n := l.succeed(t)
		n.locked(func() {
			r := n.objects.liveReals[2]
			if r.entered[synretry.MaxCapacity] != 3 || r.entered[synretry.InService] != 3 || r.machine.Cause() != was.Cause {
				t.Errorf("%s entered %v, %s", r.conf.Name, r.entered, r.machine.Cause())
			}
		})
	})
}

// An operator who takes a real over from its probe changes no rules, and yet it is kept.
func TestOperatorsHoldIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bear(t, estate)
		wait(grain)
		l.find("c", false)
		must(t, l.setState("c", "externally-failed"))
		l.die()
		n := l.succeed(t)
		n.find("c", true)
		if got := n.states(); !strings.Contains(got, "c:externally-failed") {
			t.Errorf("its probe freed it: %s", got)
		}
	})
}

// What workers raised while nobody listened is heard.
func TestSignalsOfTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bear(t, estate)
		wait(grain)
		l.die()
		l.ditch("a", 8, false)
		n := l.succeed(t)
		wait(grain)
		if got := n.states(); !strings.HasPrefix(got, "old:in-service a:failed") {
			t.Error(got)
		}
	})
}

// A director may die between keeping rules and publishing them, or before it keeps them: the successor's follow either.
func TestDiesBeforeItPublishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bear(t, estate)
		l.use()
		early := l.ledger.Load()
		b := l.connect("gone", "old")
		l.reload(t, cut(estate, "- {name: old,", "- {name: gone,"))
		late := l.ledger.Load()
		l.die()
		for _, tt := range []struct {
			what   string
			ledger []byte
			drains bool
			want   uint32
		}{{"kept and not published", late, true, 3}, {"not kept", early, false, 2}} {
			l.ledger.kept = tt.ledger
			n := l.succeed(t)
			if n.first.Generation != tt.want {
				t.Errorf("%s: generation %d, want %d", tt.what, n.first.Generation, tt.want)
			}
			n.locked(func() {
				if r := n.objects.reals[realKey(b.real.conf)]; r == nil || r.draining != tt.drains || r.slot != b.real.slot {
					t.Errorf("%s: %+v", tt.what, r)
				}
			})
			n.distinct(t)
			// Workers still use the rules of before, which have it, and its record may go.
			n.workers.acknowledge(1)
			if tt.drains {
				n.leave(b)
			}
			wait(3 * time.Second)
			if _, ok := n.objects.reals[realKey(b.real.conf)]; !ok {
				t.Errorf("%s: gone though workers use rules that have it", tt.what)
			}
			n.die()
		}
	})
}

// Successors may die, too.
func TestTakeOverAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := busy(t)
		want := l.known()
		for range 5 {
			l.die()
			l = l.succeed(t)
		}
		same(t, "objects", l.known(), want)
		l.distinct(t)
		if prev, ok := l.Previous(); !ok || prev.Text != string(parse(t, strings.NewReplacer("reals: [b, c, h]", "reals: [b, c]").Replace(cut(estate, "- {name: h,", "- {name: lab,", "- {name: dns,"))).Text) {
			t.Errorf("no way back: %v", ok)
		}
		if _, err := l.Rollback(api.ApplyOptions{}); err != nil {
			t.Error(err)
		}
		l.distinct(t)
	})
}

// The kernel's refusal of what it had before is told, and keeps nobody from taking over.
func TestTakeOverThoughTheKernelRefuses(t *testing.T) {
	l := bearStill(t)
	r, c := l.config()
	r.stack.refuse = func(kernel.Wanted) error { return &kernel.ItemError{List: "routes", Err: fmt.Errorf("odd")} }
	d, rules, err := New(c)
	if err != nil || rules.Generation != 2 || d.Close() != nil {
		t.Fatal(err)
	}
	if lines := r.said(); !strings.Contains(strings.Join(lines, "\n"), "the kernel refuses the configuration in force error=dir.yaml:6:5: routes[0]: odd") {
		t.Errorf("it says %q", lines)
	}
}

// bearStill makes a director that does not run, and dies at once.
func bearStill(t *testing.T) *lifetime {
	t.Helper()
	l := &lifetime{ledger: &fakeLedger{}}
	l.rig = newRigWith(t, 2, estate, func(c *Config) { c.Ledger = l.ledger })
	return l
}

// inOrder are workers that look what the ledger says when they are told rules.
type inOrder struct {
	*fakeWorkers
	t      *testing.T
	ledger *fakeLedger
}

func (w inOrder) Publish(s *ruleset.Snapshot) {
	k, err := readBook(w.ledger.Load())
	must(w.t, err)
	if k.Generation != s.Generation || k.RouteGeneration != s.RouteGeneration {
		w.t.Errorf("rules of generation %d are published while the ledger has %d", s.Generation, k.Generation)
	}
	w.fakeWorkers.Publish(s)
}

// What rules say is kept before workers hear of it, whatever the rules are made for: else a successor could give a slot
// that they use to another.
func TestKeptBeforePublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lifetime{ledger: &fakeLedger{}}
		l.rig = newRigWith(t, 2, estate, func(c *Config) {
			c.Ledger = l.ledger
			c.Workers = inOrder{c.Workers.(*fakeWorkers), t, l.ledger}
		})
		l.begin(t)
		l.mirror.changes <- struct{}{}
		l.reload(t, cut(estate, "- {name: gone,"))
		l.ditch("a", 8, false)
		wait(time.Second)
		l.find("c", false)
		l.turned(t, "e", api.RealSettings{Weight: new(5)})
		if _, err := l.FlushReal("e"); err != nil {
			t.Fatal(err)
		}
		l.use()
		wait(2 * time.Second)
		if _, n := l.workers.last(); n < 6 {
			t.Errorf("%d rules were published", n)
		}
	})
}

// Without a ledger nothing is kept; an empty one is begun.
func TestLedgerIsBegun(t *testing.T) {
	l := bearStill(t)
	if l.ledger.stored != 1 || l.first.Generation != 1 || len(l.journal.Since(0)) != 0 {
		t.Errorf("stored %d times, generation %d", l.ledger.stored, l.first.Generation)
	}
	l.publish()
	if l.ledger.stored != 2 {
		t.Errorf("stored %d times, want once before each of its rules", l.ledger.stored)
	}
	newRig(t, 1).publish() // needs none
}
