package control

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"linedirector/conf"
	"linedirector/control/api"
	"linedirector/control/health"
)

// probing is twoPorts with a probe of each kind of port.
const probing = `
ports:
  - {name: outside, device: net_null0, addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: net_null1, addresses: [10.0.0.1/24], side: reals}
probes:
  - {name: page, type: http, path: /up, host: www.example.com, status: 200-204, interval: 3s, timeout: 1s, jitter: 25%, rise: 1, fall: 2, body: ok}
reals:
  - {name: a, address: 10.0.0.11, port: 8080, probe: page}
  - {name: b, address: 10.0.0.12, port: 8080, probe: {type: tcp, port: 9000}}
  - {name: c, address: 10.0.0.13, port: 8080, probe: {type: icmp}}
  - {name: d, address: 10.0.0.14, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a, b, c, d]}
`

// find reports a rise or fall, as the prober would.
func (r *rig) find(real string, up bool) {
	c := health.Change{Real: real, Type: health.TCP, Up: up, Cause: "connect: connection refused", Row: 3}
	if up {
		c.Cause = "answered"
	}
	r.prober.report(c)
}

func TestTargets(t *testing.T) {
	inRun(t, probing, func(t *testing.T, r *rig) {
		r.prober.mu.Lock()
		defer r.prober.mu.Unlock()
		if len(r.prober.sets) != 1 || len(r.prober.sets[0]) != 3 {
			t.Fatalf("%+v", r.prober.sets)
		}
		a := r.prober.sets[0][0]
		body := a.Spec.Body
		if a.Spec.Body = nil; body == nil || body.String() != "ok" {
			t.Errorf("body %v", body)
		}
		want := health.Target{Real: "a", Address: addr("10.0.0.11"), Spec: health.Spec{
			Type: health.HTTP, Port: 8080, Interval: 3 * time.Second, Timeout: time.Second, Jitter: 0.25, Rise: 1, Fall: 2,
			Path: "/up", Host: "www.example.com", Status: []health.StatusRange{{First: 200, Last: 204}},
		}}
		if !reflect.DeepEqual(a, want) {
			t.Errorf("%+v, want %+v", a, want)
		}
		if b := r.prober.sets[0][1].Spec; b.Type != health.TCP || b.Port != 9000 || b.Host != "" {
			t.Errorf("%+v", b)
		}
		if c := r.prober.sets[0][2].Spec; c.Type != health.ICMP || c.Port != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// Every key of a probe comes to who probes.
func TestSpec(t *testing.T) {
	p := &conf.Probe{
		Name: "x", Type: conf.ProbeDNS, SNI: "s", Verify: true, Send: []byte("ping"), Query: "q", Record: "A", Answer: "192.0.2.1",
		Path: "/", Host: "h", Interval: 1, Timeout: 2, Rise: 3, Fall: 4,
	}
	s := spec(&conf.Real{Port: 53, Probe: p})
	if s.SNI != "s" || !s.Verify || string(s.Send) != "ping" || s.Query != "q" || s.Record != "A" || s.Answer != "192.0.2.1" || s.Port != 53 {
		t.Errorf("%+v", s)
	}
	for of, want := range map[conf.ProbeType]string{
		conf.ProbeICMP: "icmp", conf.ProbeTCP: "tcp", conf.ProbeHTTP: "http", conf.ProbeHTTPS: "https", conf.ProbeUDP: "udp", conf.ProbeDNS: "dns",
	} {
		if got := probeTypes[of].String(); got != want {
			t.Errorf("%v is %s", of, got)
		}
	}
}

func TestProbeFallsAndRises(t *testing.T) {
	inRun(t, probing, func(t *testing.T, r *rig) {
		happened := r.happened(t)
		r.find("a", false)
		equal(t, "fall", r.tiers(80, tcp), []string{"leastconns: b*1 c*1 d*1"})
		e := r.journal.Since(0)[0]
		if e.Cause != "tcp probe: connect: connection refused, 3 in a row" {
			t.Errorf("%+v", e)
		}
		wait(5 * time.Minute)
		r.find("a", true)
		equal(t, "rise", r.tiers(80, tcp), []string{"leastconns: a*1~ b*1 c*1 d*1"})

		// What clients found is overruled, and a trial ended.
		r.ditch("b", 8, false)
		wait(time.Minute + 2*grain)
		r.find("b", false)
		if r.shared.TakeTrial(r.slot("b")) {
			t.Error("an externally failed real has a trial")
		}
		r.find("b", true)
		equal(t, "events", happened(), []string{
			"a: in-service → externally-failed", "a: externally-failed → in-service",
			"b: in-service → failed", "b: failed → testing", "b: testing → externally-failed", "b: externally-failed → in-service",
		})
		_, n := r.workers.last()
		r.find("nobody", false)
		r.find("a", true)
		if _, again := r.workers.last(); again != n || happened() != nil {
			t.Error("something changed")
		}
	})
}

// Probes go where the state wants them, and begin anew where the operator overrules them.
func TestProbesFollowStates(t *testing.T) {
	inRun(t, probing, func(t *testing.T, r *rig) {
		state := func(name, to string) {
			t.Helper()
			if err := r.setState(name, to); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, "start", r.prober.told(), []string{"a b c"})
		state("a", api.Maintenance)
		equal(t, "maintenance", r.prober.told(), []string{"b c"})
		state("a", api.OutOfService)
		state("a", api.StickyOnly)
		state("a", api.InService)
		equal(t, "back", r.prober.told(), []string{"a b c"})

		r.find("a", false)
		equal(t, "a fall", r.prober.told(), nil)
		state("a", api.InService)
		equal(t, "overruled", r.prober.told(), []string{"b c", "a b c"})

		// The operator's own hold does not end with a probe's rise.
		r.find("b", false)
		state("b", api.ExternallyFailed)
		r.find("b", true)
		if got := r.Reals()[1]; got.State != api.ExternallyFailed || got.Cause != "operator" {
			t.Errorf("%+v", got)
		}
		r.prober.told()

		// A reload: what a probe holds down begins so, under a changed probe, too; without a probe it is free.
		r.find("a", false)
		r.find("c", false)
		next := strings.NewReplacer("fall: 2", "fall: 1", ", probe: {type: icmp}", "").Replace(probing)
		if err := r.Reload(parse(t, next)); err != nil {
			t.Fatal(err)
		}
		equal(t, "reload", r.prober.told(), []string{"a(down) b"})
		if got := r.Reals(); got[0].State != api.ExternallyFailed || got[2].State != api.InService || got[2].Cause != "no probe any more" {
			t.Errorf("%+v", got)
		}

		// The file's state overrules, too.
		if err := r.Reload(parse(t, strings.Replace(next, "probe: page", "probe: page, state: sticky-only", 1))); err != nil {
			t.Fatal(err)
		}
		equal(t, "by the file", r.prober.told(), []string{"b", "a b"})
		r.find("a", false)
		r.find("a", true)
		if got := r.Reals()[0]; got.State != api.StickyOnly {
			t.Errorf("a probe took a real out of what the operator said: %+v", got)
		}
	})
}

func TestProbeIsShown(t *testing.T) {
	inRun(t, probing, func(t *testing.T, r *rig) {
		at := time.Now()
		r.prober.mu.Lock()
		r.prober.status = []health.Status{{Target: health.Target{Real: "a"}, Cause: "status 503", At: at}, {Target: health.Target{Real: "b"}, Up: true}}
		r.prober.mu.Unlock()
		all := r.Reals()
		if got := *all[0].Probe; got != (api.Probe{Type: "http", Last: at, Cause: "status 503"}) {
			t.Errorf("%+v", got)
		}
		if got := *all[1].Probe; got != (api.Probe{Type: "tcp", Up: true}) {
			t.Errorf("%+v", got)
		}
		if all[3].Probe != nil {
			t.Errorf("%+v", all[3].Probe)
		}
	})
}

// The real prober, too: nothing listens on a port of this machine, and the real there goes.
func TestWithTheProber(t *testing.T) {
	quick := strings.NewReplacer("probe: page", "probe: {type: tcp, port: 9, interval: 100ms, fall: 1}", "fall: 2", "fall: 3").Replace(probing)
	r, c := newRig(t, 1), parse(t, quick)
	c.Reals[0].Address = addr("127.0.0.1")
	wanted := r.config(c)
	wanted.NewProber = nil
	var err error
	if r.Director, _, err = New(wanted); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	r.run(t)
	for end := time.Now().Add(10 * time.Second); r.Reals()[0].State != api.ExternallyFailed; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", r.Reals()[0])
		}
	}
	if got := r.Reals()[0]; got.Probe.Up || got.Cause != "tcp probe: connect: connection refused, 1 in a row" {
		t.Errorf("%+v", got)
	}
}

// After Run nothing is probed, and nothing changes any more.
func TestEndOfProbes(t *testing.T) {
	r := newRigOf(t, 1, probing)
	r.locked(func() { r.probe(true) })
	r.locked(func() { r.probe(false) })
	equal(t, "sets", r.prober.told(), []string{"a b c", ""})
	r.find("a", false)
	if _, n := r.workers.last(); n != 0 {
		t.Error("published after the end")
	}
	if err := r.Close(); err != nil || !r.prober.closed {
		t.Errorf("Close: %v; the prober is closed: %v", err, r.prober.closed)
	}
}
