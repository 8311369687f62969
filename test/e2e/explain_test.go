package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// shownExplanation is what `ldctl explain -o json` prints, as far as tests ask for it.
type shownExplanation struct {
	Class, Rule, Virtual string
	Worker               int
	Flow                 *shownFlow
	Sticky               *shownSticky
	Real, Why            string
	Reals                []struct {
		Name, State, Why string
		Takes            bool
	}
}

// explain asks what becomes of a client's packet.
func (d *director) explain(client, to string) (e shownExplanation) {
	d.t.Helper()
	out := d.ldctl("explain", client, to, "-o", "json")
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		d.t.Fatalf("ldctl explain prints what is no JSON: %v\n%s", err, out)
	}
	return e
}

// TestExplainEndToEnd asks ldctl which real a connection would come to, and then opens it: for each predictor whose next
// choice is certain, for a client with a sticky entry, one of a class, and where no real is left.
//
//	198.51.100.0/24   class lab ──► 192.0.2.10:80 (lab)                           ──► c
//	198.51.101.0/24   others    ──► 192.0.2.10:80 (least), :81 … a predictor each ──► a, b, c
func TestExplainEndToEnd(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		s.serve(t)
		s.manyClients("198.51.100.0/23")
		d := s.start(t, setup, ports(setup.queues)+behindClient("198.51.100.0/23")+`classes:
  - {name: lab, clients: [198.51.100.0/24]}
`+realsOf(threeReals)+`virtuals:
  - {name: least, address: 192.0.2.10, port: 80, reals: &all [a, b, c], timers: &brief {close-delay: 1s}}
  - {name: lab, address: 192.0.2.10, port: 80, class: lab, reals: [c], timers: *brief}
  - {name: turns, address: 192.0.2.10, port: 81, predictor: roundrobin, reals: *all, timers: *brief}
  - {name: weights, address: 192.0.2.10, port: 82, predictor: weighted, reals: [{real: a, weight: 3}, b], timers: *brief}
  - {name: hashed, address: 192.0.2.10, port: 83, predictor: hash, reals: *all, timers: *brief}
  - {name: load, address: 192.0.2.10, port: 84, predictor: loaded, reals: *all, timers: *brief}
  - {name: stuck, address: 192.0.2.10, port: 85, predictor: roundrobin, reals: *all, sticky: 10m, timers: *brief}
  - {name: fast, address: 192.0.2.10, port: 86, predictor: fastest, reals: *all, timers: *brief}
`)
		d.ldctl("set", "real", "b", "load", "30")
		port := 20000
		// comes wants the next connection where ldctl says that it would come to; it stays open. Workers know of one another's
		// a millisecond later, and ldctl takes longer to ask.
		comes := func(client, to, virtual string) (held, shownExplanation) {
			t.Helper()
			port++
			from := fmt.Sprintf("%s:%d", client, port)
			e := d.explain(from, to)
			h, err := s.from(client, port, to)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = h.Close() })
			if e.Virtual != virtual || e.Real != h.real || e.Flow != nil || e.Why == "" {
				t.Errorf("%s to %s came to %s; before, ldctl explained: %+v", from, to, h.real, e)
			}
			// Then the flow is there, and its worker the one that was named.
			then := d.explain(from, to)
			if then.Flow == nil || then.Flow.Real != h.real || then.Flow.Client != from || then.Flow.Worker != e.Worker || !strings.Contains(then.Why, "a flow is there") {
				t.Errorf("%s to %s is open to %s, and ldctl explains: %+v", from, to, h.real, then)
			}
			return h, e
		}
		const lab, other = "198.51.100.7", "198.51.101.7"
		came := map[string]tally{}
		for i := range 8 {
			for at, virtual := range []string{"least", "turns", "weights", "hashed", "load", "", "fast"} {
				if virtual == "" {
					continue
				}
				h, _ := comes(fmt.Sprintf("198.51.101.%d", 7+i), fmt.Sprintf("192.0.2.10:%d", 80+at), virtual)
				if came[virtual] == nil {
					came[virtual] = tally{}
				}
				came[virtual][h.real]++
			}
		}
		for _, virtual := range []string{"least", "turns", "weights"} {
			if len(came[virtual]) < 2 {
				t.Errorf("eight connections to %s came to %v: this shows nothing", virtual, came[virtual])
			}
		}
		if came["load"]["b"] != 0 {
			t.Errorf("by load %v took connections; b has a load of 30", came["load"])
		}
		if _, e := comes(lab, "192.0.2.10:80", "lab"); e.Class != "lab" || e.Real != "c" || !strings.Contains(e.Rule, "lab") {
			t.Errorf("a client of the class is explained: %+v", e)
		}
		if e := d.explain(lab+":30000", "lab"); e.Virtual != "lab" { // by its name
			t.Errorf("asked by name, ldctl explains: %+v", e)
		}
		first, e := comes(other, "192.0.2.10:85", "stuck")
		if e.Sticky != nil {
			t.Errorf("a client that never came is explained: %+v", e)
		}
		for range 4 {
			if h, e := comes(other, "192.0.2.10:85", "stuck"); h.real != first.real || e.Sticky == nil || e.Sticky.Real != first.real || !strings.Contains(e.Why, "sticky") {
				t.Errorf("a client with an entry at %s came to %s; ldctl explains: %+v", first.real, h.real, e)
			}
		}
		// Its real keeps it no longer; the others are named with why not.
		d.set(first.real, "externally-failed")
		_, e = comes(other, "192.0.2.10:85", "stuck")
		for _, r := range e.Reals {
			if (r.Name == first.real) == r.Takes || !r.Takes && r.Why == "" {
				t.Errorf("while %s is externally-failed ldctl explains: %+v", first.real, r)
			}
		}
		for _, name := range threeReals {
			d.set(name, "out-of-service")
		}
		if e := d.explain(other+":40000", "192.0.2.10:81"); e.Real != "" || !strings.Contains(e.Why, "no real takes it") {
			t.Errorf("without a real ldctl explains: %+v", e)
		}
		if real, _, err := s.once("192.0.2.10:81", time.Now().Add(200*time.Millisecond)); err == nil || d.showVirtual("turns").NoReal == 0 {
			t.Errorf("without a real a connection came to %q, %v", real, err)
		}
		if e := d.explain(other+":40000", "192.0.2.10:99"); e.Virtual != "" || e.Rule == "" {
			t.Errorf("for a port of no virtual ldctl explains: %+v", e)
		}
		if text := d.ldctl("explain", other+":40000", "192.0.2.10:83/tcp"); !strings.Contains(text, "hashed") {
			t.Errorf("for people it prints\n%s", text)
		}
	})
}
