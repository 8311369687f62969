package forward

import (
	"fmt"
	"sync"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// tried puts real 3 into state testing: it takes the trial, and nothing else.
func tried(w *world) {
	all(byCount, change(func(s *ruleset.Source) {
		v := &s.Virtuals[0]
		v.Members[2].Weight = 0
		v.Trials = []ruleset.Member{{Binding: 3, Real: 3, Weight: 1}}
	}))(w)
	w.counts.Shared.OpenTrial(3)
}

// TestTrial: what becomes of a trial, and what control hears of it.
func TestTrial(t *testing.T) {
	open := sent(fromClient("S"), toReal(3, "S"), opens1)
	other := at(7)
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
		wait        uint32 // then
		signal      ruleset.Signal
		real        uint16 // that has the client's flow in the end; 0: it has none
		tally       ruleset.RealTally
	}{
		{"one of many SYNs", tried, []stepOf{
			open,
			sent(fromClient("S").from(at(1)), toReal(2, "S").from(at(1)), opens1), // the turn that the trial did not need is over
			sent(fromClient("S").from(at(2)), toReal(1, "S").from(at(2)), opens1),
			syn(second, 3),
			sent(fromClient("S").from(at(3)), toReal(2, "S").from(at(3)), opens1),
		}, 0, 0, 3, ruleset.RealTally{}},
		{"it succeeds", tried, []stepOf{open, sent(fromReal(3, "SA"), toClient("SA"), rep)}, 0, ruleset.TrialAnswered, 3, ruleset.RealTally{Response: 1, Answered: 1_000_000}},
		{"success is told once", tried, []stepOf{
			open, sent(fromReal(3, "SA"), toClient("SA"), rep), sent(fromReal(3, "SA"), toClient("SA"), rep), sent(fromClient("A"), toReal(3, "A"), fwd),
			sent(fromClient("R"), toReal(3, "R"), fwd+", "+closes),
		}, 30 * second, ruleset.TrialAnswered, 0, ruleset.RealTally{Response: 1, Answered: 1_000_000}},
		{"silence: its client is rescued", tried, []stepOf{open, syn(second, 3), syn(second, 3), syn(second, 2)}, 0, ruleset.TrialSilent, 2, ruleset.RealTally{Silent: 1, Moved: 1}},
		{"RST: its client is rescued", tried, []stepOf{
			open, {in: fromReal(3, "RA").numbers(0, 1), verdict: Drop, counters: "withheld 1, " + closes}, revived(second, 2),
		}, 0, ruleset.TrialRefused, 2, ruleset.RealTally{Refused: 1, Moved: 1}},
		{"ICMP unreachable", tried, []stepOf{open, {
			in: pkt{port: inside}, raw: unreachable(t, 1, toReal(3, "S")), verdict: Drop, counters: "withheld 1, " + closes,
		}}, 0, ruleset.TrialRefused, 3, ruleset.RealTally{Refused: 1}},
		{"a RST that is passed", all(tried, change(func(s *ruleset.Source) { s.Virtuals[0].PassReset = true })), []stepOf{
			open, sent(fromReal(3, "RA").numbers(0, 1), toClient("RA").numbers(0, 1), rep+", "+closes),
		}, 0, ruleset.TrialRefused, 3, ruleset.RealTally{Refused: 1}},
		{"its client goes", tried, []stepOf{open, sent(fromClient("R"), toReal(3, "R"), fwd+", "+closes)}, 0, ruleset.TrialVanished, 3, ruleset.RealTally{}},
		{"its client is silent", tried, []stepOf{open}, 13 * second, ruleset.TrialVanished, 0, ruleset.RealTally{}},
		{"not so soon", tried, []stepOf{open}, 10*second - 1, 0, 3, ruleset.RealTally{}},
		{"its client begins another connection", tried, []stepOf{
			open, sent(fromClient("S").numbers(9, 0), toReal(2, "S").numbers(9, 0), "forward 1, opened 1, closed 1"),
		}, 0, ruleset.TrialVanished, 2, ruleset.RealTally{}},
		{
			"it gives way to another half-open connection", all(tried, change(func(s *ruleset.Source) { s.Virtuals[0].Guard.Limit = 1 })),
			[]stepOf{open, sent(fromClient("S").from(other), toReal(2, "S").from(other), "forward 1, opened 1, closed 1")},
			0, ruleset.TrialVanished, 0,
			ruleset.RealTally{},
		},
		{"a real that is full is not tried", all(tried, setReal(3, func(r *ruleset.Real) { r.MaxConns = 1 }), func(w *world) { fill(w, 3, 1) }), []stepOf{
			sent(fromClient("S"), toReal(1, "S"), opens1),
		}, 0, 0, 1, ruleset.RealTally{}},
		{"nor by UDP", tried, []stepOf{sent(fromClient("u").to(webUDP), toReal(1, "u"), opens1), open}, 0, 0, 3, ruleset.RealTally{}},
		{"nor where its reply tuple is taken", all(tried, change(func(s *ruleset.Source) {
			v := s.Virtuals[0]
			v.Slot, v.Port, v.Trials, v.Members = 3, 81, nil, []ruleset.Member{{Binding: 33, Real: 3, Weight: 1}}
			s.Virtuals = append(s.Virtuals, v)
		})), []stepOf{
			sent(fromClient("S").to("192.0.2.10:81"), toReal(3, "S"), opens1),
			sent(fromClient("S"), toReal(1, "S"), opens1),
			sent(fromClient("S").from(other), toReal(3, "S").from(other), opens1), // the ticket was given back
		}, 0, 0, 1, ruleset.RealTally{}},
		{"nor when the ticket is taken back", all(tried, func(w *world) { w.counts.Shared.EndTrial(3) }), []stepOf{sent(fromClient("S"), toReal(1, "S"), opens1)}, 0, 0, 1, ruleset.RealTally{}},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			w.sweep.round = 1
			w.pass(tt.wait)
			if got := w.counts.Shared.Signals(3); got != tt.signal {
				t.Errorf("signals %#x, want %#x", got, tt.signal)
			}
			if got := w.counts.Tally(3); got != tt.tally {
				t.Errorf("%+v, want %+v", got, tt.tally)
			}
			if r := w.flow(client); r == nil && tt.real != 0 || r != nil && r.RealSlot != tt.real {
				t.Errorf("%+v, want at real %d", r, tt.real)
			}
			w.empty()
			before := w.counts.Shared.Signals(3)
			w.end(t)
			if got := w.counts.Shared.Signals(3) | before; tt.signal != 0 && got != 0 {
				t.Errorf("told twice: %#x", got)
			}
		})
	}
}

// TestTrialInAFullTable: it may give way, and where nothing gives way the ticket is kept for another.
func TestTrialInAFullTable(t *testing.T) {
	w := newWorld(t, 1, nil)
	tried(w)
	w.play(t, []stepOf{
		sent(fromClient("S"), toReal(3, "S"), opens1),
		sent(fromClient("S").from(at(1)), toReal(2, "S").from(at(1)), "forward 1, opened 1, closed 1, evicted 1"),
	})
	if got := w.counts.Shared.Signals(3); got != ruleset.TrialVanished {
		t.Errorf("signals %#x", got)
	}
	w.give(t, fromReal(2, "SA").to(at(1)))
	w.give(t, fromClient("A").from(at(1)))
	w.counts.Shared.OpenTrial(3)
	w.play(t, []stepOf{dropped(fromClient("S"), packet.TableFull)})
	if !w.counts.Shared.TakeTrial(3) || w.counts.Shared.Connections(3) != 0 {
		t.Error("the ticket is lost")
	}
	w.end(t)
}

// TestWorkersRaceForTheTrial: SYNs at two workers at once, in many races; one gets the trial.
func TestWorkersRaceForTheTrial(t *testing.T) {
	const races = 2000
	shared := ruleset.NewShared(nil, slots.Reals)
	var workers [2]*world
	for i := range workers {
		w := newWorld(t, 4, nil)
		w.counts.Shared = shared
		tried(w)
		workers[i] = w
	}
	shared.EndTrial(3)
	var syns [2][]byte
	for i := range syns {
		syns[i] = fromClient("S").from(at(i)).in(t)
	}
	for race := range races {
		shared.OpenTrial(3)
		start := make(chan struct{})
		var ready, done sync.WaitGroup
		for i, w := range workers {
			frames := []Frame{frameOf(outside, syns[i])}
			ready.Add(1)
			done.Go(func() {
				ready.Done()
				<-start
				w.Burst(frames, uint64(w.time))
			})
		}
		ready.Wait()
		close(start)
		done.Wait()
		trials := 0
		for i, w := range workers {
			if r := w.flow(at(i)); r.RealSlot == 3 {
				trials++
				if r.Flags&flowtable.Trial == 0 {
					t.Error("a trial that does not know it")
				}
			}
			w.give(t, fromClient("R").from(at(i)))
		}
		if trials != 1 {
			t.Fatalf("race %d: %d trials", race, trials)
		}
		if got := shared.Signals(3); got != ruleset.TrialVanished {
			t.Fatalf("race %d: signals %#x", race, got)
		}
		shared.EndTrial(3)
	}
	for i, w := range workers {
		if open := w.connections(); open != 0 {
			t.Errorf("worker %d: %s", i, fmt.Sprint(open, " connections"))
		}
	}
	if shared.Connections(3) != 0 {
		t.Error("shared: connections are left")
	}
}
