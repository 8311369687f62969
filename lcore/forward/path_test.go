package forward

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// at is the n-th client's endpoint.
func at(n int) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 18), byte(n >> 10)}), uint16(1024+n&1023)).String()
}

func TestBurstOfNothing(t *testing.T) {
	w := newWorld(t, 10, nil)
	w.give(t, fromClient("S"))
	before := w.counters()
	w.Burst(nil, uint64(w.time))
	w.Burst([]Frame{}, uint64(w.time))
	if changed := w.counters().since(before); changed != "" {
		t.Error(changed)
	}
}

// TestBurstsOfEveryLength mixes hits, misses and others; each frame gets what it would get alone.
func TestBurstsOfEveryLength(t *testing.T) {
	for _, n := range []int{1, 2, 31, 32, 33, 127, MaxBurst} {
		w := newWorld(t, 500, nil)
		for i := range n {
			w.give(t, fromClient("S").from(at(i)))
		}
		frames := make([]Frame, n)
		for i := range frames {
			p := fromClient("S").from(at(i)) // a hit
			switch i % 4 {
			case 1:
				p = fromClient("S").from(at(1000 + i)) // a miss
			case 2:
				p = fromClient("A").from(at(1000 + i)) // refused
			case 3:
				p = fromClient("S").to("203.0.113.1:1") // transit
			}
			frames[i] = frameOf(p.port, p.in(t))
		}
		before := w.counters()
		w.run(frames...)
		for i, f := range frames {
			want := []Verdict{Send, Send, Send, Drop}[i%4]
			out := []uint16{inside, inside, outside, 0}[i%4]
			if f.Verdict != want || want == Send && f.Out != out {
				t.Errorf("frame %d of %d: verdict %d out %d, want %d out %d", i, n, f.Verdict, f.Out, want, out)
			}
		}
		misses, refused, transit := (n+2)/4, (n+1)/4, n/4
		var want counters
		for _, c := range []struct {
			name string
			n    int
		}{{"forward", n - refused - transit}, {"opened", misses}, {"refused", refused}, {"no-flow", refused}, {"transit", transit}, {"connections", misses}, {"records", misses}} {
			want.names, want.values = append(want.names, c.name), append(want.values, int64(c.n))
		}
		if got, want := w.counters().since(before), want.since(counters{values: make([]int64, 7)}); got != want {
			t.Errorf("burst of %d: counted %q, want %q", n, got, want)
		}
		w.end(t)
	}
}

// TestOneFlowInOneBurst: later frames see what earlier ones of the same burst did.
func TestOneFlowInOneBurst(t *testing.T) {
	for _, tt := range []struct {
		name    string
		before  []pkt
		burst   []pkt
		counted string
		phase   flowtable.Phase
	}{
		{
			"the same SYN three times", nil,
			[]pkt{fromClient("S"), fromClient("S"), fromClient("S")},
			"forward 3, opened 1, connections 1, records 1", flowtable.HalfOpen,
		},
		{
			"a whole connection", nil,
			[]pkt{fromClient("S"), fromReal(1, "SA"), fromClient("A"), fromClient("AP").with("x"), fromReal(1, "FA"), fromClient("FA"), fromReal(1, "A")},
			"forward 4, reply 3, opened 1, records 1", flowtable.Closing,
		},
		{
			"SYN, data and FIN of one end", nil,
			[]pkt{fromClient("S"), fromClient("AP").with("x"), fromClient("FA")},
			"forward 3, opened 1, connections 1, records 1", flowtable.HalfOpen,
		},
		{
			"a connection ends and its endpoints' next begins",
			[]pkt{fromClient("S"), fromReal(1, "SA"), fromClient("A"), fromReal(1, "FA")},
			[]pkt{fromClient("FA"), fromClient("S"), fromReal(2, "SA"), fromClient("A")},
			"forward 3, reply 1, opened 1, closed 1", flowtable.Established,
		},
		{
			"SYN, RST, SYN", nil,
			[]pkt{fromClient("S"), fromClient("R"), fromClient("S")},
			"forward 3, opened 2, closed 1, connections 1, records 1", flowtable.HalfOpen,
		},
		{
			"UDP", nil,
			[]pkt{fromClient("u").to(webUDP), fromClient("u").to(webUDP), fromReal(1, "u"), fromClient("u").to(webUDP)},
			"forward 3, reply 1, opened 1, connections 1, records 1", flowtable.Free,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			for _, p := range tt.before {
				w.give(t, p)
			}
			before := w.counters()
			frames := make([]Frame, len(tt.burst))
			for i, p := range tt.burst {
				frames[i] = frameOf(p.port, p.in(t))
			}
			w.run(frames...)
			for i, f := range frames {
				if f.Verdict != Send || f.Out == tt.burst[i].port {
					t.Errorf("frame %d: verdict %d out %d", i, f.Verdict, f.Out)
				}
			}
			if got := w.counters().since(before); got != tt.counted {
				t.Errorf("counted %q, want %q", got, tt.counted)
			}
			if r := w.flow(client); r != nil && r.Phase != tt.phase || r == nil && tt.phase != flowtable.Free {
				t.Errorf("%+v, want %v", r, tt.phase)
			}
			// Nobody was scheduled twice: the next connection takes the next turn.
			opened := int(w.live.opened)
			if w.flow(client) == nil {
				opened = 0 // UDP's was another virtual's
			}
			w.play(t, []stepOf{sent(fromClient("S").from(at(7)), toReal(1+opened%3, "S").from(at(7)), opens1)})
			w.end(t)
		})
	}
}

// TestEqualTags: an index entry with a packet's tag may be another flow's.
func TestEqualTags(t *testing.T) {
	w := newWorld(t, 3, nil) // two buckets
	seen := map[uint32]int{}
	pairs := 0
	for n := 0; pairs < 5; n++ {
		a := netip.MustParseAddrPort(at(n))
		k := flowtable.Key{Src: ipv4Of(a.Addr()), Dst: web, SrcPort: a.Port(), DstPort: 80, Protocol: packet.ProtocolTCP}
		tag := uint32(w.table.Hash(&k)) | 1
		other, twice := seen[tag]
		seen[tag] = n
		if !twice {
			continue
		}
		pairs++
		one, two := at(other), at(n)
		w.play(t, []stepOf{
			{in: fromClient("S").from(one), verdict: Send, want: toReal(1+(2*pairs-2)%3, "S").from(one), counters: opens1},
			refusedBy(fromClient("A").from(two), packet.NoFlow, rst(fromClient("A").from(two), "R", 0, 0)),
			{in: fromClient("S").from(two), verdict: Send, want: toReal(1+(2*pairs-1)%3, "S").from(two), counters: opens1},
			{in: fromClient("S").from(one), verdict: Send, want: toReal(1+(2*pairs-2)%3, "S").from(one), counters: fwd},
			{in: fromClient("S").from(two), verdict: Send, want: toReal(1+(2*pairs-1)%3, "S").from(two), counters: fwd},
		})
		w.end(t)
	}
}

// TestPlanNotNeeded: a connection is planned for a frame that proves to be another flow's reply.
func TestPlanNotNeeded(t *testing.T) {
	w := newWorld(t, 100, nil)
	v := w.source.Virtuals[0]
	v.Slot, v.Port = 3, 81
	w.source.Virtuals = append(w.source.Virtuals, v)
	w.apply()
	one := fromClient("S").from("192.0.2.10:81") // a client that is a virtual, whatever it means by it
	two := fromReal(1, "S").to("192.0.2.10:81")
	before := w.counters()
	w.run(frameOf(one.port, one.in(t)), frameOf(two.port, two.in(t)))
	if got, want := w.counters().since(before), "forward 1, reply 1, opened 1, connections 1, records 1"; got != want {
		t.Errorf("counted %q, want %q", got, want)
	}
	w.end(t)
}

// TestFullTableInOneBurst: a flow that gives way in a burst is not followed by its later frames.
func TestFullTableInOneBurst(t *testing.T) {
	w := newWorld(t, 1, nil)
	frames := []Frame{}
	for n := range 40 {
		frames = append(frames, frameOf(outside, fromClient("S").from(at(n%20)).in(t)))
	}
	w.run(frames...)
	for i, f := range frames {
		if f.Verdict != Send {
			t.Errorf("frame %d: %d", i, f.Verdict)
		}
	}
	if got, want := w.counters().since(counters{values: make([]int64, 64)}), "forward 40, opened 40, closed 39, evicted 39, connections 1, records 1"; got != want {
		t.Errorf("counted %q, want %q", got, want)
	}
	w.end(t)
}

func TestNoAllocations(t *testing.T) {
	w := newWorld(t, 50_000, nil)
	route(w)
	packets := map[string]func(n int) pkt{
		"hit":     func(n int) pkt { return fromClient("A").from(at(n)) },
		"reply":   func(n int) pkt { return fromReal(1+n%3, "A").to(at(n)) },
		"refused": func(n int) pkt { return fromClient("A").from(at(60000 + n)) },
		"stray":   func(n int) pkt { return fromReal(1, "SA").to(at(60000 + n)) },
		"transit": func(n int) pkt { return fromClient("A").to("203.0.113.1:1") },
		"expired": func(n int) pkt { return fromClient("A").from(at(n)).hops(1) },
		"punted":  func(n int) pkt { return fromClient("A").to("192.0.2.1:22") },
	}
	for n := range 32 {
		w.give(t, fromClient("S").from(at(n)))
		w.give(t, fromReal(1+n%3, "SA").to(at(n)))
		w.give(t, fromClient("A").from(at(n)))
	}
	for name, packetOf := range packets {
		saved, frames := make([][]byte, 32), make([]Frame, 32)
		for n := range frames {
			p := packetOf(n)
			frames[n] = frameOf(p.port, p.in(t))
			saved[n] = append([]byte(nil), frames[n].Bytes()...)
		}
		if allocs := testing.AllocsPerRun(200, func() {
			for n := range frames {
				frames[n].Len = uint16(len(saved[n]))
				copy(frames[n].Bytes(), saved[n])
			}
			w.time++
			w.Burst(frames, uint64(w.time))
		}); allocs != 0 {
			t.Errorf("%s: %v allocations a burst", name, allocs)
		}
	}
	// Misses: every burst opens 32 flows more.
	syn := fromClient("S").from(at(0)).in(t)
	frames, next := make([]Frame, 32), uint32(0)
	buffers := make([][packet.AnswerRoom]byte, 32)
	if allocs := testing.AllocsPerRun(200, func() {
		for i := range frames {
			b := buffers[i][:copy(buffers[i][:], syn)]
			next++
			b[26], b[27], b[28], b[29] = 100, byte(next>>16), byte(next>>8), byte(next)
			frames[i] = Frame{Port: outside}
			frames[i].SetBytes(b)
		}
		w.time++
		w.Burst(frames, uint64(w.time))
		w.Publish()
	}); allocs != 0 {
		t.Errorf("misses: %v allocations a burst", allocs)
	}
	if used := w.table.Stats().Used; used != 32+next {
		t.Errorf("%d flows, want %d", used, 32+next)
	}
}

// TestNoAllocationsInFailure: nor do SYNs that repeat, move, are refused or tried, or make others give way.
func TestNoAllocationsInFailure(t *testing.T) {
	for name, c := range map[string]struct {
		rules func(*world)
		wait  uint32
		round []pkt
		did   func(w *world) uint64 // what it counts
	}{
		"a SYN again":     {reassign, 1, []pkt{fromClient("S")}, func(w *world) uint64 { return w.live.packets[0] }},
		"a move":          {change(func(s *ruleset.Source) { s.Virtuals[0].Retry.After = 1 }), 1, []pkt{fromClient("S")}, func(w *world) uint64 { return moved(w) }},
		"a RST, withheld": {only(2), 1, []pkt{fromClient("S"), fromReal(1, "RA").numbers(0, 1), fromReal(2, "RA").numbers(0, 1)}, func(w *world) uint64 { return w.live.drops[packet.Withheld] }},
		"a half-open one gives way": {
			guarded(1, false), 1,
			[]pkt{fromClient("S").from(at(1)), fromReal(1, "SA").to(at(1)), fromReal(2, "SA").to(at(1)), fromReal(3, "SA").to(at(1)), fromClient("S").from(at(2)).numbers(3, 0)},
			func(w *world) uint64 { return w.live.gaveWay },
		},
		"a trial": {tried, 1, []pkt{fromClient("S"), fromClient("R")}, func(w *world) uint64 {
			n := w.counts.Bindings[3].Opened
			w.counts.Shared.OpenTrial(3)
			return n
		}},
	} {
		w := newWorld(t, 100, nil)
		c.rules(w)
		saved, frames := make([][]byte, len(c.round)), make([]Frame, len(c.round))
		for i, p := range c.round {
			frames[i] = frameOf(p.port, p.in(t))
			saved[i] = append([]byte(nil), frames[i].Bytes()...)
		}
		before := c.did(w)
		if allocs := testing.AllocsPerRun(200, func() {
			w.time += c.wait
			for i := range frames {
				frames[i].Len = uint16(len(saved[i]))
				copy(frames[i].Bytes(), saved[i])
				w.Burst(frames[i:i+1], uint64(w.time))
			}
			c.did(w)
		}); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
		if n := c.did(w) - before; n < 150 {
			t.Errorf("%s: happened %d times in 200", name, n)
		}
	}
}

// moved is how many connections went to another real.
func moved(w *world) (n uint64) {
	for i := range w.counts.Tallies {
		n += w.counts.Tallies[i].Moved
	}
	return n
}

// TestSchedule counts who gets new connections.
func TestSchedule(t *testing.T) {
	const n = 1200
	for _, tt := range []struct {
		name      string
		predictor ruleset.Predictor
		weights   []uint16
		others    []uint32 // connections on other workers, by real
		want      []int
	}{
		{"round robin", ruleset.RoundRobin, []uint16{1, 1, 1}, nil, []int{400, 400, 400}},
		{"round robin ignores weights", ruleset.RoundRobin, []uint16{7, 1, 2}, nil, []int{400, 400, 400}},
		{"round robin but for weight 0", ruleset.RoundRobin, []uint16{7, 0, 2}, nil, []int{600, 0, 600}},
		{"weighted", ruleset.Weighted, []uint16{3, 1, 0}, nil, []int{900, 300, 0}},
		{"weighted, all", ruleset.Weighted, []uint16{3, 2, 1}, nil, []int{600, 400, 200}},
		{"least connections", ruleset.LeastConns, []uint16{1, 1, 1}, nil, []int{400, 400, 400}},
		{"least connections for the weight", ruleset.LeastConns, []uint16{3, 2, 1}, nil, []int{600, 400, 200}},
		{"least connections over all workers", ruleset.LeastConns, []uint16{1, 1, 1}, []uint32{0, 300, 600}, []int{700, 400, 100}},
		{"least connections, one real full of others'", ruleset.LeastConns, []uint16{1, 1, 1}, []uint32{0, 0, 100_000}, []int{600, 600, 0}},
		{"least connections, weights and others", ruleset.LeastConns, []uint16{2, 1, 0}, []uint32{300, 0, 0}, []int{700, 500, 0}},
		{"the largest weights", ruleset.LeastConns, []uint16{65535, 65535, 65535}, []uint32{math.MaxUint32 / 2, math.MaxUint32 / 2, math.MaxUint32 / 2}, []int{400, 400, 400}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 2*n, nil)
			v := &w.source.Virtuals[0]
			v.Predictor = tt.predictor
			for i := range v.Members {
				v.Members[i].Weight = tt.weights[i]
			}
			for i, o := range tt.others {
				w.counts.Reals[i+1].Others = o
			}
			w.apply()
			for i := range n {
				if f := w.give(t, fromClient("S").from(at(i))); f.Verdict != Send {
					t.Fatal("refused")
				}
			}
			for i, want := range tt.want {
				if got := int(w.counts.Reals[i+1].Open); got < want-1 || got > want+1 {
					t.Errorf("real %d: %d connections, want %d", i+1, got, want)
				}
			}
		})
	}
}

// TestScheduleAnIdleGroup: connections that end before the next begins spread, too, by weight.
func TestScheduleAnIdleGroup(t *testing.T) {
	w := newWorld(t, 100, nil)
	v := &w.source.Virtuals[0]
	v.Predictor = ruleset.LeastConns
	v.Members[0].Weight = 2
	w.apply()
	for i := range 400 {
		w.give(t, fromClient("S").from(at(i)))
		w.give(t, fromClient("R").from(at(i)))
		w.pass(second / 2)
	}
	for i, want := range []uint64{200, 100, 100} {
		if got := w.counts.Binding(uint32(i + 1)).Opened; got != want {
			t.Errorf("real %d: %d connections, want %d", i+1, got, want)
		}
	}
	w.end(t)
}

// TestScheduleAfterAChange: a rotation goes on whatever the number of members becomes.
func TestScheduleAfterAChange(t *testing.T) {
	w := newWorld(t, 1000, nil)
	v := &w.source.Virtuals[0]
	members := v.Members
	for i := range 200 {
		v.Members = members[:1+i*7%3]
		v.Predictor = []ruleset.Predictor{ruleset.RoundRobin, ruleset.Weighted, ruleset.LeastConns}[i/3%3]
		members[0].Weight = uint16(1 + i*31%100)
		w.apply()
		for n := range 3 {
			if f := w.give(t, fromClient("S").from(at(10*i+n))); f.Verdict != Send {
				t.Fatal(i, n, f.Verdict)
			}
		}
	}
	w.turn[1] = math.MaxUint32 // the counter itself wraps around
	w.source.Virtuals[0].Predictor = ruleset.RoundRobin
	w.apply()
	for n := range 3 {
		if f := w.give(t, fromClient("S").from(at(5000+n))); f.Verdict != Send {
			t.Fatal(f.Verdict)
		}
	}
	w.end(t)
}

// TestPolicers: each kind has its own rate, and what is over it is counted by kind.
func TestPolicers(t *testing.T) {
	inputs := map[PuntKind]func() Frame{
		PuntNeighbour: func() Frame { return frameOf(outside, arp(t, everybody)) },
		PuntHello:     func() Frame { return frameOf(outside, ipv4(t, 112, [4]byte{224, 0, 0, 18}, everybody)) },
		PuntICMP:      func() Frame { return frameOf(outside, icmp(t, outside, "198.51.100.1", "192.0.2.1", 8, nil, 64)) },
		PuntHost:      func() Frame { return frameOf(outside, fromClient("S").to("192.0.2.1:22").in(t)) },
		PuntRest:      func() Frame { return frameOf(outside, fromClient("u").to("192.0.2.1:22").in(t)) },
	}
	if len(inputs) != int(PuntKinds) {
		t.Fatal("a kind is missing")
	}
	for kind, input := range inputs {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t, 10, nil)
			f := input()
			punts := func(frames int) (n int) {
				for range frames {
					if w.run(f)[0].Verdict == Punt {
						n++
					}
				}
				return n
			}
			if n := punts(500); n != 100 { // a tenth of a second's at once
				t.Errorf("%d at once, want 100", n)
			}
			for other, input := range inputs {
				if other != kind && w.run(input())[0].Verdict != Punt {
					t.Errorf("%v starves %v", kind, other)
				}
			}
			n := 0
			for range second { // 10 in each tick's time
				w.time++
				n += punts(10)
			}
			if n < 999 || n > 1001 {
				t.Errorf("%d in a second, want 1000", n)
			}
			w.Publish()
			cause := packet.PuntNeighbour + packet.DropCause(kind)
			if got := w.stats.Drops[cause].Load(); got != uint64(400+10*second-n) {
				t.Errorf("%d %v drops", got, cause)
			}
			w.time += 1 << 31 // weeks without any
			if n := punts(500); n != 100 {
				t.Errorf("%d at once after a pause, want 100", n)
			}
		})
	}
}

func TestAnswersAreLimited(t *testing.T) {
	w := newWorld(t, 10, nil)
	sent, in := 0, fromClient("S").hops(1).in(t)
	for range 500 {
		if w.run(frameOf(outside, in))[0].Verdict == Send {
			sent++
		}
	}
	w.Publish()
	if limited := w.stats.Drops[packet.ICMPLimited].Load(); sent != 100 || limited != 400 || w.stats.Drops[packet.TTLExpired].Load() != 100 {
		t.Errorf("%d sent, %d limited", sent, limited)
	}
}

// TestSlowPolicer: a rate far below one a tick is kept exactly.
func TestSlowPolicer(t *testing.T) {
	b := newBucket(2, 2000, math.MaxUint32-5000)
	n := 0
	for tick := uint32(1); tick <= 100_000; tick++ {
		if b.take(math.MaxUint32 - 5000 + tick) {
			n++
		}
	}
	if n < 99 || n > 102 {
		t.Errorf("%d in 50 seconds at 2 a second", n)
	}
}

// TestSilenceEndsForGood: it does not come back when ticks wrap around.
func TestSilenceEndsForGood(t *testing.T) {
	w := newWorld(t, 10, nil)
	w.start, w.silence = w.time, 3*second
	w.pass(3 * second)
	w.time = w.start // 2^32 ticks after the start
	w.play(t, []stepOf{refusedBy(fromClient("A"), packet.NoFlow, rst(fromClient("A"), "R", 0, 0))})
}

// TestSweepRound: a whole shard is visited within a round, idle, in service, and in naps.
func TestSweepRound(t *testing.T) {
	const flows = 20_000
	for _, tt := range []struct {
		name  string
		step  uint32 // ticks between bursts
		burst int
	}{{"idle", 1, 0}, {"in service", 1, 1}, {"bursts far apart", 7, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, flows, nil)
			syn := fromClient("S").in(t)
			for n := range flows {
				f := frameOf(outside, syn)
				b := f.Bytes()
				b[26], b[27], b[28], b[29] = 100, byte(n>>16), byte(n>>8), byte(n)
				w.run(f)
			}
			if used := w.table.Stats().Used; used != flows {
				t.Fatal(used)
			}
			w.time += 30*second - 1
			if tt.burst > 0 {
				w.sweep.debt, w.sweep.last = 0, w.time
			}
			start := w.time
			for w.table.Stats().Used > 0 && w.time-start < 4*second {
				w.time += tt.step
				f := frameOf(outside, fromClient("A").to("203.0.113.1:1").in(t))
				w.Burst([]Frame{f}[:tt.burst], uint64(w.time))
			}
			if late := w.time - start; late > 2*second+2*tt.step+1 {
				t.Errorf("%d flows left after %d ticks", w.table.Stats().Used, late)
			}
			w.end(t)
			w.Publish()
			if w.stats.Sweeps.Load() == 0 {
				t.Error("no round was finished")
			}
		})
	}
}

func TestPublish(t *testing.T) {
	w := newWorld(t, 10, nil)
	for range 3 {
		w.give(t, fromClient("S"))
	}
	w.give(t, fromReal(1, "SA"))
	w.Publish()
	s := w.stats
	if s.Packets[0].Load() != 3 || s.Bytes[0].Load() != 3*54 || s.Packets[1].Load() != 1 || s.Bytes[1].Load() != 54 ||
		s.FlowsUsed.Load() != 1 || s.FlowsCapacity.Load() != 10 || s.Generation.Load() != w.Rules().Generation || s.Opened.Load() != 1 {
		t.Errorf("%+v", s)
	}
	for k := range PuntKinds {
		if k.String() == "" || fmt.Sprintf("punt-%v", k) != (packet.PuntNeighbour+packet.DropCause(k)).String() {
			t.Errorf("kind %d is %v, its cause %v", k, k, packet.PuntNeighbour+packet.DropCause(k))
		}
	}
}
