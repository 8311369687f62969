package e2e

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// Clients' connections while reals fail (SPEC.md section 4). The usual network, mostly with the fourth real:
//
//	client                    director                        switch          a, b, c, d
//	eth0 192.0.2.100 ─── eth-out [outside] [inside] eth-in ─── br0 ─┬─ eth0 10.0.0.11
//	100 connections a         192.0.2.1         10.0.0.1            ├─ eth0 10.0.0.12   each answers its name;
//	second to 192.0.2.10:80                                         ├─ eth0 10.0.0.13   faults are nftables
//	                                                                └─ eth0 10.0.0.14   rules in its namespace

// group is a configuration: the four reals, and one virtual of them whose further keys are given.
func group(queues int, keys string) string {
	return ports(queues) + realsOf(fourReals) + fmt.Sprintf(`virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a, b, c, d], timers: {close-delay: 1s}, %s}
`, keys)
}

// realsOf are reals without further keys.
func realsOf(names []string) string {
	var text strings.Builder
	text.WriteString("reals:\n")
	for _, name := range names {
		fmt.Fprintf(&text, "  - {name: %s, address: %s, port: 8080}\n", name, realAddresses[name])
	}
	return text.String()
}

// TestSilence cuts one of four reals' machines off without a word: no client loses a connection, the real fails by its
// 8th ditched connection in a row, is tried by one connection after each retry time, and once it answers gets its
// share back bit by bit.
func TestSilence(t *testing.T) {
	setup := widest()
	s := newSiteOf(t, fourReals)
	servers := s.serve(t)
	s.slowSYNs()
	d := s.start(t, setup, group(setup.queues, "predictor: roundrobin, retry: 2s, slow-start: 4s"))
	events := s.follow(t, d)
	load := s.clients(t, "192.0.2.10:80", 100)
	load.more(t, 50)

	ill := time.Now()
	s.ail(t, "b", silence)
	failed := events.await(bound, 1, "b", "failed")
	t.Logf("failed %v after its machine was cut off: %s", failed.Time.Sub(ill).Round(time.Millisecond), failed.Text)
	if failed.From != "in-service" || failed.Numbers.Threshold != 8 || failed.Numbers.ByReset != 0 {
		t.Errorf("the event is %+v, want in-service to failed by silence, threshold 8", failed)
	}
	// The event shows the run at the moment when it is written, some microseconds after the 8th.
	if n := failed.Numbers; n.Ditched < 8 || n.Ditched > 10 || n.BySilence != n.Ditched {
		t.Errorf("it failed after %d consecutive ditched connections, want 8", n.Ditched)
	}
	reached := s.attempts(t, "b")

	// The first trial finds it silent still.
	again := events.await(bound, 2, "b", "failed")
	if again.From != "testing" {
		t.Errorf("it failed again from %s, want testing; its events: %s", again.From, events.text("b"))
	}
	if trials := s.attempts(t, "b") - reached; trials != 1 {
		t.Errorf("%d new connections were sent to the failed real, want one, the trial", trials)
	}

	// The second one's first SYN is lost, its second one answered.
	s.ail(t, "b", waking)
	accepted := servers["b"].accepted.Load()
	events.await(bound, 2, "b", "testing")
	err := netlab.Eventually(bound, func() error {
		if s.attempts(t, "b") == 0 {
			return fmt.Errorf("no trial connection comes to the real")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	load.more(t, 50)
	if trials := s.attempts(t, "b"); trials != 1 {
		t.Errorf("%d connections were sent to a real that is tried, want one, over all workers", trials)
	}
	if state := d.showReals()["b"].State; state != "testing" {
		t.Errorf("half a second into its trial the real is %s, want testing", state)
	}
	back := events.await(bound, 1, "b", "in-service")
	if back.From != "testing" {
		t.Errorf("it is in service from %s, want testing", back.From)
	}
	if left := d.showReals()["b"].SlowStart; left == nil || *left > 4 {
		t.Errorf("its slow start's rest is not shown: %v", left)
	}
	err = netlab.Eventually(bound, func() error {
		if time.Since(back.Time) < 6*time.Second { // 4 of them slow start
			return fmt.Errorf("two seconds after slow start are not over")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := load.stop()
	unharmed(t, all, 4*time.Second)
	if servers["b"].accepted.Load() == accepted {
		t.Error("the real that returned accepted nothing")
	}

	// Linear from nothing to the whole, which is a quarter: in the middle of these spans an eighth and so on of it.
	at := func(seconds float64) time.Time { return back.Time.Add(time.Duration(seconds * float64(time.Second))) }
	first, middle, last := shareOf(between(all, at(0), at(1)), "b"), shareOf(between(all, at(1), at(4)), "b"), shareOf(between(all, at(4), at(6)), "b")
	t.Logf("its share in the first second of slow start: %.1f %%, in the next three: %.1f %%, then: %.1f %%", 100*first, 100*middle, 100*last)
	if first > 0.08 || middle < first || middle > 0.22 || math.Abs(last-0.25) > 0.05 {
		t.Error("want some 3 % at first, 16 % then, 25 % in the end")
	}
	drainedOf(d, "web")
}

// TestRefusals has one of four reals refuse, by RST, as a machine does whose server has died, or by ICMP unreachable:
// each client is rescued by its second SYN, which comes after a second.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name       string
		begin, end func(t *testing.T, s *site, b *server)
	}{
		{
			"port closed",
			func(t *testing.T, _ *site, b *server) { b.stop(t) },
			func(_ *testing.T, _ *site, b *server) { b.start() },
		},
		{
			"host unreachable",
			func(t *testing.T, s *site, _ *server) { s.ail(t, "b", unreachable) },
			func(t *testing.T, s *site, _ *server) { s.ail(t, "b", "") },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			setup := widest()
			s := newSiteOf(t, fourReals)
			servers := s.serve(t)
			s.slowSYNs()
			s.reals["b"].Run("sysctl", "-eqw", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=100000")
			d := s.start(t, setup, group(setup.queues, "predictor: roundrobin, retry: 1500ms, slow-start: 1s"))
			events := s.follow(t, d)
			load := s.clients(t, "192.0.2.10:80", 100)
			load.more(t, 30)

			ill := time.Now()
			c.begin(t, s, servers["b"])
			failed := events.await(bound, 1, "b", "failed")
			t.Logf("failed after %v: %s", failed.Time.Sub(ill).Round(time.Millisecond), failed.Text)
			if n := failed.Numbers; n.Ditched < 8 || n.Ditched > 10 || n.ByReset != n.Ditched || n.BySilence != 0 {
				t.Errorf("the event's numbers are %+v, want 8 ditched, all by reset", n)
			}
			again := events.await(bound, 2, "b", "failed")
			if again.From != "testing" || !strings.Contains(again.Cause, "refused") {
				t.Errorf("its trial ended like this: %s; want it refused", again.Text)
			}
			c.end(t, s, servers["b"])
			events.await(bound, 1, "b", "in-service")
			accepted := servers["b"].accepted.Load()
			load.more(t, 100)
			unharmed(t, load.stop(), 1900*time.Millisecond) // the third SYN would come after 3 s
			if servers["b"].accepted.Load() == accepted {
				t.Error("the real that returned accepted nothing")
			}
			if b := d.showReals()["b"]; b.Reassigned == 0 || b.Reassigned > b.ByReset || b.BySilence != 0 {
				t.Errorf("%d of %d refused connections were reassigned, %d were silent", b.Reassigned, b.ByReset, b.BySilence)
			}
			drainedOf(d, "web")
		})
	}
}

// TestFlaky has one of four reals lose every other SYN, at random. A connection is ditched if the first SYN and the
// second one are lost, which is one in four; the third comes after 3 s and goes elsewhere. A success ends the run, so
// that 16 in a row come once in 4¹⁶ connections, though far more than 16 are ditched: of 225 about 50, and fewer than 17
// once in a million runs.
func TestFlaky(t *testing.T) {
	setup := widest()
	s := newSiteOf(t, fourReals)
	s.serve(t)
	s.slowSYNs()
	d := s.start(t, setup, group(setup.queues, "predictor: roundrobin, threshold: 16"))
	events := s.follow(t, d)
	s.ail(t, "b", flaky)
	load := s.clients(t, "192.0.2.10:80", 150)
	load.more(t, 900)
	s.ail(t, "b", "")
	// As long as one is still to be ditched there are successes between.
	load.more(t, 525)
	unharmed(t, load.stop(), 4*time.Second)
	b := d.showReals()["b"]
	t.Logf("%d of its connections were ditched", b.BySilence)
	if b.BySilence <= 16 {
		t.Errorf("%d connections were ditched, want more than 16: otherwise this shows nothing", b.BySilence)
	}
	if b.State != "in-service" || b.Ditched != 0 || len(events.events()) > 0 {
		t.Errorf("it is %s with a run of %d ditched connections, want in-service and 0; events: %s", b.State, b.Ditched, events.text("b"))
	}
	drainedOf(d, "web")
}

// TestAllDead cuts all reals off. One virtual refuses then, the other keeps silent; both serve again when the reals
// come back.
func TestAllDead(t *testing.T) {
	setup := widest()
	s := newSiteOf(t, fourReals)
	s.serve(t)
	s.slowSYNs()
	d := s.start(t, setup, ports(setup.queues)+realsOf(fourReals)+`virtuals:
  - {name: refuses, address: 192.0.2.10, port: 80, reals: [a, b, c, d], predictor: roundrobin, retry: 1s, slow-start: off, no-real: rst, timers: {close-delay: 1s}}
  - {name: silent, address: 192.0.2.10, port: 81, reals: [a, b, c, d], predictor: roundrobin, retry: 1s, slow-start: off, no-real: drop, timers: {close-delay: 1s}}
`)
	events := s.follow(t, d)
	refuses, silent := s.clients(t, "192.0.2.10:80", 60), s.clients(t, "192.0.2.10:81", 60)
	refuses.more(t, 10)
	d.pastSilence() // of the start, in which it refuses nobody
	ill := time.Now()
	for _, name := range s.names() {
		s.ail(t, name, silence)
	}
	var dead time.Time
	for _, name := range s.names() {
		if failed := events.await(bound, 1, name, "failed"); failed.Time.After(dead) {
			dead = failed.Time
		}
	}
	t.Logf("all were failed %v after they were cut off", dead.Sub(ill).Round(time.Millisecond))
	refuses.more(t, 60)
	none := d.showVirtual("refuses")
	if none.Active.Tier != "none" || none.NoReal == 0 {
		t.Errorf("the virtual without reals is %+v, want none active, and some refused", none)
	}
	for name, r := range d.showReals() {
		if r.State != "failed" && r.State != "testing" {
			t.Errorf("real %s is %s", name, r.State)
		}
	}
	well := time.Now()
	for _, name := range s.names() {
		s.ail(t, name, "")
	}
	for _, name := range s.names() {
		events.await(bound, 1, name, "in-service")
	}
	served := time.Now()
	t.Logf("all were in service %v after they were well", served.Sub(well).Round(time.Millisecond))
	refuses.more(t, 40)

	all := refuses.stop()
	slow, quick := 0, 0
	for _, c := range between(all, dead, well) {
		switch {
		case c.err == nil: // a trial that waited long enough, or that was moved to a real that came back
			slow++
		case !refused(c.err):
			t.Errorf("a connection to the virtual that refuses ended so: %v", c.err)
		default:
			quick++
		}
	}
	t.Logf("no-real: rst: %d connections refused, %d served later", quick, slow)
	if quick < 30 || slow > 8*len(fourReals) {
		t.Errorf("while all were dead %d connections were refused and %d waited, want most refused", quick, slow)
	}
	unharmed(t, between(all, served, time.Now()), 4*time.Second)

	all = silent.stop()
	waited := between(all, dead, well)
	if len(waited) < 30 {
		t.Errorf("only %d connections began while all were dead", len(waited))
	}
	for _, c := range waited {
		if c.err == nil && c.begin.Add(c.connect).Before(well) || refused(c.err) {
			t.Errorf("a connection to the virtual that keeps silent began %v before the reals were well and was connected after %v, error %v",
				well.Sub(c.begin), c.connect, c.err)
			break
		}
	}
	// Silence leaves clients the hope that SYNs bring which they repeat.
	unharmed(t, waited, patience)
	drainedOf(d, "refuses", "silent")
}

// TestCountsAfterFailures runs leastconns with one real dead and another one refusing, and wants every count at
// exactly 0 in the end: a shipped bug of the original was that they drifted.
func TestCountsAfterFailures(t *testing.T) {
	setup := widest()
	s := newSiteOf(t, fourReals)
	servers := s.serve(t)
	s.slowSYNs()
	d := s.start(t, setup, group(setup.queues, "predictor: leastconns, retry: 1s, slow-start: off, threshold: 20"))
	before := s.clients(t, "192.0.2.10:80", 200)
	before.more(t, 50)
	unharmed(t, before.stop(), time.Second)
	// A connection that the cut caught would count on b all through the silence, and leastconns would spare b for it.
	drainedOf(d, "web")
	s.ail(t, "b", silence)
	servers["c"].stop(t)
	load := s.clients(t, "192.0.2.10:80", 200)
	load.more(t, 800)
	s.ail(t, "b", "")
	servers["c"].start()
	load.more(t, 300)
	unharmed(t, load.stop(), 7500*time.Millisecond) // one may meet the silent one and then the refusing one
	for _, name := range []string{"b", "c"} {
		if r := d.showReals()[name]; r.BySilence+r.ByReset == 0 || r.Reassigned == 0 {
			t.Errorf("real %s ditched nothing: %+v", name, r)
		}
	}
	drainedOf(d, "web")
	for name, r := range d.showReals() {
		if r.Connections != 0 {
			t.Errorf("ldctl shows %d connections of real %s, want 0", r.Connections, name)
		}
	}
}

// drainedOf is the director's drained, for the virtuals that are named, of which all flows have been TCP.
func drainedOf(d *director, virtuals ...string) {
	d.t.Helper()
	d.drained(virtuals...)
	for _, name := range virtuals {
		if v := d.showVirtual(name); v.Connections != 0 || v.HalfOpen != 0 {
			d.t.Errorf("virtual %s has %d connections and %d half-open ones, want 0", name, v.Connections, v.HalfOpen)
		}
	}
}
