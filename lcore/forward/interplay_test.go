package forward

import (
	"slices"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
	"linedirector/lcore/sticky"
)

// What a connection counts that an entry has go to a real where its reply tuple is another's.
const keptShown = "forward 1, opened 1, translated 1, kept 1, connections 1, records 1"

var flush81 = change(func(s *ruleset.Source) { s.Virtuals[2].Flush = true })

// translatedAt81 is a connection that is open, and whose real sees shown81.
func translatedAt81() []stepOf {
	return []stepOf{
		sent(fromClient("S"), toReal(1, "S"), opens1),
		sent(fromClient("S").to(web81), toReal(1, "S").from(shown81), opensTranslated),
		sent(fromReal(1, "SA").to(shown81), toClient("SA").from(web81), rep),
		sent(fromClient("A").to(web81), toReal(1, "A").from(shown81), fwd),
	}
}

// flowAt is a client's flow to an endpoint.
func (w *world) flowAt(from, to string) *flowtable.Record {
	k := keyOfPkt(fromClient("S").from(from).to(to))
	return w.table.Record(w.table.Find(&k, w.table.Hash(&k)).Record())
}

// TestCutTranslated: a real is told at the port that it knows.
func TestCutTranslated(t *testing.T) {
	open := translatedAt81()
	for _, tt := range []struct {
		description string
		before      []stepOf
		provoked    []pkt // their numbers are made up
		steps       []stepOf
	}{
		{"established", open, []pkt{
			{port: outside, src: web81, dst: client}, {port: inside, src: shown81, dst: real(1)},
		}, []stepOf{
			severedStep(fromReal(1, "A").to(shown81).numbers(900, 700), "R", 700, 0),
			severedStep(fromClient("A").to(web81).numbers(700, 900), "R", 900, 0),
			sent(fromClient("R").to(web81).numbers(700, 0), toReal(1, "R").from(shown81).numbers(700, 0), fwd),
			sent(fromReal(1, "R").to(shown81).numbers(900, 0), toClient("R").from(web81).numbers(900, 0), rep),
			sent(fromReal(1, "SA"), toClient("SA"), rep), // the other flow's
		}},
		{"answered", open[:3], []pkt{
			rst(fromClient("S").to(web81), "RA", 0, 1), rst(fromReal(1, "SA").to(shown81), "R", 1, 0), {port: outside, src: web81, dst: client},
		}, []stepOf{
			severedStep(fromClient("A").to(web81).numbers(1, 900), "R", 900, 0),
			severedStep(fromReal(1, "SA").to(shown81).numbers(900, 1), "R", 1, 0),
		}},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			all(only(1), at81(1))(w)
			w.play(t, tt.before)
			w.everyTick()
			flush81(w)
			w.pass(1)
			for i, p := range tt.provoked {
				if p.flags == "" {
					p.flags, p.seq, p.ack, p.made = "A", w.time*golden, w.time*golden, true
					p.seq += uint32(w.sweep.done&1) << 31
					p.ack += uint32(w.sweep.done&2) << 30
				}
				tt.provoked[i] = p
			}
			w.made(t, tt.provoked...)
			change(func(s *ruleset.Source) { s.Virtuals[2].Flush = false })(w)
			w.sweep.round = 2 * second
			w.play(t, tt.steps)
			w.end(t)
		})
	}
}

// TestTranslatedShowsLife: a failed real is watched by its translated connections, too.
func TestTranslatedShowsLife(t *testing.T) {
	w := newWorld(t, 100, nil)
	all(only(1), at81(1))(w)
	w.play(t, translatedAt81())
	all(setReal(1, func(r *ruleset.Real) { r.Unavailable, r.Watched = true, true }))(w)
	w.pass(2 * second)
	w.play(t, []stepOf{sent(fromReal(1, "A").to(shown81), toClient("A").from(web81), rep)})
	if got := w.counts.Shared.Signals(1); got != ruleset.ShowsLife {
		t.Errorf("signals %#x", got)
	}
	w.end(t)
}

// TestFlushedTrial: control hears once what became of a trial that is flushed.
func TestFlushedTrial(t *testing.T) {
	open := sent(fromClient("S"), toReal(3, "S"), opens1)
	for _, tt := range []struct {
		description   string
		steps         []stepOf
		before, after ruleset.Signal
	}{
		{"no answer yet", []stepOf{open}, 0, ruleset.TrialVanished},
		{"answered", []stepOf{open, sent(fromReal(3, "SA").numbers(5, 1), toClient("SA").numbers(5, 1), rep)}, ruleset.TrialAnswered, 0},
		{"refused", []stepOf{open, dropped(fromReal(3, "RA").numbers(0, 1), packet.Withheld)}, ruleset.TrialRefused, 0},
	} {
		for name, flush := range map[string]func(*world){"virtual": flushVirtual, "real": setReal(3, func(r *ruleset.Real) { r.Flush = true })} {
			t.Run(tt.description+", by "+name, func(t *testing.T) {
				w := newWorld(t, 100, nil)
				tried(w)
				if tt.before == ruleset.TrialRefused {
					tt.steps[1].counters = "withheld 1, connections -1"
				}
				w.play(t, tt.steps)
				if got := w.counts.Shared.Signals(3); got != tt.before {
					t.Errorf("signals %#x, want %#x", got, tt.before)
				}
				w.everyTick()
				flush(w)
				w.pass(1)
				if got := w.counts.Shared.Signals(3); got != tt.after || w.connections() != 0 {
					t.Errorf("flushed: signals %#x, want %#x; %d connections", got, tt.after, w.connections())
				}
				w.pass(20 * second)
				if got := w.counts.Shared.Signals(3); got != 0 {
					t.Errorf("later: signals %#x", got)
				}
				w.end(t)
			})
		}
	}
}

// TestStickyTranslated: a client's entry counts a connection the same whatever port its real is shown.
func TestStickyTranslated(t *testing.T) {
	shared := all(at81(1, 2, 3), keepClients(32))
	open := []stepOf{
		sent(fromClient("S"), toReal(1, "S"), opens1),
		sent(fromClient("S").to(web81), toReal(1, "S").from(shown81), keptShown),
	}
	entry := func(real uint16, live uint32) []sticky.Entry {
		return []sticky.Entry{{Client: 0xc6336401, Group: 1, Real: real, Live: live}}
	}
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
		then        func(*world)
		more        []stepOf
		want        []sticky.Entry
	}{
		{"restored after a RST", shared, join(open, []stepOf{
			sent(fromReal(1, "SA").to(shown81), toClient("SA").from(web81), rep),
			sent(fromClient("A").to(web81), toReal(1, "A").from(shown81), fwd),
			sent(fromReal(1, "R").to(shown81), toClient("R").from(web81), rep+", "+closes),
			sent(fromReal(1, "A").to(shown81), toClient("A").from(web81), "reply 1, connections 1"),
		}), nil, nil, entry(1, 2)},
		{"restored after a RST, once its real keeps nobody", shared, join(open, []stepOf{
			sent(fromReal(1, "SA").to(shown81), toClient("SA").from(web81), rep),
			sent(fromClient("A").to(web81), toReal(1, "A").from(shown81), fwd),
			sent(fromReal(1, "R").to(shown81), toClient("R").from(web81), rep+", "+closes),
		}), all(weights(0, 1, 1), keepersAre(2, 3)), []stepOf{
			sent(fromClient("S").from("198.51.100.1:9"), toReal(3, "S").from("198.51.100.1:9"), opens1), // takes the entry along
			sent(fromReal(1, "A").to(shown81), toClient("A").from(web81), "reply 1, connections 1"),
		}, entry(3, 1)},
		{"moves, and is translated no more", all(shared, change(func(s *ruleset.Source) { s.Virtuals[2].Retry.SYNs = 1 })), join(open, []stepOf{
			later(second, sent(fromClient("S").to(web81), toReal(2, "S"), fwd)),
		}), nil, nil, entry(2, 1)},
		{"a full real's client goes elsewhere under its own port", all(shared, setReal(1, func(r *ruleset.Real) { r.MaxConns = 1 })), []stepOf{
			open[0], sent(fromClient("S").to(web81), toReal(2, "S"), opens1),
		}, nil, nil, entry(1, 1)},
		{"cut", shared, open, all(flush81, func(w *world) { w.pass(2 * second) }), nil, entry(1, 1)},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			if tt.then != nil {
				tt.then(w)
			}
			w.play(t, tt.more)
			if got := w.entries(); !slices.Equal(got, tt.want) {
				t.Errorf("entries %+v, want %+v", got, tt.want)
			}
			w.end(t)
			for _, e := range w.entries() {
				if e.Live != 0 {
					t.Errorf("in the end: %+v", e)
				}
			}
		})
	}
}

// TestFollowsTranslated: a connection that another worker's entry takes along is translated where it must be, and what it
// was shown before counts no more.
func TestFollowsTranslated(t *testing.T) {
	w := newWorld(t, 100, nil)
	all(at81(1, 2), at82(2), keepClients(32))(w)
	w.play(t, []stepOf{sent(fromClient("S"), toReal(1, "S"), opens1)})
	w.Worker.sticky.Purge(1)
	w.play(t, []stepOf{sent(fromClient("S").to(web82), toReal(2, "S"), opens1)})
	w.play(t, []stepOf{sent(fromClient("S").to(web81), toReal(2, "S").from(shown81), keptShown)})
	at, ok := w.keeper(w.Rules().Virtual(3), 1)
	if !ok {
		t.Fatal("real 1 keeps nobody")
	}
	k := keyOfPkt(fromClient("S").to(web81))
	w.run(frameOf(outside, fromClient("S").to(web81).in(t))) // the one of which no packet was sent
	n, ok, cause := w.follows(0, w.table.Find(&k, w.table.Hash(&k)).Record(), at)
	if !ok || cause != packet.None {
		t.Fatal(n, ok, cause)
	}
	r := w.table.Record(n)
	if r.RealSlot != 1 || r.ReplyKey() != keyOfPkt(fromReal(1, "SA").to(shown81)) || r.Flags&flowtable.Translated == 0 {
		t.Errorf("%+v, shown %d", *r, r.ShownPort())
	}
	if w.Publish(); w.stats.Translated.Load() != 1 || w.counts.Reals[1].Open != 2 || w.counts.Reals[2].Open != 1 {
		t.Errorf("%d translated, %d and %d connections", w.stats.Translated.Load(), w.counts.Reals[1].Open, w.counts.Reals[2].Open)
	}
	w.end(t)
}

// TestExplainSticky: what is said of a client that has an entry comes true, with and without a trial that waits.
func TestExplainSticky(t *testing.T) {
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
		then        func(*world)
		from        string
		want        Answer
		left        bool // the trial waits on
	}{
		{"its real keeps it, and a trial waits", keepClients(32), []stepOf{synTo(near(0), 1, opens1)}, all(tried, keepersAre(1, 2)), near(1), Answer{VirtualSlot: 1, Sticky: 1, Real: 1}, true},
		{"another client's is the trial", keepClients(32), []stepOf{synTo(near(0), 1, opens1)}, all(tried, keepersAre(1, 2)), far(0), Answer{VirtualSlot: 1, Real: 3}, false},
		{"its real keeps nobody: it is the trial", keepClients(32), []stepOf{synTo(near(0), 1, opens1)}, all(tried, keepersAre(2)), near(1), Answer{VirtualSlot: 1, Sticky: 1, Real: 3}, false},
		{"the trial's own client goes elsewhere", all(keepClients(32), tried, keepersAre(1, 2)), []stepOf{synTo(near(0), 3, opens1)}, func(*world) {}, near(1), Answer{VirtualSlot: 1, Sticky: 3, Real: 2}, false},
		{
			"its real is full, and a trial waits", all(keepClients(32), setReal(1, func(r *ruleset.Real) { r.MaxConns = 1 })),
			[]stepOf{synTo(near(0), 1, opens1)},
			all(tried, keepersAre(1, 2)), near(1),
			Answer{VirtualSlot: 1, Sticky: 1, Real: 2},
			true,
		},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			tt.then(w)
			before := w.counters()
			for range 3 {
				if got := w.ask(t, tt.from, webTCP); got != tt.want {
					t.Fatalf("%+v, want %+v", got, tt.want)
				}
			}
			if changed := w.counters().since(before); changed != "" {
				t.Errorf("asking counts %q", changed)
			}
			w.give(t, fromClient("S").from(tt.from))
			if r := w.flowAt(tt.from, webTCP); r.RealSlot != tt.want.Real {
				t.Errorf("it went to real %d", r.RealSlot)
			}
			if left := w.counts.Shared.TakeTrial(3); left != tt.left {
				t.Errorf("the trial waits on: %v", left)
			}
			w.end(t)
		})
	}
}

// TestReplacedVirtual: what a draining virtual's real does not answer goes to the virtual that has taken its place.
func TestReplacedVirtual(t *testing.T) {
	drains := change(func(s *ruleset.Source) { s.Virtuals[0].Draining = true })
	replaced := all(beside(3, func(*ruleset.VirtualSource) {}, 3), drains)
	for _, tt := range []struct {
		description string
		steps       []stepOf
		then        func(*world)
		more        []stepOf
		tally       ruleset.RealTally
	}{
		{"silence", unanswered(), replaced, []stepOf{
			later(second, sent(fromClient("S"), toReal(3, "S"), "forward 1, opened 1, closed 1")),
			sent(fromReal(3, "SA"), toClient("SA"), rep),
			refusedBy(fromReal(1, "SA").numbers(5, 1), packet.StrayReply, toldReal1),
		}, ruleset.RealTally{Silent: 1}},
		{"not yet", unanswered()[:2], replaced, []stepOf{syn(second, 1), sent(fromReal(1, "SA"), toClient("SA"), rep), syn(second, 1)}, ruleset.RealTally{}},
		{"nothing takes its place", unanswered(), drains, []stepOf{syn(second, 1)}, ruleset.RealTally{}},
		{"another port's does not", unanswered(), all(at81(3), drains), []stepOf{syn(second, 1)}, ruleset.RealTally{}},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			byCount(w)
			w.play(t, tt.steps)
			tt.then(w)
			w.play(t, tt.more)
			if got := w.counts.Tally(1); got != tt.tally {
				t.Errorf("%+v, want %+v", got, tt.tally)
			}
			w.end(t)
		})
	}
}
