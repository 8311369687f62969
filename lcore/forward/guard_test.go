package forward

import (
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

func guarded(limit uint32, drop bool) func(*world) {
	return change(func(s *ruleset.Source) { s.Virtuals[0].Guard = ruleset.Guard{Limit: limit, Drop: drop} })
}

const gaveWay = "forward 1, opened 1, closed 1"

// TestGuard: above its limit a virtual's oldest half-open connection gives way, or the new one is dropped.
func TestGuard(t *testing.T) {
	open := func(n, real int, counters string) stepOf {
		return sent(fromClient("S").from(at(n)), toReal(real, "S").from(at(n)), counters)
	}
	answer := func(n, real int) stepOf { return sent(fromReal(real, "SA").to(at(n)), toClient("SA").to(at(n)), rep) }
	told := func(s stepOf, n, real int) stepOf { // its real hears of it, in the client's name
		s.spare = pkt{port: inside, src: at(n), dst: toReal(real, "").dst, flags: "R", seq: 1, made: true}
		s.counters = "forward 1, opened 1, closed 1, refused 1"
		return s
	}
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
		left        []int // whose flows are there in the end
		gone        []int
	}{
		{"up to the limit", guarded(2, false), []stepOf{open(1, 1, opens1), open(2, 2, opens1)}, []int{1, 2}, nil},
		{"the oldest gives way", guarded(2, false), []stepOf{open(1, 1, opens1), open(2, 2, opens1), open(3, 3, gaveWay), open(4, 1, gaveWay)}, []int{3, 4}, []int{1, 2}},
		{"its real is told, if it has answered", guarded(2, false), []stepOf{
			open(1, 1, opens1), answer(1, 1), open(2, 2, opens1), told(open(3, 3, gaveWay), 1, 1), open(4, 1, gaveWay),
		}, []int{3, 4}, []int{1, 2}},
		{"a repeated SYN takes no other's place, and keeps its own", guarded(2, false), []stepOf{
			open(1, 1, opens1), open(2, 2, opens1), open(1, 1, fwd), open(2, 2, fwd), open(3, 3, gaveWay),
		}, []int{2, 3}, []int{1}},
		{"established ones do not count", guarded(1, false), []stepOf{
			open(1, 1, opens1), answer(1, 1), sent(fromClient("A").from(at(1)), toReal(1, "A").from(at(1)), fwd), open(2, 2, opens1), open(3, 3, gaveWay),
		}, []int{1, 3}, []int{2}},
		{"one in the middle of the list is established", guarded(3, false), []stepOf{
			open(1, 1, opens1), open(2, 2, opens1), answer(2, 2), open(3, 3, opens1),
			sent(fromClient("A").from(at(2)), toReal(2, "A").from(at(2)), fwd),
			open(4, 1, opens1), open(5, 2, gaveWay), open(6, 3, gaveWay),
		}, []int{2, 4, 5, 6}, []int{1, 3}},
		{"the newest resets", guarded(2, false), []stepOf{
			open(1, 1, opens1), open(2, 2, opens1), sent(fromClient("R").from(at(2)), toReal(2, "R").from(at(2)), fwd+", "+closes),
			open(3, 3, opens1), open(4, 1, gaveWay),
		}, []int{2, 3, 4}, []int{1}},
		{"one that moved is the newest", all(byCount, guarded(2, false)), []stepOf{
			open(1, 1, opens1), open(2, 2, opens1),
			later(second, open(1, 1, fwd)), later(second, open(1, 1, fwd)), later(second, open(1, 3, fwd)),
			open(3, 1, gaveWay),
		}, []int{1, 3}, []int{2}},
		{"others' workers count", all(guarded(3, false), func(w *world) { w.counts.Virtuals[1].Others = 2 }), []stepOf{
			open(1, 1, opens1), open(2, 2, gaveWay),
		}, []int{2}, []int{1}},
		{"others' workers have all", all(guarded(3, false), func(w *world) { w.counts.Virtuals[1].Others = 3 }), []stepOf{
			dropped(fromClient("S").from(at(1)), packet.Synguard),
		}, nil, []int{1}},
		{"above the limit SYNs are dropped", guarded(2, true), []stepOf{
			open(1, 1, opens1), open(2, 2, opens1), dropped(fromClient("S").from(at(3)), packet.Synguard),
			open(1, 1, fwd), // known ones go on
			sent(fromClient("R").from(at(1)), toReal(1, "R").from(at(1)), fwd+", "+closes),
			open(3, 1, opens1), // the turn that was not used is lost
		}[:4], []int{1, 2}, []int{3}},
		{"no limit", guarded(0, true), []stepOf{open(1, 1, opens1), open(2, 2, opens1), open(3, 3, opens1)}, []int{1, 2, 3}, nil},
		{"other virtuals are unaffected", all(guarded(1, true), change(func(s *ruleset.Source) {
			v := s.Virtuals[0]
			v.Slot, v.Port, v.Guard = 3, 81, ruleset.Guard{}
			s.Virtuals = append(s.Virtuals, v)
		})), []stepOf{
			open(1, 1, opens1),
			dropped(fromClient("S").from(at(2)), packet.Synguard),
			sent(fromClient("S").to("192.0.2.10:81").from(at(2)), toReal(1, "S").from(at(2)), opens1),
			sent(fromClient("S").to("192.0.2.10:81").from(at(3)), toReal(2, "S").from(at(3)), opens1),
			sent(fromClient("u").to(webUDP).from(at(4)), toReal(1, "u").from(at(4)), opens1),
		}, []int{1}, []int{2}},
		{"a real whose next hop is gone is not told", all(guarded(1, false)), []stepOf{
			open(1, 1, opens1), answer(1, 1),
		}, []int{1}, nil},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			for _, n := range tt.left {
				if w.flow(at(n)) == nil {
					t.Errorf("client %d's flow is gone", n)
				}
			}
			for _, n := range tt.gone {
				if w.flow(at(n)) != nil {
					t.Errorf("client %d's flow is there", n)
				}
			}
			w.end(t)
			if n := w.counts.Virtual(1).HalfOpen; n != 0 {
				t.Errorf("in the end: %d half-open", n)
			}
		})
	}
}

// TestGuardTellsRealsAsFarAsItCan: without a next hop or a spare frame it does without.
func TestGuardTellsRealsAsFarAsItCan(t *testing.T) {
	for name, c := range map[string]struct {
		rules func(*world)
		want  int
	}{
		"as usual":       {func(*world) {}, 1},
		"no spare frame": {func(w *world) { w.spares = nil }, 0},
		"an empty one":   {func(w *world) { w.spares[0].Data = nil }, 0},
		"no next hop":    {func(w *world) { w.hops.Unset(2); w.hops.SetNeighbour(inside, firstReal, 0) }, 0},
		"another next hop": {func(w *world) {
			w.hops.Unset(2)
			w.hops.Set(8, 1, 2, inside)
			w.hops.SetNeighbour(inside, firstReal, 8)
		}, 1},
		"routes changed": {func(w *world) { w.source.RouteGeneration++; w.apply() }, 1},
	} {
		w := newWorld(t, 100, nil)
		guarded(1, false)(w)
		w.give(t, fromClient("S"))
		w.give(t, fromReal(1, "SA"))
		c.rules(w)
		if f := w.give(t, fromClient("S").from(at(1))); f.Verdict != Send || w.Spared() != c.want {
			t.Errorf("%s: verdict %d, %d told, want %d", name, f.Verdict, w.Spared(), c.want)
		}
		w.end(t)
	}
}

// TestFlood: clients get through a flood of SYNs that nobody follows up, the limit holds, and no real fails.
func TestFlood(t *testing.T) {
	const limit, flood = 50, 5000
	for _, repeated := range []int{1, 5} { // copies of each SYN, all at once
		w := newWorld(t, 1000, nil)
		all(reassign, guarded(limit, false))(w)
		for n := uint16(1); n <= 3; n++ {
			setReal(n, func(r *ruleset.Real) { r.Threshold = 8 })(w)
		}
		answered, through := 0, 0
		for n := range flood {
			frames := make([]Frame, 0, repeated)
			for range repeated {
				frames = append(frames, frameOf(outside, fromClient("S").from(at(10_000+n)).in(t)))
			}
			w.run(frames...)
			if got := w.counts.Virtual(1).HalfOpen; got > limit {
				t.Fatalf("%d half-open, at most %d", got, limit)
			}
			if n%3 == 0 { // reals answer a little later
				if r := w.flow(at(10_000 + n)); r != nil {
					w.give(t, fromReal(int(r.RealSlot), "SA").to(at(10_000+n)))
					answered++
				}
			}
			if n%100 == 50 { // a client, whose round trip takes as long as 30 of the flood's SYNs
				w.give(t, fromClient("S").from(at(n)))
			}
			if n%100 == 80 {
				from := at(n - 30)
				r := w.flow(from)
				if r == nil {
					t.Fatal("a client gave way")
				}
				w.give(t, fromReal(int(r.RealSlot), "SA").to(from))
				w.give(t, fromClient("A").from(from))
				if r.Phase == flowtable.Established {
					through++
				}
			}
			if n%10 == 0 {
				w.pass(1)
			}
		}
		if answered == 0 || through != flood/100 {
			t.Errorf("%d answered, %d of %d clients got through", answered, through, flood/100)
		}
		for real := range uint16(4) {
			if got := w.counts.Shared.Ditched(real); got != 0 || w.counts.Shared.Signals(real) != 0 {
				t.Errorf("real %d: %d ditched", real, got)
			}
		}
		w.Publish()
		if got := w.stats.GaveWay.Load(); got < flood-limit-flood/50 {
			t.Errorf("%d gave way", got)
		}
		w.end(t)
	}
}
