package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// TestPredictorFastest has one real answer late, the other one four times as late, and checks each single choice by the
// formula, from what ldctl shows: PR = NC·R − aging·age, NC the connections with the new one, the least wins. First with
// connections that stay, then with one at a time, where the slow real is quick again but nobody knows: age must find out.
//
//	client ─── director ─── switch ─┬─ wire-a, 20 ms back ─── a
//	                                └─ wire-b, 80 ms back ─── b
//
// A choice between two whose PR are closer to each other than the test knows the time is not judged; all others must be
// right. A busy machine delays SYN-ACKs, which the director measures and ldctl shows, and so changes choices, as the formula
// says. One worker, as others learn of a measurement a millisecond late.
func TestPredictorFastest(t *testing.T) {
	const (
		slow, quick = 80 * time.Millisecond, 20 * time.Millisecond
		long, short = 1e-3, 40e-3 // aging of the two virtuals, by second
		conns       = 60
	)
	s := newSiteOf(t, threeReals[:2], "a", "b")
	s.serve(t)
	s.lags["a"].Set(quick)
	s.lags["b"].Set(slow)
	d := s.start(t, oneWorker, ports(1)+realsOf(threeReals[:2])+`virtuals:
  - {name: busy, address: 192.0.2.10, port: 81, reals: [a, b], predictor: fastest}
  - {name: idle, address: 192.0.2.10, port: 82, reals: [a, b], predictor: fastest, fastest: {aging: 40ms}}
  - {name: only, address: 192.0.2.10, port: 83, reals: [b]}
`)
	o := &oracle{d: d, measured: map[string]span{}, lags: map[string]time.Duration{"a": quick, "b": slow}}

	s.portsFrom(10)
	var all []held
	type extremes struct{ least, most float64 }
	seen := map[string]extremes{}
	judged := 0
	for len(all) < conns {
		h, predicted := o.next(t, s, "192.0.2.10:81", long)
		all = append(all, h)
		if predicted != "" {
			judged++
			if h.real != predicted {
				t.Fatalf("connection %d came to %s, and %s", len(all), h.real, o.text)
			}
		}
		r := *d.showReals()[h.real].Response
		e, ok := seen[h.real]
		if !ok {
			e.least = r
		}
		seen[h.real] = extremes{min(e.least, r), max(e.most, r)}
	}
	t.Logf("of %d choices %d were judged, all right; R of a from %.1f to %.1f ms, of b from %.1f to %.1f ms", conns, judged,
		1e3*seen["a"].least, 1e3*seen["a"].most, 1e3*seen["b"].least, 1e3*seen["b"].most)
	if judged < conns/2 {
		t.Errorf("only %d of %d choices were judged", judged, conns)
	}
	// NC·R is the same for both in the end, whatever R is just then: hence the shares lie between what the extremes of R
	// give, but for the last connection, and for what age takes off, which is less than another one.
	got := tallyOf(all)
	least := seen["b"].least/(seen["b"].least+seen["a"].most)*conns - 2
	most := seen["b"].most/(seen["b"].most+seen["a"].least)*conns + 2
	t.Logf("the quick real has %d of %d connections; by R it must be from %.1f to %.1f", got["a"], conns, least, most)
	if n := float64(got["a"]); n < least || n > most {
		t.Errorf("the quick real has %.0f of %d connections, by R it must be from %.1f to %.1f", n, conns, least, most)
	}
	results := got.results("fastest", "R of 20 and 80 ms; long", map[string]float64{"a": 0.8, "b": 0.2})

	// Idle: b is quick from now on. Age makes up for the difference after (80 − 20 ms) / 40 ms = 1.5 s.
	for _, h := range all {
		_ = h.Close()
	}
	d.await(0, "real_connections", "real", "a")
	d.await(0, "real_connections", "real", "b")
	s.portsFrom(20)
	for *d.showReals()["b"].Response > 1.2*slow.Seconds() { // it was a busy moment, which would take long to age
		begin := time.Now()
		_ = s.hold(t, 1, "192.0.2.10:83")[0].Close()
		o.measured["b"] = span{begin.Add(slow), time.Now()}
	}
	d.await(0, "real_connections", "real", "b")
	s.lags["b"].Set(0)
	o.lags["b"] = 0
	last, found, owed, ofQuick := o.measured["b"].from, time.Time{}, 0.0, 0.0
	after := tally{}
	judged = 0
	for end := time.Now().Add(2 * bound); found.IsZero() || time.Since(found) < time.Second; {
		if time.Now().After(end) {
			t.Fatalf("b is quick again, and gets nothing; %s", o.text)
		}
		reals, ofA := d.showReals(), time.Since(o.measured["a"].to)
		h, predicted := o.next(t, s, "192.0.2.10:82", short)
		if predicted != "" {
			judged++
			if h.real != predicted {
				t.Fatalf("a connection of an idle group came to %s, and %s", h.real, o.text)
			}
		}
		switch {
		case !found.IsZero():
			after[h.real]++
		case h.real == "b":
			found = o.measured["b"].to
			ofQuick = *reals["a"].Response
			owed = (*reals["b"].Response-ofQuick)/short + ofA.Seconds()
		}
		_ = h.Close()
		for _, name := range []string{"a", "b"} {
			d.await(0, "real_connections", "real", name)
		}
	}
	took := found.Sub(last).Seconds()
	t.Logf("b was found again %.2f s after its last measurement, in theory after %.2f s; then it got %d, a %d connections; %d judged",
		took, owed, after["b"], after["a"], judged)
	if took < owed || after["b"] <= after["a"] || judged < 10 {
		t.Errorf("b was found after %.2f s, want %.2f s or a little more; then it got %d, a %d connections, want b to have most; %d judged, want 10",
			took, owed, after["b"], after["a"], judged)
	}
	if os.Getenv("PREDICTORS") != "" && ofQuick > 1.1*quick.Seconds() {
		t.Fatalf("a was slow just when b was found again (R %.1f ms): nothing to publish, measure again when the machine is idle", 1e3*ofQuick)
	}
	publish(t, "fastest", rows(results))
	publish(t, "fastest-again", []row{{"fastest", "idle, `aging: 40ms`; b was slow by 60 ms and is quick again", "b", fmt.Sprintf("found after %.2f s", owed), fmt.Sprintf("%.2f s", took)}})
}

// oracle predicts to whom the next connection goes.
type oracle struct {
	d        *director
	lags     map[string]time.Duration // by real: its SYN-ACKs take as long at least
	measured map[string]span          // when a connection last was answered by a real
	text     string                   // of the last prediction
}

// span holds a moment that is known so well.
type span struct{ from, to time.Time }

// next opens a connection and tells whom the formula wants: "" where it has nothing to go by, or where the two are closer
// to each other than what is known of the time.
func (o *oracle) next(t *testing.T, s *site, address string, aging float64) (h held, predicted string) {
	t.Helper()
	reals := o.d.showReals()
	begin := time.Now()
	conns, err := s.dial(1, address)
	end := time.Now()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conns[0].Close() })
	h.Conn = conns[0]
	if h.real, err = ask(h, time.Now().Add(bound)); err != nil {
		t.Fatal(err)
	}
	lag := o.lags[h.real]
	chosen := span{begin, end.Add(-lag)}
	response := func(name string) (least, most float64) {
		r, m := reals[name], o.measured[name]
		product := float64(r.Connections+1) * *r.Response
		return product - aging*chosen.to.Sub(m.from).Seconds(), product - aging*chosen.from.Sub(m.to).Seconds()
	}
	if reals["a"].Response != nil && reals["b"].Response != nil {
		leastA, mostA := response("a")
		leastB, mostB := response("b")
		switch {
		case mostA < leastB:
			predicted = "a"
		case mostB < leastA:
			predicted = "b"
		}
		o.text = fmt.Sprintf("PR is %.2f to %.2f ms for a (%d connections, R %.2f ms), %.2f to %.2f ms for b (%d connections, R %.2f ms)",
			1e3*leastA, 1e3*mostA, reals["a"].Connections, 1e3**reals["a"].Response,
			1e3*leastB, 1e3*mostB, reals["b"].Connections, 1e3**reals["b"].Response)
	}
	o.measured[h.real] = span{begin.Add(lag), end}
	return h, predicted
}
