package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Predictors (SPEC.md section 3), with real clients and servers, against what theory says. The usual network; where a
// test wants more reals than machines, they are ports of machine a:
//
//	client                    director                        switch          a, b, c
//	eth0 192.0.2.100 ─── eth-out [outside] [inside] eth-in ─── br0 ─┬─ eth0 10.0.0.11 :8080, :8100 …
//	                      192.0.2.1         10.0.0.1                ├─ eth0 10.0.0.12 :8080
//	virtuals: 192.0.2.10, a port each                               └─ eth0 10.0.0.13 :8080
//
// Before most of them some connections are held to one real alone, by another virtual: a predictor that looks at
// connections then does otherwise than one that does not, and none passes for another.
//
//	predictors_test.go   roundrobin, weighted, leastconns, loaded, p2c
//	fastest_test.go      fastest
//	hash_test.go         hash
//	slowstart_test.go    the share of a real that returns
//
// PREDICTORS=/some/folder has each of them write there what it measured; perf/predictors draws that.

// result is what a test measured of one real's share, beside what theory says; shares are of 1.
type result struct {
	predictor     string
	setting       string
	real          string
	theory, share float64
	connections   int // of all reals
}

// row is a line of the table in docs/predictors.md.
type row struct{ Predictor, Setting, Real, Theory, Measured string }

// rows are results for the table.
func rows(results []result) []row {
	percent := func(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
	var all []row
	for _, r := range results {
		all = append(all, row{r.predictor, fmt.Sprintf("%s; %d connections", r.setting, r.connections), r.real, percent(r.theory), percent(r.share)})
	}
	return all
}

// publish writes what was measured to the folder that PREDICTORS names, if any.
func publish(t *testing.T, name string, measured any) {
	t.Helper()
	dir := os.Getenv("PREDICTORS")
	if dir == "" || t.Failed() {
		return
	}
	text, err := json.Marshal(measured)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".json"), text, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

// tally counts who answers connections.
type tally map[string]int

// tallyOf is that of connections that are held.
func tallyOf(all []held) tally {
	got := tally{}
	for _, h := range all {
		got[h.real]++
	}
	return got
}

// results are the tally's, against the shares in theory.
func (got tally) results(predictor, setting string, theory map[string]float64) []result {
	total := 0
	for _, n := range got {
		total += n
	}
	var all []result
	for _, name := range slices.Sorted(maps.Keys(theory)) {
		all = append(all, result{predictor, setting, name, theory[name], float64(got[name]) / float64(total), total})
	}
	return all
}

// wants compares a tally with theory, in connections, and wants each real no further off than by so many.
func (got tally) wants(t *testing.T, results []result, off float64) {
	t.Helper()
	for _, r := range results {
		want := r.theory * float64(r.connections)
		t.Logf("%s: real %s has %d of %d connections, in theory %.1f", r.predictor, r.real, got[r.real], r.connections, want)
		if math.Abs(float64(got[r.real])-want) > off {
			t.Errorf("%s, %s: real %s has %d of %d connections, want %.1f ± %.1f",
				r.predictor, r.setting, r.real, got[r.real], r.connections, want, off)
		}
	}
}

// pass opens and closes so many connections, up to 250 at a time, and counts who answered.
func (s *site) pass(t *testing.T, n int, address string) tally {
	t.Helper()
	got := tally{}
	for n > 0 {
		batch := min(n, 250)
		for _, h := range s.hold(t, batch, address) {
			got[h.real]++
			_ = h.Close()
		}
		n -= batch
	}
	return got
}

// portsFrom has the client open its next connections from ports that begin with so many thousands. From one client's port
// only one connection can go to a real, whatever the virtuals: another virtual's is sent elsewhere (SPEC.md section 3),
// and its predictor would seem to err.
func (s *site) portsFrom(thousands int) {
	s.client.Run("sysctl", "-qw", fmt.Sprintf("net.ipv4.ip_local_port_range=%d000 %d999", thousands, thousands+8))
}

// TestPredictorsInTurn: roundrobin gives each real as much, whatever its weight, weighted as much as its weight says, and
// both whatever connections there are already.
//
// Nothing in it is left to chance: each worker has a rotation of its own, any part of which holds a real's share but for
// one connection. So the tolerance is two a worker.
func TestPredictorsInTurn(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		s.serve(t)
		s.start(t, setup, ports(setup.queues)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080, weight: 5}
  - {name: b, address: 10.0.0.12, port: 8080, weight: 3}
  - {name: c, address: 10.0.0.13, port: 8080, weight: 2}
virtuals:
  - {name: busy, address: 192.0.2.10, port: 80, reals: [a]}
  - {name: turns, address: 192.0.2.10, port: 81, reals: [a, b, c], predictor: roundrobin}
  - {name: weights, address: 192.0.2.10, port: 82, reals: [a, b, c], predictor: weighted}
`)
		s.portsFrom(10)
		s.hold(t, 100, "192.0.2.10:80")
		var all []result
		for i, c := range []struct {
			predictor, address string
			theory             map[string]float64
		}{
			{"roundrobin", "192.0.2.10:81", map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}},
			{"weighted", "192.0.2.10:82", map[string]float64{"a": 0.5, "b": 0.3, "c": 0.2}},
		} {
			s.portsFrom(20 + 10*i)
			got := s.pass(t, 1500, c.address)
			results := got.results(c.predictor, "weights 5, 3, 2", c.theory)
			got.wants(t, results, 2*float64(1+strings.Count(setup.lcores, ",")))
			all = append(all, results...)
		}
		publish(t, "turns", rows(all))
	})
}

// TestPredictorsByCount: leastconns, loaded and p2c, with connections that stay. One worker, since workers learn of one
// another's connections a millisecond late, which would blur how exact these predictors are.
func TestPredictorsByCount(t *testing.T) {
	s := newSite(t)
	s.serve(t)
	three, five, twenty := s.farm(3, 8100), s.farm(5, 8200), s.farm(20, 8300)
	d := s.start(t, oneWorker, ports(1)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080, weight: 5}
  - {name: b, address: 10.0.0.12, port: 8080, weight: 3}
  - {name: c, address: 10.0.0.13, port: 8080, weight: 2}
`+farmed(three[:1], "load: 40")+farmed(three[1:], "load: 0")+farmed(five, "load: 0")+farmed(twenty, "load: 0")+`virtuals:
`+virtualOf(81, "leastconns", []string{"a", "b", "c"})+
		virtualOf(82, "loaded", three)+
		virtualOf(83, "leastconns", five[1:])+
		virtualOf(84, "p2c", five)+
		virtualOf(85, "p2c", twenty))

	t.Run("leastconns", func(t *testing.T) {
		all := s.hold(t, 200, "192.0.2.10:81")
		got := tallyOf(all)
		results := got.results("leastconns", "weights 5, 3, 2; long", map[string]float64{"a": 0.5, "b": 0.3, "c": 0.2})
		got.wants(t, results, 1)
		publish(t, "leastconns", rows(results))
		// Who has lost connections gets the next ones, all of them.
		left := of(all, "b")
		for _, h := range left {
			_ = h.Close()
		}
		d.await(0, "real_connections", "real", "b")
		if got := tallyOf(s.hold(t, len(left), "192.0.2.10:81")); got["b"] < len(left)-1 {
			t.Errorf("of %[1]d connections after real b had lost %[1]d it got %[2]d, want all", len(left), got["b"])
		}
	})

	t.Run("loaded", func(t *testing.T) {
		// The others have 40 each before the one with a load of 40 gets any; from there on all get the same.
		before, after := tallyOf(s.hold(t, 80, "192.0.2.10:82")), tallyOf(s.hold(t, 90, "192.0.2.10:82"))
		first := before.results("loaded", "the first has a load of 40; long",
			map[string]float64{three[0]: 0, three[1]: 0.5, three[2]: 0.5})
		before.wants(t, first, 1)
		then := after.results("loaded", "then; long", map[string]float64{three[0]: 1. / 3, three[1]: 1. / 3, three[2]: 1. / 3})
		after.wants(t, then, 1)
		publish(t, "loaded", rows(append(first, then...)))
	})

	// Of five reals one is empty, and stays far behind the others, who have 120 each: it gets every connection for
	// which it is drawn: first, second, or as the neighbour of one that is drawn twice, 1/5 + 4/5·1/5 + 1/25 = 2/5.
	// Five standard deviations of that binomial are 35 connections: a false alarm is rarer than 1 in 10⁶. By turns it
	// would get 40 of 200, with leastconns 136.
	t.Run("p2c, one of five", func(t *testing.T) {
		s.portsFrom(10)
		s.hold(t, 480, "192.0.2.10:83")
		s.portsFrom(20)
		got := tallyOf(s.hold(t, 200, "192.0.2.10:84"))
		results := got.results("p2c", "of five reals four have 120 connections each, the fifth none; long", map[string]float64{five[0]: 0.4})
		got.wants(t, results, 35)
		publish(t, "p2c", rows(results))
	})

	// 600 connections on twenty reals. In two million runs with a good random generator the fullest had 3 more than the
	// mean at most, and that in 1 of 1,300; each step further is rarer by far more than the one before.
	t.Run("p2c, twenty", func(t *testing.T) {
		got := tallyOf(s.hold(t, 600, "192.0.2.10:85"))
		fullest := 0
		for _, n := range got {
			fullest = max(fullest, n)
		}
		t.Logf("the fullest of 20 reals has %d of 600 connections, the mean is 30", fullest)
		if fullest > 34 || len(got) != len(twenty) {
			t.Errorf("the fullest of %d reals has %d of 600 connections, want all 20 reals, and at most 4 more than the mean of 30: %v",
				len(got), fullest, got)
		}
		publish(t, "p2c-fullest", []row{{"p2c", "twenty reals; 600 long connections, 30 on each in the mean", "the fullest", "33 at most", fmt.Sprint(fullest)}})
	})
}

// farm serves on machine a, on so many ports from one on, and returns the reals' names.
func (s *site) farm(n, port int) []string {
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("p%d", port+i)
		go accept(s.reals["a"].Listen(realAddress("a", port+i)), (&server{name: names[i]}).answer)
	}
	return names
}

// farmed are the configuration's lines for reals of farm, with a further key.
func farmed(names []string, key string) string {
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "  - {name: %s, address: 10.0.0.11, port: %s, %s}\n", name, name[1:], key)
	}
	return text.String()
}

// virtualOf is a configuration's line for a virtual, whose name goes by its port.
func virtualOf(port int, predictor string, reals []string) string {
	return fmt.Sprintf("  - {name: v%d, address: 192.0.2.10, port: %d, predictor: %s, reals: [%s]}\n",
		port, port, predictor, strings.Join(reals, ", "))
}
