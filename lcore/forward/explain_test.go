package forward

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// ask asks the worker what it would do with a client's packet, as control does.
func (w *world) ask(t *testing.T, from, to string) Answer {
	t.Helper()
	if _, ok := w.listing.Answer(); ok {
		t.Fatal("answered unasked")
	}
	w.listing.Question(questionOf(from, to))
	if _, ok := w.listing.Answer(); ok {
		t.Fatal("answered before the burst")
	}
	w.Burst(nil, uint64(w.time))
	a, ok := w.listing.Answer()
	if !ok {
		t.Fatal("no answer")
	}
	return a
}

func questionOf(from, to string) Question {
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	q := Question{
		Client: ipv4Of(src.Addr()), ClientPort: src.Port(), Virtual: ipv4Of(dst.Addr()), VirtualPort: dst.Port(), Protocol: packet.ProtocolTCP,
	}
	if to == webUDP {
		q.Protocol = packet.ProtocolUDP
	}
	return q
}

// TestExplain: what the worker says, case by case.
func TestExplain(t *testing.T) {
	noRules := func(*world) {}
	full := all(only(1), setReal(1, func(r *ruleset.Real) { r.MaxConns = 1 }))
	for name, c := range map[string]struct {
		rules func(*world)
		flows int
		steps []stepOf
		from  string
		to    string
		want  Answer
		phase flowtable.Phase // of the flow that is found
	}{
		"the first in turn":         {noRules, 100, nil, client, webTCP, Answer{VirtualSlot: 1, Real: 1}, flowtable.Free},
		"the second":                {noRules, 100, handshake(1), at(1), webTCP, Answer{VirtualSlot: 1, Real: 2}, flowtable.Free},
		"a flow that is there":      {noRules, 100, handshake(1), client, webTCP, Answer{Found: true, VirtualSlot: 1, Real: 2}, flowtable.Established},
		"UDP":                       {noRules, 100, nil, client, webUDP, Answer{VirtualSlot: 2, Real: 1}, flowtable.Free},
		"no virtual":                {noRules, 100, nil, client, "192.0.2.10:81", Answer{}, flowtable.Free},
		"a removed one":             {change(func(s *ruleset.Source) { s.Virtuals[0].Draining = true }), 100, nil, client, webTCP, Answer{}, flowtable.Free},
		"nobody takes it":           {change(func(s *ruleset.Source) { s.Virtuals[0].Members = nil }), 100, nil, client, webTCP, Answer{VirtualSlot: 1, Cause: packet.NoReal}, flowtable.Free},
		"all are full":              {full, 100, handshake(1), at(1), webTCP, Answer{VirtualSlot: 1, Cause: packet.NoReal}, flowtable.Free},
		"the trial":                 {tried, 100, nil, client, webTCP, Answer{VirtualSlot: 1, Real: 3}, flowtable.Free},
		"no trial of UDP":           {tried, 100, nil, client, webUDP, Answer{VirtualSlot: 2, Real: 1}, flowtable.Free},
		"synguard drops":            {guarded(1, true), 100, handshake(1)[:1], at(1), webTCP, Answer{VirtualSlot: 1, Cause: packet.Synguard}, flowtable.Free},
		"synguard below":            {guarded(2, true), 100, handshake(1)[:1], at(1), webTCP, Answer{VirtualSlot: 1, Real: 2}, flowtable.Free},
		"another gives way":         {guarded(1, false), 100, handshake(1)[:1], at(1), webTCP, Answer{VirtualSlot: 1, Real: 2}, flowtable.Free},
		"a full table":              {noRules, 1, handshake(1), at(1), webTCP, Answer{VirtualSlot: 1, Cause: packet.TableFull}, flowtable.Free},
		"a full one that makes way": {noRules, 1, handshake(1)[:1], at(1), webTCP, Answer{VirtualSlot: 1, Real: 2}, flowtable.Free},
	} {
		w := newWorld(t, c.flows, nil)
		c.rules(w)
		w.play(t, c.steps)
		got := w.ask(t, c.from, c.to)
		if got.Found && (got.Record.Phase != c.phase || got.Record != *w.flow(c.from)) {
			t.Errorf("%s: %+v", name, got.Record)
		}
		got.Record = flowtable.Record{}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if name == "the trial" && !w.counts.Shared.TakeTrial(3) {
			t.Error("the trial's ticket is gone")
		}
	}
}

// TestExplainChangesNothing: a worker that is asked a thousand times before each connection gives the same reals the same
// connections as one that is not, counts the same, and each answer is what comes true.
func TestExplainChangesNothing(t *testing.T) {
	for predictor := range ruleset.Predictors {
		for _, ramping := range []bool{false, true} {
			t.Run(fmt.Sprintf("predictor %d, ramping %v", predictor, ramping), func(t *testing.T) {
				var reals [2][]uint16
				for i, questions := range []int{0, 1000} {
					w := newWorld(t, 200, nil)
					for slot := range uint16(3) {
						r := w.source.Reals[slot+1]
						if r.MaxConns = 10 * uint32(slot+1); ramping && slot == 1 {
							r.Since, r.Ramp = w.time-second, 10*second
						}
						w.source.Reals[slot+1] = r
						m := &w.source.Virtuals[0].Members[slot]
						m.Weight, m.Limited, m.Ramping = slot+1, true, ramping && slot == 1
					}
					w.source.Virtuals[0].Predictor = predictor
					w.apply()
					for n := range 70 {
						var said Answer
						before := w.counters()
						for range questions {
							said = w.ask(t, at(n), webTCP)
						}
						if changed := w.counters().since(before); changed != "" {
							t.Fatalf("asking counts %q", changed)
						}
						w.give(t, fromClient("S").from(at(n)))
						real := uint16(0)
						if r := w.flow(at(n)); r != nil {
							real = r.RealSlot
						}
						if questions > 0 && said.Real != real || questions > 0 && (real == 0) != (said.Cause == packet.NoReal) {
							t.Fatalf("connection %d: said %+v, at real %d", n, said, real)
						}
						reals[i] = append(reals[i], real)
						w.pass(3)
					}
					for slot := range uint16(3) {
						if shared, want := w.counts.Shared.Connections(slot+1), w.source.Reals[slot+1].MaxConns; shared != want {
							t.Errorf("%d connections on real %d, want %d", shared, slot+1, want)
						}
					}
				}
				if !slices.Equal(reals[0], reals[1]) {
					t.Errorf("not asked: %v\nasked: %v", reals[0], reals[1])
				}
			})
		}
	}
}

// TestListingTakesTurns: a list and a question, one after the other, each in its burst.
func TestListingTakesTurns(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.play(t, handshake(1))
	for range 3 {
		w.listing.Ask(1, PageLen)
		w.Burst(nil, uint64(w.time))
		records, next, ok := w.listing.Take()
		if !ok || next != 0 || len(records) != 1 || records[0] != *w.flow(client) {
			t.Fatal(records, next, ok)
		}
		if a := w.ask(t, client, webTCP); !a.Found || a.Record != records[0] {
			t.Fatalf("%+v", a)
		}
	}
}

func TestExplainDoesNotAllocate(t *testing.T) {
	for predictor := range ruleset.Predictors {
		w := newWorld(t, 100, nil)
		w.source.Virtuals[0].Predictor = predictor
		w.apply()
		q := questionOf(client, webTCP)
		if allocs := testing.AllocsPerRun(100, func() {
			w.listing.Question(q)
			w.Burst(nil, uint64(w.time))
			if a, ok := w.listing.Answer(); !ok || a.Real == 0 {
				t.Fatal(a)
			}
		}); allocs != 0 {
			t.Errorf("predictor %d: %v allocations", predictor, allocs)
		}
	}
}
