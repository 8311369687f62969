package forward

import (
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// reassign is the default: the 4th SYN moves, or the first one after 2.5 s.
var reassign = change(func(s *ruleset.Source) { s.Virtuals[0].Retry = ruleset.Retry{SYNs: 3, After: 5 * second / 2} })

// byCount moves the 4th SYN, whenever it comes.
var byCount = change(func(s *ruleset.Source) { s.Virtuals[0].Retry = ruleset.Retry{SYNs: 3} })

func all(rules ...func(*world)) func(*world) {
	return func(w *world) {
		for _, r := range rules {
			r(w)
		}
	}
}

// setReal edits real n.
func setReal(n uint16, edit func(*ruleset.Real)) func(*world) {
	return change(func(s *ruleset.Source) {
		r := s.Reals[n]
		edit(&r)
		s.Reals[n] = r
	})
}

// only leaves the virtual its first n reals.
func only(n int) func(*world) {
	return change(func(s *ruleset.Source) { s.Virtuals[0].Members = s.Virtuals[0].Members[:n] })
}

var (
	first     = sent(fromClient("S"), toReal(1, "S"), opens1)
	refusal   = fromReal(1, "RA").numbers(0, 1)
	toldReal1 = rst(fromReal(1, "SA").numbers(5, 1), "R", 1, 0)
)

// syn is the client's SYN again after so many ticks, and which real gets it.
func syn(wait uint32, n int) stepOf { return later(wait, sent(fromClient("S"), toReal(n, "S"), fwd)) }

// silence are SYNs that real 1 does not answer, a second apart; the next one moves by count.
func unanswered() []stepOf { return []stepOf{first, syn(second, 1), syn(second, 1)} }

// unreachableStep is an ICMP error about the client's SYN at real 1.
func unreachableStep(t *testing.T, code uint8, isn uint32, s stepOf) stepOf {
	s.in = pkt{port: inside}
	s.raw = unreachable(t, code, toReal(1, "S").numbers(isn, 0))
	s.verdict = Drop
	return s
}

// TestDitched has a case for each way in which a connection is ditched, moved, or not.
func TestDitched(t *testing.T) {
	silent, refused := ruleset.RealTally{Silent: 1, Moved: 1}, ruleset.RealTally{Refused: 1, Moved: 1}
	late := refusedBy(fromReal(1, "SA").numbers(5, 1), packet.StrayReply, toldReal1)
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
		phase       flowtable.Phase
		real        uint16 // that has the flow in the end
		tally       ruleset.RealTally
		row         uint32 // consecutive ditched ones of real 1
		open        [3]uint32
	}{
		{"the 4th SYN moves", byCount, join(unanswered(), []stepOf{syn(second, 2)}), flowtable.HalfOpen, 2, silent, 1, [3]uint32{0, 1, 0}},
		{"the 3rd does not", byCount, unanswered(), flowtable.HalfOpen, 1, ruleset.RealTally{}, 0, [3]uint32{1, 0, 0}},
		{"without reassignment none does", func(*world) {}, join(unanswered(), []stepOf{syn(second, 1), syn(9*second, 1)}), flowtable.HalfOpen, 1, ruleset.RealTally{}, 0, [3]uint32{1, 0, 0}},
		{"the 2nd SYN after 2.5 s moves", reassign, []stepOf{first, syn(2500, 2)}, flowtable.HalfOpen, 2, silent, 1, [3]uint32{0, 1, 0}},
		{"the 2nd SYN before does not", reassign, []stepOf{first, syn(2499, 1)}, flowtable.HalfOpen, 1, ruleset.RealTally{}, 0, [3]uint32{1, 0, 0}},
		{"the time counts from the first SYN", reassign, []stepOf{first, syn(second, 1), syn(1500, 2)}, flowtable.HalfOpen, 2, silent, 1, [3]uint32{0, 1, 0}},
		{
			"a real's own count goes before the virtual's", all(byCount, setReal(1, func(r *ruleset.Real) { r.Retry.SYNs = 1 })),
			[]stepOf{first, syn(second, 2)},
			flowtable.HalfOpen, 2, silent, 1,
			[3]uint32{0, 1, 0},
		},
		{
			"a real's own larger count", all(byCount, setReal(1, func(r *ruleset.Real) { r.Retry.SYNs = 4 })),
			join(unanswered(), []stepOf{syn(second, 1), syn(second, 2)}), flowtable.HalfOpen, 2, silent, 1,
			[3]uint32{0, 1, 0},
		},
		{
			"a real's own time goes before the virtual's", all(reassign, setReal(1, func(r *ruleset.Real) { r.Retry.After = 600 })),
			[]stepOf{first, syn(599, 1), syn(1, 2)},
			flowtable.HalfOpen, 2, silent, 1,
			[3]uint32{0, 1, 0},
		},
		{
			"the new real's own count holds for it", all(byCount, setReal(2, func(r *ruleset.Real) { r.Retry.SYNs = 1 })),
			join(unanswered(), []stepOf{syn(second, 2), syn(second, 3)}), flowtable.HalfOpen, 3, silent, 1,
			[3]uint32{0, 0, 1},
		},
		{"copies of a SYN that come at once leave the real time to answer", byCount, []stepOf{
			first, syn(0, 1), syn(0, 1), syn(0, 1), syn(249, 1), syn(1, 2),
		}, flowtable.HalfOpen, 2, silent, 1, [3]uint32{0, 1, 0}},
		{"no SYN moves that was answered", reassign, []stepOf{
			first, sent(fromReal(1, "SA"), toClient("SA"), rep), syn(9*second, 1), syn(9*second, 1), syn(second, 1), syn(second, 1),
		}, flowtable.HalfOpen, 1, ruleset.RealTally{}, 0, [3]uint32{1, 0, 0}},
		{
			"a failed real's next SYN moves at once",
			func(w *world) {
				reassign(w)
				w.play(t, []stepOf{first})
				setReal(1, func(r *ruleset.Real) { r.Unavailable = true })(w)
			},
			[]stepOf{syn(1, 2)},
			flowtable.HalfOpen, 2, silent, 1,
			[3]uint32{0, 1, 0},
		},
		{"a RST is withheld", reassign, []stepOf{first, refusedSYN}, flowtable.Ditched, 1, ruleset.RealTally{Refused: 1}, 1, [3]uint32{}},
		{"the next SYN after it moves", reassign, []stepOf{first, refusedSYN, revived(second, 2)}, flowtable.HalfOpen, 2, refused, 1, [3]uint32{0, 1, 0}},
		{"a second RST is withheld, and not counted", reassign, []stepOf{
			first, refusedSYN, dropped(refusal, packet.Withheld), revived(second, 2),
		}, flowtable.HalfOpen, 2, refused, 1, [3]uint32{0, 1, 0}},
		{"without reassignment a RST is withheld all the same", func(*world) {}, []stepOf{first, refusedSYN, revived(second, 2)}, flowtable.HalfOpen, 2, refused, 1, [3]uint32{0, 1, 0}},
		{
			"a RST is passed, if the operator wants that", change(func(s *ruleset.Source) { s.Virtuals[0].PassReset = true }),
			[]stepOf{first, sent(refusal, toClient("RA").numbers(0, 1), rep+", "+closes)},
			flowtable.Reset, 1,
			ruleset.RealTally{Refused: 1},
			1,
			[3]uint32{},
		},
		{
			"a RST is passed where there is no other real", only(1),
			[]stepOf{first, sent(refusal, toClient("RA").numbers(0, 1), rep+", "+closes)},
			flowtable.Reset, 1,
			ruleset.RealTally{Refused: 1},
			1,
			[3]uint32{},
		},
		{
			"a RST is passed where the others are full",
			all(only(2), setReal(2, func(r *ruleset.Real) { r.MaxConns = 1 }), func(w *world) { w.counts.Shared = ruleset.NewShared(nil, slots.Reals); fill(w, 2, 1) }),
			[]stepOf{first, sent(refusal, toClient("RA").numbers(0, 1), rep+", "+closes)},
			flowtable.Reset, 1,
			ruleset.RealTally{Refused: 1},
			1,
			[3]uint32{},
		},
		{"a RST after the SYN-ACK ditches nothing", reassign, []stepOf{
			first, sent(fromReal(1, "SA"), toClient("SA"), rep), sent(refusal, toClient("RA").numbers(0, 1), rep+", "+closes),
		}, flowtable.Reset, 1, ruleset.RealTally{}, 0, [3]uint32{}},
		{"the real answers after its RST", reassign, []stepOf{
			first, refusedSYN, sent(fromReal(1, "SA"), toClient("SA"), rep+", "+restores), sent(fromClient("A"), toReal(1, "A"), fwd),
		}, flowtable.Established, 1, ruleset.RealTally{Refused: 1}, 0, [3]uint32{1, 0, 0}},
		{"a late SYN-ACK after a move is refused", byCount, join(unanswered(), []stepOf{
			syn(second, 2), late,
			sent(fromReal(2, "SA"), toClient("SA"), rep), sent(fromClient("A"), toReal(2, "A"), fwd), late,
		}), flowtable.Established, 2, silent, 1, [3]uint32{0, 1, 0}},
		{"a late RST after a move is dropped", byCount, join(unanswered(), []stepOf{
			syn(second, 2), dropped(refusal, packet.StrayReply), dropped(fromReal(1, "R"), packet.StrayReply),
			sent(fromReal(2, "SA"), toClient("SA"), rep),
		}), flowtable.HalfOpen, 2, silent, 1, [3]uint32{0, 1, 0}},
		{"an ICMP error of the abandoned real changes nothing", byCount, join(unanswered(), []stepOf{
			syn(second, 2), unreachableStep(t, 1, 0, stepOf{counters: "transit 1"}),
		}), flowtable.HalfOpen, 2, silent, 1, [3]uint32{0, 1, 0}},
		{"simultaneous close of a connection that was moved", byCount, join(unanswered(), []stepOf{
			syn(second, 2), sent(fromReal(2, "SA"), toClient("SA"), rep), sent(fromClient("A"), toReal(2, "A"), fwd),
			sent(fromClient("FA"), toReal(2, "FA"), fwd), sent(fromReal(2, "FA"), toClient("FA"), rep+", "+closes),
			sent(fromReal(2, "A"), toClient("A"), rep), sent(fromClient("A"), toReal(2, "A"), fwd),
		}), flowtable.Closing, 2, silent, 1, [3]uint32{}},
		{"another initial sequence number is another connection", byCount, []stepOf{
			first, sent(fromClient("S").numbers(7, 0), toReal(2, "S").numbers(7, 0), "forward 1, opened 1, closed 1"),
		}, flowtable.HalfOpen, 2, ruleset.RealTally{}, 0, [3]uint32{0, 1, 0}},
		{"and after an answer, too", byCount, []stepOf{
			first, sent(fromReal(1, "SA"), toClient("SA"), rep),
			sent(fromClient("S").numbers(7, 0), toReal(2, "S").numbers(7, 0), "forward 1, opened 1, closed 1"),
		}, flowtable.HalfOpen, 2, ruleset.RealTally{}, 0, [3]uint32{0, 1, 0}},
		{"and of a ditched one", byCount, []stepOf{
			first, refusedSYN, sent(fromClient("S").numbers(7, 0), toReal(2, "S").numbers(7, 0), reopens),
		}, flowtable.HalfOpen, 2, ruleset.RealTally{Refused: 1}, 1, [3]uint32{0, 1, 0}},
		{"and of a closing one", byCount, join(handshake(1), []stepOf{
			sent(fromClient("FA"), toReal(1, "FA"), fwd), sent(fromReal(1, "FA"), toClient("FA"), rep+", "+closes),
			sent(fromClient("S").numbers(7, 0), toReal(2, "S").numbers(7, 0), reopens),
		}), flowtable.HalfOpen, 2, ruleset.RealTally{}, 0, [3]uint32{0, 1, 0}},
		{"a SYN with data moves with its data", byCount, []stepOf{
			sent(fromClient("SP").with("fast"), toReal(1, "SP").with("fast"), opens1),
			later(second, sent(fromClient("SP").with("fast"), toReal(1, "SP").with("fast"), fwd)),
			later(second, sent(fromClient("S"), toReal(1, "S"), fwd)), // again without
			later(second, sent(fromClient("SP").with("fast"), toReal(2, "SP").with("fast"), fwd)),
		}, flowtable.HalfOpen, 2, silent, 1, [3]uint32{0, 1, 0}},
		{"a RST that acknowledges a SYN's data answers it", reassign, []stepOf{
			sent(fromClient("SP").with("fast"), toReal(1, "SP").with("fast"), opens1),
			{in: fromReal(1, "RA").numbers(0, 5), verdict: Drop, counters: "withheld 1, " + closes},
		}, flowtable.Ditched, 1, ruleset.RealTally{Refused: 1}, 1, [3]uint32{}},
		{"TCP Fast Open: answered by data and FIN before the client's ACK", reassign, []stepOf{
			sent(fromClient("SP").with("fast"), toReal(1, "SP").with("fast"), opens1),
			sent(fromReal(1, "SA"), toClient("SA"), rep),
			sent(fromReal(1, "FAP").with("all"), toClient("FAP").with("all"), rep),
			sent(fromClient("FA"), toReal(1, "FA"), lastFIN),
		}, flowtable.Closing, 1, ruleset.RealTally{}, 0, [3]uint32{}},
		{"a client that gives up a ditched connection", reassign, []stepOf{
			first, refusedSYN, sent(fromClient("R"), toReal(1, "R"), fwd),
		}, flowtable.Reset, 1, ruleset.RealTally{Refused: 1}, 1, [3]uint32{}},
		{"no other real: the same one again", all(only(1), byCount), join(unanswered(), []stepOf{
			later(second, sent(fromClient("S"), toReal(1, "S"), fwd+", "+closes)), syn(second, 1),
			sent(fromReal(1, "SA"), toClient("SA"), rep+", "+restores),
		}), flowtable.HalfOpen, 1, ruleset.RealTally{Silent: 1}, 0, [3]uint32{1, 0, 0}},
		{
			"no real at all: RST", func(w *world) {
				byCount(w)
				w.play(t, unanswered())
				change(func(s *ruleset.Source) {
					for i := range s.Virtuals[0].Members {
						s.Virtuals[0].Members[i].Weight = 0
					}
				})(w)
			},
			[]stepOf{later(second, stepOf{in: fromClient("S"), verdict: Send, want: rst(fromClient("S"), "RA", 0, 1), counters: "closed 1, refused 1, no-real 1, connections -1, records -1"})},
			flowtable.Free, 0,
			ruleset.RealTally{Silent: 1},
			1,
			[3]uint32{},
		},
		{
			"no real at all: silence, and the real may answer after all", func(w *world) {
				byCount(w)
				w.play(t, unanswered())
				change(func(s *ruleset.Source) {
					s.Virtuals[0].Refuse = false
					for i := range s.Virtuals[0].Members {
						s.Virtuals[0].Members[i].Weight = 0
					}
				})(w)
			},
			[]stepOf{
				later(second, stepOf{in: fromClient("S"), verdict: Drop, counters: "no-real 1, " + closes}),
				dropped(fromClient("S"), packet.NoReal),
				sent(fromReal(1, "SA"), toClient("SA"), rep+", "+restores),
			},
			flowtable.HalfOpen, 1,
			ruleset.RealTally{Silent: 1},
			0,
			[3]uint32{1, 0, 0},
		},
		{
			"a removed virtual moves nobody", func(w *world) {
				byCount(w)
				w.play(t, unanswered())
				change(func(s *ruleset.Source) { s.Virtuals[0].Draining = true })(w)
			},
			[]stepOf{syn(second, 1), syn(second, 1), sent(refusal, toClient("RA").numbers(0, 1), rep+", "+closes)},
			flowtable.Reset, 1,
			ruleset.RealTally{Refused: 1},
			1,
			[3]uint32{},
		},
		{
			"where the reply tuple is taken, it moves with another port", func(w *world) {
				byCount(w)
				change(func(s *ruleset.Source) {
					v := s.Virtuals[0]
					v.Slot, v.Port, v.Members = 3, 81, []ruleset.Member{{Binding: 32, Real: 2, Weight: 1}}
					s.Virtuals = append(s.Virtuals, v)
					s.Virtuals[0].Members = s.Virtuals[0].Members[:2]
				})(w)
				w.play(t, []stepOf{sent(fromClient("S").to("192.0.2.10:81"), toReal(2, "S"), opens1)})
			},
			join(unanswered(), []stepOf{later(second, sent(fromClient("S"), toReal(2, "S").from(shown80), "forward 1, translated 1"))}),
			flowtable.HalfOpen, 2,
			silent,
			1,
			[3]uint32{0, 2, 0},
		},
		{
			"to a real of the same endpoint, its own tuple is not in its way",
			all(byCount, only(2), setReal(2, func(r *ruleset.Real) { r.Address = firstReal })),
			join(unanswered(), []stepOf{later(second, sent(fromClient("S"), toReal(1, "S"), fwd)), sent(fromReal(1, "SA"), toClient("SA"), rep)}),
			flowtable.HalfOpen, 2, silent, 1,
			[3]uint32{0, 1, 0},
		},
		{
			"least connections follow", all(byCount, change(func(s *ruleset.Source) { s.Virtuals[0].Predictor = ruleset.LeastConns }), func(w *world) { w.turn[1] = 0; fill(w, 2, 2); fill(w, 3, 1) }),
			join(unanswered(), []stepOf{syn(second, 3)}), flowtable.HalfOpen, 3, silent, 1,
			[3]uint32{0, 0, 1},
		},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			base := [3]uint32{}
			for i := range base {
				base[i] = w.filled[i+1]
			}
			w.play(t, tt.steps)
			r := w.flow(client)
			switch {
			case r == nil && tt.phase != flowtable.Free:
				t.Fatal("the flow is gone")
			case r != nil && (r.Phase != tt.phase || r.RealSlot != tt.real):
				t.Errorf("%v at real %d, want %v at %d", r.Phase, r.RealSlot, tt.phase, tt.real)
			}
			got := w.counts.Tally(1)
			got.Response, got.Answered = 0, 0
			if row := w.counts.Shared.Ditched(1); got != tt.tally || row != tt.row {
				t.Errorf("%+v, %d in a row; want %+v, %d", got, row, tt.tally, tt.row)
			}
			for i, want := range tt.open {
				if n := w.counts.Reals[i+1].Open - base[i]; n != want {
					t.Errorf("real %d: %d connections, want %d", i+1, n, want)
				}
			}
			w.empty()
			w.end(t)
		})
	}
}

// revived is the client's SYN of a connection that is ditched, and the real that takes it.
func revived(wait uint32, n int) stepOf {
	return later(wait, sent(fromClient("S"), toReal(n, "S"), fwd+", "+restores))
}

// fill counts connections on a real that no flow has, as another virtual's.
func fill(w *world, real uint16, n uint32) {
	for range n {
		w.counts.Reserve(real, 0)
		w.counts.Begin(uint32(90 + real))
	}
	w.filled[real] += n
}

// empty takes them back.
func (w *world) empty() {
	for real, n := range w.filled {
		for range n {
			w.counts.Close(uint32(90+real), uint16(real))
		}
	}
	clear(w.filled[:])
}

// TestUnreachable: which ICMP errors answer a SYN as a RST does, and which do not.
func TestUnreachable(t *testing.T) {
	for code := range uint8(16) {
		w := newWorld(t, 100, nil)
		w.play(t, []stepOf{first})
		if code == 4 { // a packet too big says nothing of the real
			w.play(t, []stepOf{unreachableStep(t, code, 0, stepOf{counters: "transit 1"})})
			continue
		}
		w.play(t, []stepOf{unreachableStep(t, code, 0, stepOf{counters: "withheld 1, " + closes}), revived(second, 2)})
		if got := w.counts.Tally(1); got != (ruleset.RealTally{Refused: 1, Moved: 1}) {
			t.Errorf("code %d: %+v", code, got)
		}
		w.end(t)
	}
	told := rst(fromClient("S"), "RA", 0, 1)
	passed := stepOf{counters: "refused 1, withheld 1, " + closes, spare: told}
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
		phase       flowtable.Phase
	}{
		{"another sequence number", route, []stepOf{first, unreachableStep(t, 1, 1, stepOf{counters: "stray-reply 1"})}, flowtable.HalfOpen},
		{"after the SYN-ACK", route, append(handshake(1)[:2:2], unreachableStep(t, 1, 0, stepOf{counters: "stray-reply 1"})), flowtable.HalfOpen},
		{"of an established connection", route, append(handshake(1), unreachableStep(t, 1, 0, stepOf{counters: "stray-reply 1"})), flowtable.Established},
		{"where there is no other real, the client is told", only(1), []stepOf{first, unreachableStep(t, 3, 0, passed)}, flowtable.Reset},
		{"the client is told, if the operator wants that", change(func(s *ruleset.Source) { s.Virtuals[0].PassReset = true }), []stepOf{first, unreachableStep(t, 3, 0, passed)}, flowtable.Reset},
		{"to another than the client", route, []stepOf{first, {
			in: pkt{port: inside}, verdict: Drop, counters: "stray-reply 1",
			raw: icmp(t, inside, "10.0.0.11", "198.51.100.9", 3, toReal(1, "S").out(t)[14:], 64),
		}}, flowtable.HalfOpen},
		{"a time exceeded", route, []stepOf{first, {
			in: pkt{port: inside}, verdict: Drop, counters: "stray-reply 1",
			raw: icmp(t, inside, "10.0.0.11", "198.51.100.1", 11, toReal(1, "S").out(t)[14:], 64),
		}}, flowtable.HalfOpen},
		{"quoted too short for a sequence number", route, []stepOf{first, {
			in: pkt{port: inside}, verdict: Drop, counters: "stray-reply 1",
			raw: icmp(t, inside, "10.0.0.11", "198.51.100.1", 3, toReal(1, "S").out(t)[14:14+27], 64),
		}}, flowtable.HalfOpen},
		{"from a router on the way", func(*world) {}, []stepOf{first, {
			in: pkt{port: inside}, verdict: Drop, counters: "withheld 1, " + closes,
			raw: icmp(t, inside, "10.0.0.99", "198.51.100.1", 3, toReal(1, "S").out(t)[14:14+28], 64),
		}}, flowtable.Ditched},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			if r := w.flow(client); r.Phase != tt.phase {
				t.Errorf("%v, want %v", r.Phase, tt.phase)
			}
			w.end(t)
		})
	}
}

// TestUnreachableIsHandedOver: the worker that owns the connection hears of it.
func TestUnreachableIsHandedOver(t *testing.T) {
	c := newCluster(t, 2, 100)
	c.apply()
	syn := fromClient("S").in(t)
	owner := int(c.workers[0].steering.Owner(0xc6336401, 40000))
	if f := c.deliver(0, outside, syn); f.Verdict != Send {
		t.Fatal(f.Verdict)
	}
	error := unreachable(t, 1, toReal(1, "S"))
	if f := c.burst(1-owner, frameOf(inside, error)); f.Verdict != Hand || f.Out != uint16(owner) {
		t.Fatalf("verdict %d out %d", f.Verdict, f.Out)
	}
	f := frameOf(inside, error)
	f.Flags = FlagHanded
	if c.burst(owner, f); c.workers[owner].flow(client).Phase != flowtable.Ditched {
		t.Error("the owner did not heed it")
	}
}

// TestRunsOfDitched: a threshold's signal comes with the connection that reaches it, over all clients.
func TestRunsOfDitched(t *testing.T) {
	for _, tt := range []struct {
		name    string
		success int // before this one, one succeeds
		want    int // the one with which the signal comes; 0: none of 12 does
	}{{"eight in a row", 99, 7}, {"a success between", 5, 0}, {"a success at first", 2, 9}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			all(byCount, setReal(1, func(r *ruleset.Real) { r.Threshold = 8 }))(w)
			v := &w.source.Virtuals[0]
			at1 := v.Members[:1] // only the first real opens
			both := v.Members[:2]
			raised := 0
			for n := range 12 {
				if n == tt.success {
					v.Members = at1
					w.apply()
					w.give(t, fromClient("S").from(at(100)))
					w.give(t, fromReal(1, "SA").to(at(100)))
				}
				v.Members = at1
				w.apply()
				w.give(t, fromClient("S").from(at(n)))
				v.Members = both
				w.apply()
				if n%2 == 0 { // by silence and by refusal alike
					w.give(t, fromReal(1, "RA").to(at(n)).numbers(0, 1))
				} else {
					for range 3 {
						w.pass(second)
						w.give(t, fromClient("S").from(at(n)))
					}
				}
				if w.counts.Shared.Signals(1)&ruleset.ThresholdReached != 0 && raised == 0 {
					raised = n
				}
			}
			if want := tt.want; raised != want {
				t.Errorf("raised by %d, want %d", raised, want)
			}
			w.end(t)
		})
	}
}

// TestResponseTime: only a SYN that was not repeated measures its answer (Karn).
func TestResponseTime(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules func(*world)
		steps []stepOf
		real  uint16
		want  uint32
	}{
		{"one SYN", reassign, []stepOf{first, later(7, sent(fromReal(1, "SA"), toClient("SA"), rep))}, 1, 7},
		{"at once", reassign, []stepOf{first, sent(fromReal(1, "SA"), toClient("SA"), rep)}, 1, 1},
		{"a second SYN-ACK measures nothing", reassign, []stepOf{
			first, later(7, sent(fromReal(1, "SA"), toClient("SA"), rep)), later(9, sent(fromReal(1, "SA"), toClient("SA"), rep)),
		}, 1, 7},
		{"a repeated SYN", reassign, []stepOf{first, syn(second, 1), later(7, sent(fromReal(1, "SA"), toClient("SA"), rep))}, 1, 0},
		{"moved: from the SYN that the new real got", byCount, join(unanswered(), []stepOf{
			syn(second, 2), later(5, sent(fromReal(2, "SA"), toClient("SA"), rep)),
		}), 2, 5},
		{"nobody else took it: repeated", all(only(1), reassign), []stepOf{
			first, later(3*second, sent(fromClient("S"), toReal(1, "S"), fwd+", "+closes)),
			later(4, sent(fromReal(1, "SA"), toClient("SA"), rep+", "+restores)),
		}, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			got := w.counts.Tally(tt.real)
			if got.Response != tt.want || tt.want != 0 && got.Answered == 0 {
				t.Errorf("%+v, want %d beats", got, tt.want)
			}
		})
	}
	w := newWorld(t, 100, nil) // a tick is many beats
	w.tickShift = 11
	w.setTime(1000)
	frame := func(p pkt, beat uint64) { w.Burst([]Frame{frameOf(p.port, p.in(t))}, beat) }
	frame(fromClient("S"), 1000<<11+5)
	frame(fromReal(1, "SA"), 1000<<11+505)
	if got := w.counts.Tally(1); got.Response != 500 || got.Answered != 1000 {
		t.Errorf("%+v", got)
	}
}

// TestWatched: an answer on an established connection of a failed real shows life, once a sweep.
func TestWatched(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.sweep.round = 1
	w.play(t, handshake(1))
	w.play(t, []stepOf{sent(fromClient("u").to(webUDP), toReal(1, "u"), opens1)})
	life := func(p pkt, want ruleset.Signal) {
		t.Helper()
		if f := w.give(t, p); f.Verdict != Send {
			t.Fatal(f.Verdict)
		}
		if got := w.counts.Shared.Signals(1); got != want {
			t.Errorf("%+v: signals %#x, want %#x", p, got, want)
		}
	}
	life(fromReal(1, "A"), 0)
	setReal(1, func(r *ruleset.Real) { r.Watched, r.Unavailable = true, true })(w)
	w.pass(2)
	life(fromClient("A"), 0)
	life(fromClient("AP"), 0)
	life(fromReal(1, "A"), ruleset.ShowsLife)
	w.pass(2)
	w.sweep.round = 1 << 20 // it has asked again; from now on it does not come by
	life(fromReal(1, "A"), ruleset.ShowsLife)
	life(fromReal(1, "A"), 0)
	life(fromReal(1, "u"), ruleset.ShowsLife)
	life(fromReal(1, "u"), 0)
	w.sweep.round, w.sweep.debt = 1, 0
	w.pass(2)
	setReal(1, func(r *ruleset.Real) { r.Watched, r.Unavailable = false, false })(w)
	life(fromReal(1, "A"), 0) // it is in service by now
	if r := w.flow(client); !r.Steady() {
		t.Error("the flow stays on the slow path")
	}
	w.end(t)
}

// While the director itself loses frames, a real's silence may be the director's: its client is moved, but it fails no real
// and decides no trial. A refusal is the real's own.
func TestSilenceOfOurOwnMaking(t *testing.T) {
	for _, tt := range []struct {
		description string
		lost        uint32 // ticks after the client's first SYN
		refused     bool
		row         uint32
	}{
		{"lost before it came", 0, false, 1},
		{"lost since", 100, false, 0},
		{"refused", 100, true, 1},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			byCount(w)
			setReal(1, func(r *ruleset.Real) { r.Threshold = 8 })(w)
			w.apply()
			w.run(frameOf(outside, fromClient("S").in(t)))
			w.counts.Shared.Lose(uint64(w.time + tt.lost))
			w.time += second
			if tt.refused {
				w.run(frameOf(inside, refusal.in(t)))
			}
			for range 3 {
				w.run(frameOf(outside, fromClient("S").in(t)))
				w.time += second
			}
			if got := w.counts.Shared.Ditched(1); got != tt.row {
				t.Errorf("%d ditched in a row, want %d", got, tt.row)
			}
			if tally := w.counts.Tally(1); tally.Silent+tally.Refused != 1 || tally.Moved != 1 {
				t.Errorf("%+v: its client was not moved", tally)
			}
		})
	}
}
