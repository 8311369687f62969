package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// TestMaxConns holds 60 connections to a virtual of one real that takes 20; its backup gets the others.
func TestMaxConns(t *testing.T) {
	setup := widest()
	s := newSite(t)
	s.serve(t)
	d := s.start(t, setup, ports(setup.queues)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080, maxconns: 20, backup: b}
  - {name: b, address: 10.0.0.12, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a], timers: {close-delay: 1s}}
`)
	all := s.hold(t, 60, "192.0.2.10:80")
	onA, onB := of(all, "a"), of(all, "b")
	if len(onA) != 20 || len(onB) != 40 {
		t.Errorf("of 60 connections %d came to the real that takes 20, and %d to its backup", len(onA), len(onB))
	}
	reals := d.showReals()
	if a := reals["a"]; a.State != "max-capacity" || a.Connections != 20 || !strings.Contains(a.Cause, "20") {
		t.Errorf("the full real is shown as %+v", a)
	}
	if b := reals["b"]; b.State != "in-service" || b.Connections != 40 {
		t.Errorf("its backup is shown as %+v", b)
	}
	for round := range 3 { // a place that is free is taken at once
		_ = onA[round].Close()
		d.await(19, "real_connections", "real", "a")
		for i, want := range []string{"a", "b"} {
			if real := s.hold(t, 1, "192.0.2.10:80")[0].real; real != want {
				t.Errorf("connection %d after one of the full real was closed came to %s, want %s", i, real, want)
			}
		}
	}
	alive(t, onA[3:])
	alive(t, onB)
	if got := d.showReals()["a"].Connections; got != 20 {
		t.Errorf("the real has %d connections, want 20", got)
	}
}

// TestBackups has a real's backup and a virtual's backup take over, one after the other, when an operator takes the
// primaries out of service, and give back.
func TestBackups(t *testing.T) {
	setup := widest()
	s := newSite(t)
	s.serve(t)
	d := s.start(t, setup, ports(setup.queues)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080, backup: b, slow-start: off}
  - {name: b, address: 10.0.0.12, port: 8080, slow-start: off}
  - {name: c, address: 10.0.0.13, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a], backup: sorry, timers: {close-delay: 1s}}
  - {name: sorry, address: 192.0.2.11, port: 80, reals: [c]}
`)
	onA := s.hold(t, 5, "192.0.2.10:80")
	for _, step := range []struct {
		real, state string // set
		serves      string
		tier, by    string // shown of the virtual
	}{
		{"a", "in-service", "a", "own", ""},
		{"a", "out-of-service", "b", "own", ""},
		{"b", "out-of-service", "c", "backup", "sorry"},
		{"b", "in-service", "b", "own", ""},
		{"a", "in-service", "a", "own", ""},
		{"a", "externally-failed", "b", "own", ""},
		{"a", "in-service", "a", "own", ""},
	} {
		d.set(step.real, step.state)
		for range 4 {
			real, _, err := s.once("192.0.2.10:80", time.Now().Add(patience))
			if err != nil || real != step.serves {
				t.Errorf("after %s was set to %s, %q serves (%v), want %s", step.real, step.state, real, err, step.serves)
				break
			}
		}
		if v := d.showVirtual("web"); v.Active.Tier != step.tier || v.Active.Virtual != step.by {
			t.Errorf("after %s was set to %s, active is %+v, want %s %s", step.real, step.state, v.Active, step.tier, step.by)
		}
	}
	alive(t, onA)
	for _, h := range onA {
		if h.real != "a" {
			t.Errorf("the primary is well, and %s answered", h.real)
		}
	}
}

// TestBackupsOfFailed has clients' traffic fail a real, its backup, that one's backup, and so a whole virtual, one after the
// other: each time the next one takes over without a lost connection, and when all are well the first one has it back.
func TestBackupsOfFailed(t *testing.T) {
	setup := widest()
	s := newSiteOf(t, fourReals)
	s.serve(t)
	s.slowSYNs()
	d := s.start(t, setup, ports(setup.queues)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080, threshold: 2, retry: 500ms, slow-start: off, backup: b}
  - {name: b, address: 10.0.0.12, port: 8080, threshold: 2, retry: 500ms, slow-start: off, backup: c}
  - {name: c, address: 10.0.0.13, port: 8080, threshold: 2, retry: 500ms, slow-start: off}
  - {name: d, address: 10.0.0.14, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a], backup: sorry, timers: {close-delay: 1s}}
  - {name: sorry, address: 192.0.2.11, port: 80, reals: [d]}
`)
	events := s.follow(t, d)
	load := s.clients(t, "192.0.2.10:80", 50)
	serves := func(name, tier string) {
		t.Helper()
		for range 4 {
			real, _, err := s.once("192.0.2.10:80", time.Now().Add(patience))
			if err != nil || real != name {
				t.Errorf("%q serves (%v), want %s", real, err, name)
				break
			}
		}
		if v := d.showVirtual("web"); v.Active.Tier != tier {
			t.Errorf("while %s serves, active is %+v, want %s", name, v.Active, tier)
		}
	}
	load.more(t, 10)
	serves("a", "own")
	s.ail(t, "a", refusing)
	events.await(bound, 1, "a", "failed")
	// One connection is a's trial now and then, and comes to the backup with its next SYN.
	load.more(t, 10)
	s.ail(t, "b", refusing)
	events.await(bound, 1, "b", "failed")
	load.more(t, 10)
	if v := d.showVirtual("web"); v.Active.Tier != "own" {
		t.Errorf("while a's backup's backup serves, active is %+v, want own", v.Active)
	}
	s.ail(t, "c", refusing)
	events.await(bound, 1, "c", "failed")
	load.more(t, 10)
	well := time.Now()
	for _, name := range []string{"c", "b", "a"} {
		s.ail(t, name, "")
		events.await(bound, 1, name, "in-service")
	}
	back := time.Now()
	serves("a", "own")
	load.more(t, 10)
	all := load.stop()
	// A connection may meet all three while they refuse, a second apart, then two and four: 7 s for the last SYN.
	unharmed(t, all, 7900*time.Millisecond)
	served := map[string]int{}
	for _, c := range between(all, time.Time{}, well) {
		served[c.real]++
	}
	t.Logf("until they were well, connections were served by %v", served)
	for _, name := range fourReals {
		if served[name] == 0 {
			t.Errorf("%s never served", name)
		}
	}
	if share := shareOf(between(all, back, time.Now()), "a"); share != 1 {
		t.Errorf("after all were well again the first one serves %.2f of the connections, want all", share)
	}
	drainedOf(d, "web", "sorry")
}

// TestStates wants of each state of a real what the table in SPEC.md section 4 says: whether new connections come to it, that
// live ones go on, whether it is probed, and who ends it.
func TestStates(t *testing.T) {
	setup := widest()
	s := newSite(t)
	servers := s.serve(t)
	s.slowSYNs()
	d := s.start(t, setup, ports(setup.queues)+`probes:
  - {name: connect, type: tcp, interval: 100ms, timeout: 100ms, rise: 2, fall: 20}
reals:
  - {name: a, address: 10.0.0.11, port: 8080}
  - {name: b, address: 10.0.0.12, port: 8080, maxconns: 30}
  - {name: c, address: 10.0.0.13, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a, b, c], predictor: roundrobin, threshold: 2, retry: 60s, slow-start: off, probe: connect, timers: {close-delay: 1s}}
  - {name: only, address: 192.0.2.10, port: 81, reals: [b], timers: {close-delay: 1s}}
`)
	live := s.hold(t, 9, "192.0.2.10:80")
	if len(of(live, "b")) == 0 {
		t.Fatal("of 9 connections in turn none came to b")
	}
	begins := func(state string) func() { return func() { d.set("b", state) } }
	inService := func() { d.set("b", "in-service") }
	var filling []held
	for _, c := range []struct {
		state      string
		begin, end func()
		probed     bool
	}{
		{"maintenance", begins("maintenance"), inService, false},
		{"sticky-only", begins("sticky-only"), inService, true},
		{"out-of-service", begins("out-of-service"), inService, false},
		{"externally-failed", begins("externally-failed"), inService, true},
		{"failed", func() {
			s.ail(t, "b", strings.Replace(refusing, "tcp dport", "ip saddr 192.0.2.0/24 tcp dport", 1)) // not its probes
			load := s.clients(t, "192.0.2.10:80", 50)
			d.awaitState("b", "failed")
			unharmed(t, load.stop(), 1900*time.Millisecond)
			s.ail(t, "b", "")
		}, inService, true},
		{"max-capacity", func() {
			filling = s.hold(t, 30-d.showReals()["b"].Connections, "192.0.2.10:81")
			d.awaitState("b", "max-capacity")
		}, func() {
			_ = filling[0].Close()
			d.awaitState("b", "in-service")
		}, true},
	} {
		c.begin()
		before := d.showReals()["b"]
		if before.State != c.state {
			t.Fatalf("b is %s, want %s", before.State, c.state)
		}
		for range 12 {
			if real, _, err := s.once("192.0.2.10:80", time.Now().Add(patience)); err != nil || real == "b" {
				t.Errorf("%s: a new connection came to %q, %v", c.state, real, err)
			}
		}
		if now := d.showReals()["b"]; now.Opened != before.Opened {
			t.Errorf("%s: %d new connections were counted on b", c.state, now.Opened-before.Opened)
		}
		alive(t, live)
		// Whatever b accepts now is a probe; c shows the time.
		b, other := servers["b"].accepted.Load(), servers["c"].accepted.Load()
		err := netlab.Eventually(bound, func() error {
			if n := servers["c"].accepted.Load() - other; n < 6 {
				return fmt.Errorf("c was probed %d times", n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := servers["b"].accepted.Load() - b; c.probed != (n >= 3) || !c.probed && n > 1 { // one may have been on its way
			t.Errorf("%s: b was probed %d times while c was 6 times", c.state, n)
		}
		c.end()
		if n := tallyOf(s.hold(t, 9, "192.0.2.10:80"))["b"]; n == 0 {
			t.Errorf("after %s nothing comes to b", c.state)
		}
		for _, h := range filling {
			_ = h.Close()
		}
	}
}

// awaitState waits until a real has a state.
func (d *director) awaitState(real, state string) {
	d.t.Helper()
	err := netlab.Eventually(bound, func() error {
		if got := d.showReals()[real].State; got != state {
			return fmt.Errorf("real %s is %s, want %s", real, got, state)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestMaintenance takes a real out for a while: no new connections come to it, live ones go on; and an operator who
// mistypes is told what they may have meant.
func TestMaintenance(t *testing.T) {
	setup := widest()
	s := newSite(t)
	servers := s.serve(t)
	d := s.start(t, setup, ports(setup.queues)+realsOf(threeReals)+`virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a, b, c], predictor: roundrobin, slow-start: off, timers: {close-delay: 1s}}
`)
	all := s.hold(t, 30, "192.0.2.10:80")
	d.set("b", "maintenance")
	accepted := servers["b"].accepted.Load()
	for range 40 {
		if real, _, err := s.once("192.0.2.10:80", time.Now().Add(patience)); err != nil || real == "b" {
			t.Fatalf("a new connection during maintenance of b: %q, %v", real, err)
		}
	}
	if got := servers["b"].accepted.Load(); got != accepted {
		t.Errorf("the real in maintenance accepted %d connections", got-accepted)
	}
	alive(t, all)
	if len(of(all, "b")) == 0 {
		t.Error("no connection was held to b: this shows nothing")
	}
	d.set("b", "in-service")
	err := netlab.Eventually(bound, func() error {
		if real, _, err := s.once("192.0.2.10:80", time.Now().Add(patience)); err != nil || real != "b" {
			return fmt.Errorf("after maintenance %q answers, %w", real, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, h := range all {
		_ = h.Close()
	}
	drainedOf(d, "web")

	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"set", "real", "bb", "state", "maintenance"}, "no real 'bb'; did you mean 'b'?"},
		{[]string{"set", "real", "b", "state", "maintenence"}, "did you mean 'maintenance'?"},
		{[]string{"show", "virtual", "wbe"}, "did you mean 'web'?"},
		{[]string{"shwo", "real"}, "did you mean 'show'?"},
	} {
		_, err := d.tryLdctl(c.args...)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Count(strings.TrimSpace(err.Error()), "\n") != 0 {
			t.Errorf("ldctl %s: %v; want one line with %q", strings.Join(c.args, " "), err, c.says)
		}
	}
	if state := d.showReals()["b"].State; state != "in-service" {
		t.Errorf("b is %s after commands that were refused", state)
	}
}
