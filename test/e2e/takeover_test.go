package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// control is the process of the director's control core.
func (d *director) control() int {
	d.t.Helper()
	pid := 0
	d.eventually(func() error {
		all := d.Children(d.t)
		if len(all) != 1 {
			return fmt.Errorf("it has children %v, want one, control", all)
		}
		pid = all[0]
		return nil
	})
	return pid
}

// TestControlDies kills the control core's process, again and again, while clients open connections, hold others, and ping. None
// of them notices; and each successor knows what the one before it knew: states, knobs, counts, and what drains.
//
//	client ──► 192.0.2.10:80 (web)    ──► a, b, c    new connections all the time, 30 that are held, a is of weight 0, c failed
//	       ──► 192.0.2.10:81 (leaves) ──► a, b       10 that are held, of a virtual that the configuration has no more
func TestControlDies(t *testing.T) {
	setup := widest()
	s := newSite(t)
	servers := s.serve(t)
	const reals = `reals:
  - {name: a, address: 10.0.0.11, port: 8080, threshold: 4, retry: 1h}
  - {name: b, address: 10.0.0.12, port: 8080, threshold: 4, retry: 1h}
  - {name: c, address: 10.0.0.13, port: 8080, threshold: 4, retry: 1h}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a, b, c], predictor: roundrobin, timers: {close-delay: 1s}}
`
	d := s.start(t, setup, ports(setup.queues)+reals+`  - {name: leaves, address: 192.0.2.10, port: 81, reals: [a, b], predictor: roundrobin, timers: {close-delay: 1s}}
`)
	held := s.hold(t, 30, "192.0.2.10:80")
	leaving := s.hold(t, 10, "192.0.2.10:81")
	d.reload(ports(setup.queues) + reals)
	d.eventually(func() error {
		if !strings.Contains(d.Output(), "reloaded") {
			return errors.New("the director does not say that it has reloaded")
		}
		return nil
	})
	d.ldctl("set", "real", "a", "weight", "0")
	servers["c"].stop(t)
	events := s.follow(t, d)
	load := s.clients(t, "192.0.2.10:80", 50)
	events.await(bound, 1, "c", "failed")
	ping := s.client.Start("ping", "-q", "-i", "0.2", "192.0.2.10")

	before, opened := d.showReals(), d.metrics().get(t, "flows_opened_total")
	for round := range 3 {
		died := d.control()
		if err := syscall.Kill(died, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// While there is no control: all that were open live, and new ones come about.
		alive(t, held)
		alive(t, leaving)
		if real, _, err := s.once("192.0.2.10:80", time.Now().Add(patience)); err != nil || real == "c" {
			t.Errorf("round %d: real %q answered a new connection, %v", round, real, err)
		}
		d.eventually(func() error { _, err := d.tryLdctl("show", "real"); return err })
		if now := d.control(); now == died {
			t.Errorf("control is still process %d", now)
		}
		after := d.showReals()
		for name, was := range before {
			if is := after[name]; is.State != was.State || is.Weight != was.Weight {
				t.Errorf("round %d: real %s is %s of weight %d, was %s of weight %d", round, name, is.State, is.Weight, was.State, was.Weight)
			}
		}
		if n := d.showVirtual("leaves").Connections; n != len(leaving) {
			t.Errorf("round %d: %d connections of the virtual that drains, want %d", round, n, len(leaving))
		}
		if n := d.metrics().get(t, "flows_opened_total"); n < opened {
			t.Errorf("round %d: %v flows were opened, and %v before", round, n, opened)
		}
	}
	alive(t, held)
	alive(t, leaving)

	// It goes on: what drains ends, a reload and an operator are obeyed, and the failed real may return.
	for _, h := range slices.Concat(leaving, held) {
		_ = h.Close()
	}
	d.eventually(func() error {
		if all := show[shownVirtual](d, "virtual"); len(all) != 1 {
			return fmt.Errorf("%d virtuals are shown, want 1", len(all))
		}
		return nil
	})
	servers["c"].start()
	d.set("c", "in-service")
	d.reload(ports(setup.queues) + strings.Replace(reals, "retry: 1h", "retry: 1h, weight: 5", 1))
	d.eventually(func() error {
		if w := d.showReals()["a"].Weight; w != 5 {
			return fmt.Errorf("real a has weight %d, want 5", w)
		}
		return nil
	})
	unharmed(t, load.stop(), patience)
	ping.Signal(syscall.SIGINT)
	if _, err := ping.Wait(patience); err != nil || !strings.Contains(ping.Output(), " 0% packet loss") {
		t.Errorf("ping: %v: %s", err, ping.Output())
	}
	d.drained("web")
	d.stop()
	if n := strings.Count(d.Output(), "control died"); n != 3 {
		t.Errorf("the log tells of %d deaths, want 3", n)
	}
}
