package forward

import (
	"math"
	"net/netip"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// What packets count that end a connection, take that back, or open another in its place.
const (
	closes   = "connections -1"
	restores = "connections 1"
	reopens  = "forward 1, opened 1, closed 1, connections 1"
)

// refusedSYN is a RST that answers the client's SYN, and is withheld: another real may take it.
var refusedSYN = stepOf{in: fromReal(1, "RA").numbers(0, 1), verdict: Drop, counters: "withheld 1, " + closes}

func TestLife(t *testing.T) {
	bothFINs := []stepOf{
		sent(fromClient("FA"), toReal(1, "FA"), fwd),
		sent(fromReal(1, "FA"), toClient("FA"), rep+", "+closes),
	}
	for _, tt := range []struct {
		description string
		steps       []stepOf
		phase       flowtable.Phase // of the client's flow in the end; Free: none
	}{
		{"a SYN is half-open", handshake(1)[:1], flowtable.HalfOpen},
		{"a SYN-ACK is not enough", handshake(1)[:2], flowtable.HalfOpen},
		{"the ACK establishes", handshake(1), flowtable.Established},
		{"an ACK without SYN-ACK does not", join(handshake(1)[:1], []stepOf{sent(fromClient("A"), toReal(1, "A"), fwd)}), flowtable.HalfOpen},
		{"data with the ACK does", join(handshake(1)[:2], []stepOf{sent(fromClient("AP").with("x"), toReal(1, "AP").with("x"), fwd)}), flowtable.Established},
		{
			"SYNs sent again",
			[]stepOf{
				sent(fromClient("S"), toReal(1, "S"), opens1),
				sent(fromClient("S"), toReal(1, "S"), fwd),
				sent(fromReal(1, "SA"), toClient("SA"), rep),
				sent(fromClient("S"), toReal(1, "S"), fwd),
				sent(fromReal(1, "SA"), toClient("SA"), rep),
				sent(fromClient("A"), toReal(1, "A"), fwd),
				sent(fromClient("S"), toReal(1, "S"), fwd), // a late copy
			},
			flowtable.Established,
		},
		{"the client closes first", join(handshake(1), bothFINs), flowtable.Closing},
		{
			"the real closes first, the client much later",
			join(handshake(1), []stepOf{
				sent(fromReal(1, "FA"), toClient("FA"), rep),
				later(30*second, sent(fromClient("AP"), toReal(1, "AP"), fwd)),
				later(30*second, sent(fromClient("FA"), toReal(1, "FA"), lastFIN)),
			}),
			flowtable.Closing,
		},
		{
			"simultaneous close, FINs sent again, last ACKs",
			join(handshake(1), bothFINs, []stepOf{
				sent(fromReal(1, "FA"), toClient("FA"), rep),
				sent(fromClient("FA"), toReal(1, "FA"), fwd),
				sent(fromReal(1, "A"), toClient("A"), rep),
				sent(fromClient("A"), toReal(1, "A"), fwd),
			}),
			flowtable.Closing,
		},
		{
			"one end's FIN twice closes nothing",
			join(handshake(1), []stepOf{
				sent(fromClient("FA"), toReal(1, "FA"), fwd),
				sent(fromClient("FA"), toReal(1, "FA"), fwd),
			}),
			flowtable.Established,
		},
		{
			"FIN with the ACK of the handshake",
			join(handshake(1)[:2], []stepOf{
				sent(fromClient("FA"), toReal(1, "FA"), fwd),
				sent(fromReal(1, "FA"), toClient("FA"), rep+", "+closes),
			}),
			flowtable.Closing,
		},
		{
			"TCP Fast Open: the real is done before the client's first ACK",
			join(handshake(1)[:2], []stepOf{
				sent(fromReal(1, "FAP").with("all"), toClient("FAP").with("all"), rep),
				sent(fromClient("FA"), toReal(1, "FA"), lastFIN),
			}),
			flowtable.Closing,
		},
		{"a RST after both FINs counts no more", join(handshake(1), bothFINs, []stepOf{
			sent(fromClient("R"), toReal(1, "R"), fwd), sent(fromReal(1, "R"), toClient("R"), rep),
		}), flowtable.Closing},

		{"the client resets while half-open", join(handshake(1)[:1], []stepOf{sent(fromClient("R"), toReal(1, "R"), fwd+", "+closes)}), flowtable.Reset},
		{"the real refuses", join(handshake(1)[:1], []stepOf{refusedSYN}), flowtable.Ditched},
		{"the client resets", join(handshake(1), []stepOf{sent(fromClient("RA"), toReal(1, "RA"), fwd+", "+closes)}), flowtable.Reset},
		{"the real resets", join(handshake(1), []stepOf{sent(fromReal(1, "R"), toClient("R"), rep+", "+closes)}), flowtable.Reset},
		{"a second RST counts no more", join(handshake(1), []stepOf{
			sent(fromReal(1, "R"), toClient("R"), rep+", "+closes),
			sent(fromReal(1, "R"), toClient("R"), rep),
			sent(fromClient("R"), toReal(1, "R"), fwd),
		}), flowtable.Reset},
		{"a RST after one FIN", join(handshake(1), []stepOf{
			sent(fromClient("FA"), toReal(1, "FA"), fwd),
			sent(fromClient("R"), toReal(1, "R"), fwd+", "+closes),
		}), flowtable.Reset},

		{"a RST in the client's name: the client goes on", join(handshake(1), []stepOf{
			sent(fromClient("R"), toReal(1, "R"), fwd+", "+closes),
			sent(fromReal(1, "A"), toClient("A"), rep), // its data may cross the RST
			sent(fromClient("A"), toReal(1, "A"), fwd+", "+restores),
			sent(fromReal(1, "A"), toClient("A"), rep),
		}), flowtable.Established},
		{"a RST in the real's name: the real goes on", join(handshake(1), []stepOf{
			sent(fromReal(1, "R"), toClient("R"), rep+", "+closes),
			sent(fromClient("A"), toReal(1, "A"), fwd),
			sent(fromReal(1, "AP"), toClient("AP"), rep+", "+restores),
			sent(fromReal(1, "R"), toClient("R"), rep+", "+closes), // and again
			sent(fromReal(1, "AP"), toClient("AP"), rep+", "+restores),
		}), flowtable.Established},
		{"restored by a FIN, closed by the other", join(handshake(1), []stepOf{
			sent(fromReal(1, "FA"), toClient("FA"), rep),
			sent(fromClient("R"), toReal(1, "R"), fwd+", "+closes),
			sent(fromClient("FA"), toReal(1, "FA"), fwd), // restored and closed at once
		}), flowtable.Closing},
		{"a RST in the client's name, while half-open", join(handshake(1)[:2], []stepOf{
			sent(fromClient("R"), toReal(1, "R"), fwd+", "+closes),
			sent(fromClient("A"), toReal(1, "A"), fwd+", "+restores),
		}), flowtable.Established},
		{"a RST in the real's name, before its SYN-ACK", join(handshake(1)[:1], []stepOf{
			refusedSYN,
			sent(fromReal(1, "SA"), toClient("SA"), rep+", "+restores),
			sent(fromClient("AP"), toReal(1, "AP"), fwd),
			sent(fromReal(1, "A"), toClient("A"), rep),
		}), flowtable.Established},
		{"a RST in the real's name that acknowledges no SYN", join(handshake(1)[:1], []stepOf{
			sent(fromReal(1, "R").numbers(0, 1), toClient("R").numbers(0, 1), rep),
			sent(fromReal(1, "RA").numbers(0, 0), toClient("RA").numbers(0, 0), rep),
			sent(fromReal(1, "RA").numbers(0, 1<<16+1), toClient("RA").numbers(0, 1<<16+1), rep),
			sent(fromReal(1, "SA"), toClient("SA"), rep),
			sent(fromClient("A"), toReal(1, "A"), fwd),
		}), flowtable.Established},
		{"what neither opens nor acknowledges changes nothing", join(handshake(1)[:2], []stepOf{
			sent(fromClient("SF").numbers(9, 0), toReal(1, "SF").numbers(9, 0), fwd),
			sent(fromClient("SA").numbers(9, 0), toReal(1, "SA").numbers(9, 0), fwd),
		}), flowtable.HalfOpen},
		{"a refused SYN comes to no life by ACKs", join(handshake(1)[:1], []stepOf{
			refusedSYN,
			sent(fromReal(1, "A"), toClient("A"), rep),
			sent(fromClient("A"), toReal(1, "A"), fwd),
		}), flowtable.Ditched},

		{"a new SYN after both FINs", join(handshake(1), bothFINs, []stepOf{sent(fromClient("S"), toReal(2, "S"), reopens)}), flowtable.HalfOpen},
		{"a new SYN after a RST", join(handshake(1), []stepOf{
			sent(fromClient("R"), toReal(1, "R"), fwd+", "+closes),
			sent(fromClient("S"), toReal(2, "S"), reopens),
			sent(fromReal(2, "SA"), toClient("SA"), rep),
			dropped(fromReal(1, "A"), packet.StrayReply), // the old one's
		}), flowtable.HalfOpen},
		{"a new SYN after a refusal", join(handshake(1)[:1], []stepOf{
			refusedSYN,
			sent(fromClient("S"), toReal(2, "S"), "forward 1, "+restores), // the same connection, moved
		}), flowtable.HalfOpen},
		{"SYN-FIN, SYN-ACK and SYN-RST open nothing in its place", join(handshake(1), bothFINs, []stepOf{
			sent(fromClient("SF"), toReal(1, "SF"), fwd),
			sent(fromClient("SA"), toReal(1, "SA"), fwd),
			sent(fromClient("SR"), toReal(1, "SR"), fwd),
			sent(fromReal(1, "S"), toClient("S"), rep),
		}), flowtable.Closing},
		{"a new SYN and no real for it", join(handshake(1), bothFINs, []stepOf{
			{in: fromClient("S"), verdict: Send, want: rst(fromClient("S"), "RA", 0, 1), counters: "closed 1, refused 1, no-real 1, records -1"},
		}), flowtable.Free},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			if tt.description == "a new SYN and no real for it" {
				w.play(t, tt.steps[:len(tt.steps)-1])
				w.source.Virtuals[0].Members = nil
				w.apply()
				w.play(t, tt.steps[len(tt.steps)-1:])
			} else {
				w.play(t, tt.steps)
			}
			if r := w.flow(client); r == nil && tt.phase != flowtable.Free || r != nil && r.Phase != tt.phase {
				t.Errorf("%+v, want %v", r, tt.phase)
			}
			w.end(t)
		})
	}
}

// flow is a client's flow to the web, nil if there is none.
func (w *world) flow(from string) *flowtable.Record {
	a := netip.MustParseAddrPort(from)
	k := flowtable.Key{Src: ipv4Of(a.Addr()), Dst: web, SrcPort: a.Port(), DstPort: 80, Protocol: packet.ProtocolTCP}
	ref := w.table.Find(&k, w.table.Hash(&k))
	if ref == 0 {
		return nil
	}
	return w.table.Record(ref.Record())
}

func ipv4Of(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// end lets every timer run out and fails unless nothing is left and every count is 0.
func (w *world) end(t *testing.T) {
	t.Helper()
	for range 3 {
		w.time += 1800 * second
		w.Burst(nil, uint64(w.time))
		w.pass(2 * second)
	}
	c := w.counters()
	for i, name := range c.names {
		if (name == "connections" || name == "records") && c.values[i] != 0 {
			t.Errorf("in the end: %d %s", c.values[i], name)
		}
	}
	for slot := range w.counts.Bindings {
		if b := w.counts.Binding(uint32(slot)); b.Opened != b.Closed || b.Inserted != b.Removed {
			t.Errorf("in the end: binding %d: %+v", slot, b)
		}
	}
	for slot, r := range w.counts.Reals {
		if r.Open != 0 {
			t.Errorf("in the end: real %d: %d open", slot, r.Open)
		}
	}
}

// TestBytesOfARestoredFlow: what a half-open record holds is not taken for a count of bytes.
func TestBytesOfARestoredFlow(t *testing.T) {
	w := newWorld(t, 10, nil)
	for _, p := range []pkt{fromClient("S").numbers(1<<31, 0), fromReal(1, "SA"), fromClient("R"), fromClient("A"), fromReal(1, "A")} {
		w.give(t, p)
	}
	if r := w.flow(client); r.Bytes(flowtable.Forward) != 54 || r.Bytes(flowtable.Reply) != 54 {
		t.Errorf("%d bytes forward, %d reply", r.Bytes(flowtable.Forward), r.Bytes(flowtable.Reply))
	}
}

func TestSYNsAreCounted(t *testing.T) {
	w := newWorld(t, 10, nil)
	for i, n := range []int{1, 2, 3, 300} {
		for range n - []int{0, 1, 2, 3}[i] {
			w.give(t, fromClient("S").numbers(77, 0))
			w.pass(1)
		}
		r := w.flow(client)
		if int(r.SYNs) != min(n, 128) || r.ISN() != 77 {
			t.Errorf("%d SYNs sent, %d counted, number %d", n, r.SYNs, r.ISN())
		}
		if sent := w.time - r.FirstSYN(); sent != uint32(n) {
			t.Errorf("%d SYNs in %d ticks", n, sent)
		}
	}
}

// setTime moves a fresh world to another tick.
func (w *world) setTime(tick uint32) {
	w.time, w.now, w.start, w.sweep.last = tick, tick, tick-10*second, tick
	w.answer.last = tick
	for i := range w.punts {
		w.punts[i].last = tick
	}
}

// TestTimers: each phase ends at its timer, at most a round of the sweep late, wherever ticks stand.
func TestTimers(t *testing.T) {
	open := []pkt{fromClient("S")}
	established := append(open, fromReal(1, "SA"), fromClient("A"))
	for name, c := range map[string]struct {
		packets []pkt
		limit   uint32
	}{
		"half-open":           {open, 30 * second},
		"half-open, answered": {established[:2], 30 * second},
		"established":         {established, 3600 * second},
		"half closed":         {append(established[:3:3], fromClient("FA")), 3600 * second},
		"closing":             {append(established[:3:3], fromClient("FA"), fromReal(1, "FA")), 10 * second},
		"reset":               {append(established[:3:3], fromReal(1, "R")), 10 * second},
		"restored":            {append(established[:3:3], fromReal(1, "R"), fromReal(1, "A")), 3600 * second},
		"udp":                 {[]pkt{fromClient("u").to(webUDP)}, 60 * second},
		"udp, answered":       {[]pkt{fromClient("u").to(webUDP), fromReal(1, "u")}, 60 * second},
	} {
		for _, start := range []uint32{1_000_000, 0, math.MaxUint32, math.MaxUint32 - c.limit/2, math.MaxUint32 - c.limit + 1, math.MaxUint32 - c.limit} {
			round := uint32(2 * second)
			if start&1 == 0 {
				round = 1 // every record at every tick: ends are exact
			}
			w := newWorld(t, 100, nil)
			w.sweep.round = round
			w.setTime(start)
			for _, p := range c.packets {
				if w.pass(100); w.give(t, p).Verdict != Send {
					t.Fatal(name, p)
				}
			}
			used := func() uint32 { return w.table.Stats().Used }
			last := w.time
			// The first rounds sweep often, the rest in leaps.
			for w.time-last+3000 < c.limit {
				w.time += 2000
				w.Burst(nil, uint64(w.time))
				w.pass(10)
			}
			for w.time-last < c.limit-1 {
				w.pass(1)
			}
			if used() != 1 {
				t.Errorf("%s, from %d: gone before its time", name, start)
			}
			for w.time-last < c.limit+round && used() != 0 {
				w.pass(1)
			}
			if used() != 0 {
				t.Errorf("%s, from %d: still there", name, start)
			}
			w.end(t)
		}
	}
}

// TestTrafficKeepsAlive: what refreshes a timer, and what does not.
func TestTrafficKeepsAlive(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.play(t, handshake(1))
	for range 4 {
		w.time += 3599 * second
		w.give(t, fromReal(1, "A"))
		w.pass(2 * second)
		w.time += 3599 * second
		w.give(t, fromClient("A"))
		w.pass(2 * second)
	}
	if w.flow(client) == nil {
		t.Fatal("an established flow with traffic is gone")
	}
	w.give(t, fromClient("R"))
	for range 15 { // ACKs of the other end keep no reset connection alive
		w.pass(second)
		w.give(t, fromReal(1, "A"))
	}
	if w.flow(client) != nil {
		t.Error("a reset flow is kept alive by the wrong end")
	}
	w.end(t)
}

func TestFullTable(t *testing.T) {
	from := func(n int) string { return netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(n)).String() }
	const size = 8
	t.Run("the oldest half-open gives way", func(t *testing.T) {
		w := newWorld(t, size, nil)
		for n := range size {
			w.give(t, fromClient("S").from(from(1000+n)))
			w.pass(10)
		}
		w.give(t, fromClient("S").from(from(1000))) // now the second is the oldest
		before := w.counters()
		if f := w.give(t, fromClient("S").from(from(2000))); f.Verdict != Send {
			t.Fatal("refused")
		}
		if got, want := w.counters().since(before), "forward 1, opened 1, closed 1, evicted 1"; got != want {
			t.Errorf("counted %q, want %q", got, want)
		}
		if w.flow(from(1000)) == nil || w.flow(from(1001)) != nil || w.flow(from(2000)) == nil {
			t.Error("not the oldest gave way")
		}
		w.end(t)
	})
	t.Run("established and UDP flows never do", func(t *testing.T) {
		w := newWorld(t, size, nil)
		for n := range size {
			if n%2 == 1 {
				w.give(t, pkt{src: from(n), dst: webUDP, flags: "u"})
				continue
			}
			w.give(t, fromClient("S").from(from(n)))
			r := w.flow(from(n))
			w.give(t, fromReal(int(r.RealSlot), "SA").to(from(n)))
			w.give(t, fromClient("A").from(from(n)))
		}
		w.play(t, []stepOf{
			dropped(fromClient("S").from(from(2000)), packet.TableFull),
			dropped(pkt{src: from(2001), dst: webUDP, flags: "u"}, packet.TableFull),
		})
		// Nor do those that close, whose endpoints may still see packets.
		r := w.flow(from(0))
		w.give(t, fromClient("R").from(from(0)))
		w.play(t, []stepOf{dropped(fromClient("S").from(from(2000)), packet.TableFull)})
		if w.flow(from(0)) != r {
			t.Error("a closing flow is gone")
		}
		w.pass(13 * second) // a place is free again
		if f := w.give(t, fromClient("S").from(from(2000))); f.Verdict != Send {
			t.Error("still full")
		}
		w.end(t)
	})
	t.Run("one half-open among established ones", func(t *testing.T) {
		w := newWorld(t, size, nil)
		for n := range size {
			w.give(t, fromClient("S").from(from(n)))
			if r := w.flow(from(n)); n != 5 {
				w.give(t, fromReal(int(r.RealSlot), "SA").to(from(n)))
				w.give(t, fromClient("A").from(from(n)))
			}
		}
		for n := range 20 { // a flood: each SYN takes the place of the one before
			w.pass(1)
			before := w.counters()
			w.give(t, fromClient("S").from(from(2000+n)))
			if got, want := w.counters().since(before), "forward 1, opened 1, closed 1, evicted 1"; got != want {
				t.Fatalf("counted %q, want %q", got, want)
			}
		}
		for n := range size {
			if n != 5 && w.flow(from(n)) == nil {
				t.Errorf("established flow %d is gone", n)
			}
		}
		w.end(t)
	})
}

// TestRulesChange: flows outlive the rules they were opened under.
func TestRulesChange(t *testing.T) {
	t.Run("weight 0", func(t *testing.T) {
		w := newWorld(t, 100, nil)
		w.play(t, handshake(1))
		w.source.Virtuals[0].Members[0].Weight = 0
		w.apply()
		w.play(t, []stepOf{
			sent(fromClient("A"), toReal(1, "A"), fwd),
			sent(fromReal(1, "A"), toClient("A"), rep),
			sent(fromClient("S").from("198.51.100.1:2"), toReal(3, "S").from("198.51.100.1:2"), opens1),
			sent(fromClient("S").from("198.51.100.1:3"), toReal(2, "S").from("198.51.100.1:3"), opens1),
			sent(fromClient("S").from("198.51.100.1:4"), toReal(3, "S").from("198.51.100.1:4"), opens1),
		})
		w.end(t)
	})
	t.Run("removed", func(t *testing.T) {
		w := newWorld(t, 100, nil)
		w.play(t, handshake(1))
		v := &w.source.Virtuals[0]
		v.Draining = true
		for i := range v.Members {
			v.Members[i].Weight = 0
		}
		w.apply()
		w.play(t, []stepOf{
			sent(fromClient("A"), toReal(1, "A"), fwd),
			sent(fromReal(1, "A"), toClient("A"), rep),
			punted(PuntHost, fromClient("S").from("198.51.100.1:2")), // the address is the UDP virtual's, too
			dropped(fromReal(1, "A").to("198.51.100.1:2"), packet.StrayReply),
		})
		w.source.Virtuals[1].Draining = true
		w.apply()
		w.play(t, []stepOf{
			dropped(fromClient("S").from("198.51.100.1:2"), packet.Transit),
			sent(fromReal(1, "FA"), toClient("FA"), rep),
			sent(fromClient("FA"), toReal(1, "FA"), lastFIN),
			{in: fromClient("S"), verdict: Drop, counters: "closed 1, transit 1, records -1"},
		})
		w.end(t)
	})
	t.Run("the real moves", func(t *testing.T) { // a new endpoint is a new real for control; slots say which
		w := newWorld(t, 100, nil)
		w.play(t, handshake(1))
		w.source.Reals[1] = ruleset.Real{Address: firstReal + 9, Port: 9}
		w.apply()
		w.play(t, []stepOf{sent(fromClient("A"), toReal(1, "A"), fwd), sent(fromReal(1, "A"), toClient("A"), rep)})
		w.end(t)
	})
	t.Run("timers", func(t *testing.T) {
		w := newWorld(t, 100, nil)
		w.play(t, handshake(1))
		w.source.Virtuals[0].Timers.Idle = 5 * second
		w.apply()
		w.pass(8 * second)
		if w.flow(client) != nil {
			t.Error("a shorter timer does not reach live flows")
		}
		w.end(t)
	})
	t.Run("routes", func(t *testing.T) {
		w := newWorld(t, 100, nil)
		w.play(t, handshake(1))
		// The client is now behind a gateway on the reals' side.
		other := [6]byte{2, 0, 0, 0, 1, 0xaa}
		w.hops.Set(9, uint64(packet.MACFrom(other)), uint64(packet.MACFrom(insideMAC)), inside)
		w.source.Routes[0].Hop = 9
		w.apply()
		w.play(t, []stepOf{sent(fromReal(1, "A"), toClient("A"), rep)}) // not before the generation says so
		w.source.RouteGeneration++
		w.apply()
		f := w.give(t, fromReal(1, "A"))
		if b := f.Bytes(); f.Verdict != Send || f.Out != inside || [6]byte(b[0:6]) != other || [6]byte(b[6:12]) != insideMAC {
			t.Errorf("%+v", f)
		}
		// A MAC changes in place.
		other[0] = 6
		w.hops.Set(9, uint64(packet.MACFrom(other)), uint64(packet.MACFrom(insideMAC)), inside)
		if b := w.give(t, fromReal(1, "A")).Bytes(); [6]byte(b[0:6]) != other {
			t.Error("the old MAC is used")
		}
		// A next hop that goes away is looked up again.
		w.hops.Unset(9)
		w.play(t, []stepOf{dropped(fromReal(1, "A"), packet.NoNeighbour)})
		w.source.Routes[0].Hop = 1
		w.apply()
		w.play(t, []stepOf{sent(fromReal(1, "A"), toClient("A"), rep)})
		w.end(t)
	})
	t.Run("route generations wrap around", func(t *testing.T) {
		w := newWorld(t, 100, nil)
		w.play(t, handshake(1))
		w.source.RouteGeneration = 2
		w.source.Routes[0].Hop = 9 // not known
		w.apply()
		w.pass(2 * second)
		w.source.RouteGeneration = 1 // 65535 generations later
		w.apply()
		w.play(t, []stepOf{dropped(fromReal(1, "A"), packet.NoNeighbour)})
	})
}

// TestWants: an on-link address that is not known is asked for, once in a row.
func TestWants(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.source.Routes = append(w.source.Routes, ruleset.Route{Prefix: 0xc6336400, Bits: 24, Port: outside})
	w.apply()
	for range 5 {
		w.play(t, handshake(1)[:0])
		w.give(t, fromClient("S"))
		w.give(t, fromReal(1, "SA"))
	}
	if port, address, ok := w.wants.Take(); !ok || port != outside || address != 0xc6336401 {
		t.Errorf("%d %#x %v", port, address, ok)
	}
	if _, _, ok := w.wants.Take(); ok {
		t.Error("asked twice")
	}
	w.give(t, fromReal(1, "SA"))
	if _, _, ok := w.wants.Take(); !ok {
		t.Error("not asked again after the question was taken")
	}
	w.hops.Set(7, 0x0605040302, uint64(packet.MACFrom(outsideMAC)), outside)
	w.hops.SetNeighbour(outside, 0xc6336401, 7)
	if f := w.give(t, fromReal(1, "SA")); f.Verdict != Send || f.Bytes()[0] != 2 || f.Bytes()[1] != 3 {
		t.Errorf("%+v", f)
	}
	for i := range uint32(wantsLen + 10) {
		w.wants.ask(3, i)
	}
	for i := range uint32(wantsLen) {
		if port, address, ok := w.wants.Take(); !ok || port != 3 || address != i {
			t.Fatalf("question %d: %d %d %v", i, port, address, ok)
		}
	}
	if _, _, ok := w.wants.Take(); ok {
		t.Error("more questions than there is room for")
	}
}
