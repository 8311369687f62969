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
