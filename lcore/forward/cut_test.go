package forward

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

var (
	flushVirtual = change(func(s *ruleset.Source) { s.Virtuals[0].Flush = true })
	flushAll     = change(func(s *ruleset.Source) { s.Virtuals[0].Flush, s.Virtuals[1].Flush = true, true })
	flushReal1   = setReal(1, func(r *ruleset.Real) { r.Flush = true })
	idleReset    = change(func(s *ruleset.Source) { s.Virtuals[0].IdleReset = true })
)

// everyTick has the sweep look at every record at every tick.
func (w *world) everyTick() { w.sweep.round = 1 }

// provoked are the segments that ask both ends of the client's connection with real n to speak. In rounds after the first
// there are four.
func (w *world) provoked(n int) (all []pkt) {
	base := w.flow(client).Last * golden
	seq, ack := base+uint32(w.sweep.done&1)<<31, base+uint32(w.sweep.done&2)<<30
	for _, p := range []pkt{{port: outside, src: webTCP, dst: client}, {port: inside, src: client, dst: real(n)}} {
		p.flags, p.seq, p.ack, p.made = "A", seq, ack, true
		all = append(all, p)
		if p.stamped = true; w.flow(client).Last != w.time {
			all = append(all, p)
		}
	}
	return all
}

// made fails unless the last burst made these packets of the worker's own, in this order.
func (w *world) made(t *testing.T, want ...pkt) {
	t.Helper()
	if w.Spared() != len(want) {
		t.Errorf("%d packets made, want %d", w.Spared(), len(want))
		return
	}
	for i, p := range want {
		if f, b := &w.spares[i], p.out(t); f.Verdict != Send || f.Out != p.port || f.Flags != FlagResized || !bytes.Equal(f.Bytes(), b) {
			t.Errorf("verdict %d out %d flags %d, made\n%s\nwant\n%s", f.Verdict, f.Out, f.Flags, dump(f.Bytes()), dump(b))
		}
	}
}

// severedStep is a segment that is answered with this RST.
func severedStep(in pkt, flags string, seq, ack uint32) stepOf {
	return stepOf{in: in, verdict: Send, want: rst(in, flags, seq, ack), counters: "refused 1, cut 1"}
}

// TestCut: what an end of a connection that is cut sends is answered with the RST that it must believe.
func TestCut(t *testing.T) {
	for _, tt := range []struct {
		description string
		before      []stepOf // after the handshake
		told        bool     // both ends know when the flush comes
		steps       []stepOf
		phase       flowtable.Phase
	}{
		{"a busy client", nil, false, []stepOf{
			severedStep(fromClient("AP").with("more").numbers(700, 900), "R", 900, 0),
			severedStep(fromClient("A").numbers(704, 950), "R", 950, 0), // it had not expected that one yet
		}, flowtable.Cut},
		{"a busy real", nil, false, []stepOf{severedStep(fromReal(1, "AP").with("more").numbers(900, 700), "R", 700, 0)}, flowtable.Cut},
		{"both ends answer what provokes them", nil, false, []stepOf{
			severedStep(fromClient("A").numbers(700, 900), "R", 900, 0),
			severedStep(fromReal(1, "A").numbers(900, 700), "R", 700, 0),
		}, flowtable.Cut},
		{"a FIN", nil, false, []stepOf{severedStep(fromClient("FA").numbers(700, 900), "R", 900, 0)}, flowtable.Cut},
		{"one end was done", []stepOf{sent(fromClient("FA"), toReal(1, "FA"), fwd)}, false, []stepOf{
			severedStep(fromClient("A").numbers(701, 900), "R", 900, 0),
			severedStep(fromReal(1, "FA").numbers(900, 701), "R", 701, 0),
		}, flowtable.Cut},
		{"no ACK to go by", nil, false, []stepOf{severedStep(fromClient("F").numbers(700, 0), "RA", 0, 701)}, flowtable.Cut},
		{"a late SYN-ACK", nil, false, []stepOf{severedStep(fromReal(1, "SA").numbers(5, 1), "R", 1, 0)}, flowtable.Cut},
		{"a SYN, but a real's", nil, false, []stepOf{severedStep(fromReal(1, "S").numbers(5, 0), "RA", 0, 6)}, flowtable.Cut},
		{"a RST goes on", nil, false, []stepOf{
			sent(fromClient("R").numbers(700, 0), toReal(1, "R").numbers(700, 0), fwd),
			sent(fromReal(1, "RA").numbers(900, 700), toClient("RA").numbers(900, 700), rep),
			severedStep(fromClient("A").numbers(700, 900), "R", 900, 0), // and restores nothing
			severedStep(fromReal(1, "A").numbers(900, 700), "R", 700, 0),
		}, flowtable.Cut},
		{"another connection in its place", nil, false, []stepOf{sent(fromClient("S").numbers(9, 0), toReal(2, "S").numbers(9, 0), "forward 1, opened 1, closed 1, connections 1")}, flowtable.HalfOpen},
		{"a reset one is not restored", []stepOf{sent(fromClient("R"), toReal(1, "R"), fwd+", "+closes)}, true, []stepOf{
			severedStep(fromClient("A").numbers(700, 900), "R", 900, 0),
			severedStep(fromReal(1, "A").numbers(900, 700), "R", 700, 0),
		}, flowtable.Cut},
		{"one that is closing stays so", []stepOf{
			sent(fromClient("FA"), toReal(1, "FA"), fwd), sent(fromReal(1, "FA"), toClient("FA"), rep+", "+closes),
		}, true, []stepOf{sent(fromClient("A"), toReal(1, "A"), fwd)}, flowtable.Closing},
		{"time to live", nil, false, []stepOf{
			{in: fromClient("A").hops(1), verdict: Send, wantRaw: timeExceeded(t, outside, fromClient("A").hops(1).in(t)), counters: "ttl-expired 1"},
		}, flowtable.Cut},
	} {
		for name, flush := range map[string]func(*world){"virtual": flushVirtual, "real": flushReal1} {
			t.Run(tt.description+", by "+name, func(t *testing.T) {
				w := newWorld(t, 100, nil)
				w.play(t, join(handshake(1), tt.before))
				w.everyTick()
				flush(w)
				cut := uint64(1)
				if w.pass(1); tt.told {
					w.made(t)
					cut = 0
				} else {
					w.made(t, w.provoked(1)...)
				}
				if w.Publish(); w.connections() != 0 || w.stats.Cut.Load() != cut {
					t.Errorf("%d connections, %d cut", w.connections(), w.stats.Cut.Load())
				}
				change(func(s *ruleset.Source) { s.Virtuals[0].Flush = false })(w)
				setReal(1, func(r *ruleset.Real) { r.Flush = false })(w)
				w.play(t, tt.steps)
				if r := w.flow(client); r == nil || r.Phase != tt.phase {
					t.Errorf("in the end: %+v", r)
				}
				w.end(t)
				if w.Publish(); w.stats.Cut.Load() != cut {
					t.Errorf("%d cut", w.stats.Cut.Load())
				}
			})
		}
	}
}

// TestCutOpening: who waits for an answer is refused, and a real that has answered is told.
func TestCutOpening(t *testing.T) {
	toldClient := pkt{port: outside, src: webTCP, dst: client, flags: "RA", ack: 1, made: true}
	toldReal := pkt{port: inside, src: client, dst: real(1), flags: "R", seq: 1, made: true}
	for _, tt := range []struct {
		description string
		before      []stepOf
		made        func(w *world) []pkt
		cut         uint64
		steps       []stepOf
	}{
		{
			"no answer yet", handshake(1)[:1], func(*world) []pkt { return []pkt{toldClient} }, 1,
			[]stepOf{refusedBy(fromReal(1, "SA").numbers(5, 1), packet.StrayReply, rst(fromReal(1, "SA"), "R", 1, 0))},
		},
		{
			"an answer", handshake(1)[:2], func(w *world) []pkt { return []pkt{toldClient, toldReal, w.provoked(1)[0]} }, 1,
			[]stepOf{
				severedStep(fromClient("A").numbers(1, 6), "R", 6, 0),
				severedStep(fromReal(1, "SA").numbers(5, 1), "R", 1, 0),
			},
		},
		{"ditched", []stepOf{handshake(1)[0], refusedSYN}, func(*world) []pkt { return []pkt{toldClient} }, 0, nil},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			w.play(t, tt.before)
			w.everyTick()
			flushVirtual(w)
			w.pass(1)
			w.made(t, tt.made(w)...)
			if w.Publish(); w.connections() != 0 || w.stats.Cut.Load() != tt.cut || w.counts.Virtual(1).HalfOpen != 0 || w.opening[1] != (opening{}) {
				t.Errorf("%d connections, %d cut, %+v", w.connections(), w.stats.Cut.Load(), w.opening[1])
			}
			w.play(t, tt.steps)
			w.end(t)
		})
	}
}

// TestCutAsks: each end is asked until it speaks, for the close delay at most. A RST of somebody who does not have the
// connection, but our number, is no answer, and goes nowhere.
func TestCutAsks(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.play(t, handshake(1))
	w.everyTick()
	flushVirtual(w)
	numbers := map[[2]uint32]int{}
	for tick := range uint32(10 * second) {
		w.pass(1)
		want := w.provoked(1)
		switch {
		case tick > 20:
			want = nil
		case tick > 10:
			want = want[:2]
		}
		if w.made(t, want...); t.Failed() {
			t.Fatalf("tick %d", tick)
		}
		if tick <= 10 {
			numbers[[2]uint32{want[0].seq, want[0].ack}]++
		}
		switch tick {
		case 9:
			ours := fromClient("R").numbers(want[0].ack, 0)
			w.play(t, []stepOf{dropped(ours, packet.Cut), dropped(fromReal(1, "RA").numbers(want[0].ack^1<<31, 0), packet.Cut)})
		case 10:
			w.play(t, []stepOf{severedStep(fromReal(1, "A").numbers(900, 700), "R", 700, 0)})
		case 20:
			w.play(t, []stepOf{sent(fromClient("R").numbers(700, 0), toReal(1, "R").numbers(700, 0), fwd)})
		}
	}
	if len(numbers) != 4 {
		t.Errorf("asked with the numbers %x", numbers)
	}
	if w.flow(client) == nil {
		t.Error("gone before its time")
	}
	if w.pass(2); w.flow(client) != nil {
		t.Error("still there")
	}
	w.end(t)
}

// TestCutByIdleTimer: with IdleReset an idle connection is cut, without it it just goes.
func TestCutByIdleTimer(t *testing.T) {
	for name, rules := range map[string]func(*world){"reset": idleReset, "silent": change(func(*ruleset.Source) {})} {
		w := newWorld(t, 100, nil)
		rules(w)
		w.play(t, handshake(1))
		w.play(t, []stepOf{sent(fromClient("S").from(at(1)), toReal(2, "S").from(at(1)), opens1)})
		w.everyTick()
		w.pass(31 * second)
		if w.flow(at(1)) != nil || w.flow(client) == nil {
			t.Errorf("%s: the half-open one must be gone, without a word", name)
		}
		w.time += 3569*second - 2
		if w.pass(1); w.flow(client).Phase != flowtable.Established {
			t.Errorf("%s: too early", name)
		}
		w.pass(1)
		if name == "reset" {
			w.made(t, w.provoked(1)...)
			w.play(t, []stepOf{
				severedStep(fromClient("A").numbers(700, 900), "R", 900, 0),
				severedStep(fromReal(1, "A").numbers(900, 700), "R", 700, 0),
			})
		} else if w.made(t); w.flow(client) != nil {
			t.Error("still there")
		}
		if w.connections() != 0 {
			t.Errorf("%s: %d connections", name, w.connections())
		}
		w.end(t)
	}
}

// TestCutWhom: a flush cuts what is its virtual's, or its real's, and all of it.
func TestCutWhom(t *testing.T) {
	for name, c := range map[string]struct {
		flush func(*world)
		web   func(real uint16) bool
		dns   func(real uint16) bool
	}{
		"the virtual": {flushVirtual, func(uint16) bool { return true }, func(uint16) bool { return false }},
		"the real":    {flushReal1, func(real uint16) bool { return real == 1 }, func(real uint16) bool { return real == 1 }},
		"all":         {flushAll, func(uint16) bool { return true }, func(uint16) bool { return true }},
	} {
		const each = 300
		w := newWorld(t, 2*each+10, nil)
		route(w)
		for n := range each {
			w.give(t, fromClient("S").from(at(n)))
			r := w.flow(at(n))
			w.give(t, fromReal(int(r.RealSlot), "SA").to(at(n)))
			w.give(t, fromClient("A").from(at(n)))
			w.give(t, fromClient("u").from(at(n)).to(webUDP))
		}
		cut, gone := 0, 0
		for n := range w.table.Stats().Used {
			switch r := w.table.Record(n + 1); {
			case r.VirtualSlot == 1 && c.web(r.RealSlot):
				cut++
			case r.VirtualSlot == 2 && c.dns(r.RealSlot):
				gone++
			}
		}
		c.flush(w)
		asked := map[string]int{}
		for range 2 * second { // one round
			w.pass(1)
			for _, f := range w.spares[:w.Spared()] {
				asked[fmt.Sprint(f.Out, f.Bytes()[26:38])]++
			}
		}
		for k := range w.table.Extent() {
			r := w.table.Record(k + 1)
			want := r.Phase
			if r.VirtualSlot == 1 {
				want = flowtable.Established
				if c.web(r.RealSlot) {
					want = flowtable.Cut
				}
			} else if r.VirtualSlot == 2 && c.dns(r.RealSlot) {
				want = flowtable.Free
			}
			if r.Phase != want {
				t.Fatalf("%s: %+v, want phase %s", name, r, want)
			}
		}
		if w.Publish(); w.stats.Cut.Load() != uint64(cut+gone) || w.table.Stats().Used != uint32(2*each-gone) || w.connections() != uint64(2*each-cut-gone) {
			t.Errorf("%s: %d cut, %d records, want %d, %d", name, w.stats.Cut.Load(), w.table.Stats().Used, cut+gone, 2*each-gone)
		}
		// With four spare frames a burst, nobody was left out.
		if len(asked) != 2*cut || cut > 0 && slices.Max(slices.Collect(maps.Values(asked))) > 1 {
			t.Errorf("%s: %d ends asked, want %d once each", name, len(asked), 2*cut)
		}
		w.end(t)
	}
}

// TestCutWithoutFrames: where no frame is left, or no way, the sweep goes on, and ends are asked once there is.
func TestCutWithoutFrames(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.play(t, handshake(1))
	w.play(t, []stepOf{sent(fromClient("u").to(webUDP), toReal(1, "u"), opens1)})
	flushAll(w)
	spares := w.spares
	w.spares = nil
	w.pass(2 * second)
	if r := w.flow(client); r.Phase != flowtable.Cut || w.table.Stats().Used != 1 {
		t.Errorf("%+v", r)
	}
	w.spares = spares
	w.everyTick()
	if w.pass(1); w.Spared() != 4 {
		t.Errorf("%d asked", w.Spared())
	}
	w.hops.Unset(2)
	w.hops.SetNeighbour(inside, firstReal, 0)
	if w.pass(1); w.Spared() != 2 || w.spares[0].Out != outside || w.spares[1].Out != outside {
		t.Errorf("%d asked", w.Spared())
	}
	w.end(t)
}

// TestCutDoesNotAllocate, from the flush to the RSTs.
func TestCutDoesNotAllocate(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.everyTick()
	var frames []Frame
	var saved [][]byte
	for _, p := range []pkt{fromClient("S"), fromReal(1, "SA"), fromClient("A"), fromClient("AP").with("x"), fromReal(1, "A")} {
		frames = append(frames, frameOf(p.port, p.in(t)))
		saved = append(saved, p.in(t))
	}
	only(1)(w)
	usual := w.Rules()
	flushVirtual(w)
	flush := w.Rules()
	give := func(frames []Frame, saved [][]byte) {
		for i := range frames {
			frames[i].Len, frames[i].Flags = uint16(len(saved[i])), 0
			copy(frames[i].Bytes(), saved[i])
			w.Burst(frames[i:i+1], uint64(w.time))
		}
	}
	if allocs := testing.AllocsPerRun(200, func() {
		w.Use(usual)
		give(frames[:3], saved[:3])
		w.Use(flush)
		w.time++
		w.Burst(nil, uint64(w.time))
		give(frames[3:], saved[3:])
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	w.Publish()
	if cut, answered := w.stats.Cut.Load(), w.stats.Drops[packet.Cut].Load(); cut < 200 || answered != 2*cut {
		t.Errorf("%d cut, %d segments answered", cut, answered)
	}
}
