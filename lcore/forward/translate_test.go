package forward

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// What a connection counts whose real sees another port of the client's, and the client as the real sees it where that is
// so at the virtuals of these tests.
const (
	opensTranslated = "forward 1, opened 1, translated 1, connections 1, records 1"
	web81           = "192.0.2.10:81"
	web82           = "192.0.2.10:82"
	shown80         = "198.51.100.1:42704"
	shown81         = "198.51.100.1:36377"
)

// at81 and at82 are virtuals beside the first.
func at81(reals ...uint16) func(*world) {
	return beside(3, func(v *ruleset.VirtualSource) { v.Port = 81 }, reals...)
}

func at82(reals ...uint16) func(*world) {
	return beside(4, func(v *ruleset.VirtualSource) { v.Port = 82 }, reals...)
}

// TestTranslate: where the reply tuple is another flow's at every real, the real sees another port of the client's.
func TestTranslate(t *testing.T) {
	taken := sent(fromClient("S"), toReal(1, "S"), opens1)
	opened := sent(fromClient("S").to(web81), toReal(1, "S").from(shown81), opensTranslated)
	udp := fromClient("u").with("question")
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
	}{
		{"TCP", all(only(1), at81(1)), []stepOf{
			taken, opened,
			sent(fromReal(1, "SA").to(shown81), toClient("SA").from(web81), rep),
			sent(fromReal(1, "SA"), toClient("SA"), rep), // the other flow's
			sent(fromClient("A").to(web81), toReal(1, "A").from(shown81), fwd),
			sent(fromClient("AP").to(web81).with("GET"), toReal(1, "AP").from(shown81).with("GET"), fwd),
			sent(fromReal(1, "AP").to(shown81).with("odd"), toClient("AP").from(web81).with("odd"), rep),
			sent(fromReal(1, "FA").to(shown81), toClient("FA").from(web81), rep),
			sent(fromClient("FA").to(web81), toReal(1, "FA").from(shown81), lastFIN),
			sent(fromReal(1, "A").to(shown81), toClient("A").from(web81), rep),
			sent(fromClient("A"), toReal(1, "A"), fwd),
			{in: fromClient("S").to(web81).numbers(7, 0), verdict: Send, want: toReal(1, "S").from(shown81).numbers(7, 0), counters: "forward 1, opened 1, closed 1, translated 1, connections 1"},
		}},
		{"UDP", all(only(1), beside(3, func(v *ruleset.VirtualSource) { v.Port, v.Protocol = 81, 17 }, 1), beside(4, func(v *ruleset.VirtualSource) { v.Port, v.Protocol = 80, 17 }, 1)), []stepOf{
			sent(udp, toReal(1, "u").with("question"), opens1),
			sent(udp.to(web81), toReal(1, "u").from(shown81).with("question"), opensTranslated),
			sent(fromReal(1, "u").to(shown81).with("answer"), toClient("u").from(web81).with("answer"), rep),
			sent(udp.to(web81), toReal(1, "u").from(shown81).with("question"), fwd),
			sent(fromReal(1, "u").with("answer"), toClient("u").with("answer"), rep),
		}},
		{"another real goes before it", all(only(1), at82(2), at81(1, 2, 3)), []stepOf{
			taken,
			sent(fromClient("S").to(web82), toReal(2, "S"), opens1),
			sent(fromClient("S").to(web81), toReal(3, "S"), opens1),
		}},
		{"several reals: at the one scheduled", all(only(1), at82(2), at81(1, 2)), []stepOf{
			taken,
			sent(fromClient("S").to(web82), toReal(2, "S"), opens1),
			opened,
			sent(fromReal(1, "SA").to(shown81), toClient("SA").from(web81), rep),
			sent(fromReal(2, "SA"), toClient("SA").from(web82), rep),
		}},
		{"every port of a virtual, one of the real", all(only(1), beside(3, func(v *ruleset.VirtualSource) { v.Port = 0 }, 1)), []stepOf{
			taken, opened,
			sent(fromReal(1, "SA").to(shown81), toClient("SA").from(web81), rep),
		}},
		{"a full real is not the one", all(only(1), at81(1), setReal(1, func(r *ruleset.Real) { r.MaxConns = 1 })), []stepOf{
			taken, {in: fromClient("S").to(web81), verdict: Send, want: rst(fromClient("S").to(web81), "RA", 0, 1), counters: "refused 1, no-real 1"},
		}},
		{"a trial whose tuple is taken waits for another client", all(only(1), at81(1), change(func(s *ruleset.Source) {
			s.Virtuals[2].Trials, s.Virtuals[2].Members = s.Virtuals[2].Members, []ruleset.Member{{Binding: 32, Real: 2, Weight: 1}}
		}), func(w *world) { w.counts.Shared.OpenTrial(1) }), []stepOf{
			taken,
			sent(fromClient("S").to(web81), toReal(2, "S"), opens1),
			sent(fromClient("S").to(web81).from(at(7)), toReal(1, "S").from(at(7)), opens1),
		}},
		{"time to live", all(only(1), at81(1)), []stepOf{
			taken, opened,
			sent(fromClient("A").to(web81).hops(2), toReal(1, "A").from(shown81).hops(1), fwd),
			{in: fromReal(1, "A").to(shown81).hops(1), verdict: Send, wantRaw: timeExceeded(t, inside, fromReal(1, "A").to(shown81).hops(1).in(t)), counters: "ttl-expired 1"},
		}},
		{"its client resets", all(only(1), at81(1)), []stepOf{
			taken, opened,
			sent(fromClient("R").to(web81).numbers(1, 0), toReal(1, "R").from(shown81).numbers(1, 0), fwd+", "+closes),
		}},
		{"its real refuses", all(only(1), at81(1), change(func(s *ruleset.Source) { s.Virtuals[2].PassReset = true })), []stepOf{
			taken, opened,
			sent(fromReal(1, "RA").to(shown81).numbers(0, 1), toClient("RA").from(web81).numbers(0, 1), rep+", "+closes),
		}},
		{"an ICMP error quotes the port that the real sees, and the client is told at its own", all(only(1), at81(1)), []stepOf{
			taken, opened,
			{
				in: pkt{port: inside}, raw: unreachable(t, 3, toReal(1, "S").from(shown81)), verdict: Drop,
				spare: rst(fromClient("S").to(web81), "RA", 0, 1), counters: "refused 1, withheld 1, connections -1",
			},
		}},
		{"an ICMP error about the other flow", all(only(1), at81(1)), []stepOf{
			taken, opened,
			{
				in: pkt{port: inside}, raw: unreachable(t, 3, toReal(1, "S")), verdict: Drop,
				spare: rst(fromClient("S"), "RA", 0, 1), counters: "refused 1, withheld 1, connections -1",
			},
		}},
		{"it gives way: its real is told as it knows it", all(only(1), at81(1), change(func(s *ruleset.Source) { s.Virtuals[2].Guard.Limit = 1 })), []stepOf{
			taken, opened,
			sent(fromReal(1, "SA").to(shown81).numbers(5, 1), toClient("SA").from(web81).numbers(5, 1), rep),
			{
				in: fromClient("S").to(web81).from(at(7)), verdict: Send, want: toReal(1, "S").from(at(7)), counters: "forward 1, opened 1, closed 1, refused 1",
				spare: rst(fromReal(1, "SA").to(shown81), "R", 1, 0),
			},
		}},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			w.end(t)
		})
	}
}

// TestTranslatedMoves: a connection that moves to another real is translated there if it must be, and no more if not.
func TestTranslatedMoves(t *testing.T) {
	for _, tt := range []struct {
		description string
		others      []stepOf // flows that have tuples
		before      []stepOf
		steps       []stepOf
	}{
		{
			"no more",
			[]stepOf{sent(fromClient("S"), toReal(1, "S"), opens1), sent(fromClient("S").to(web82), toReal(2, "S"), opens1)},
			[]stepOf{sent(fromClient("R").to(web82), toReal(2, "R"), fwd+", "+closes)}, // its record leaves after 10 s
			[]stepOf{sent(fromClient("S").to(web81), toReal(2, "S"), fwd), sent(fromReal(2, "SA"), toClient("SA").from(web81), rep)},
		},
		{
			"anew",
			[]stepOf{sent(fromClient("S"), toReal(1, "S"), opens1), sent(fromClient("S").to(web82), toReal(2, "S"), opens1)},
			nil,
			[]stepOf{
				sent(fromClient("S").to(web81), toReal(2, "S").from(shown81), fwd+", translated 1"),
				sent(fromReal(2, "SA").to(shown81), toClient("SA").from(web81), rep),
			},
		},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			all(only(1), at82(2), at81(1, 2), change(func(s *ruleset.Source) { s.Virtuals[3].Retry.After = 15 * second }))(w)
			w.play(t, tt.others)
			w.play(t, []stepOf{sent(fromClient("S").to(web81), toReal(1, "S").from(shown81), opensTranslated)})
			start := w.time
			w.play(t, tt.before)
			w.pass(start + 15*second - w.time)
			w.play(t, tt.steps)
			late := fromReal(1, "SA").to(shown81).numbers(5, 1)
			w.play(t, []stepOf{
				refusedBy(late, packet.StrayReply, rst(late, "R", 1, 0)), // of the real that it left
				sent(fromClient("S").to(web81), tt.steps[0].want, fwd),
				sent(fromClient("A").to(web81), func() pkt { p := tt.steps[0].want; p.flags = "A"; return p }(), fwd),
			})
			if got := moved(w); got != 1 {
				t.Errorf("%d moved", got)
			}
			w.end(t)
		})
	}
}

// TestTranslatedChecksums: whatever stands in a packet, its checksum is right on either side, or 0.
func TestTranslatedChecksums(t *testing.T) {
	w := newWorld(t, 3000, nil)
	all(only(1), beside(3, func(v *ruleset.VirtualSource) { v.Port, v.Protocol = 81, 0 }, 1), beside(4, func(v *ruleset.VirtualSource) { v.Protocol = 17 }, 1))(w)
	random := rand.New(rand.NewPCG(3, 3))
	for n := range 1000 {
		from, flags := at(random.IntN(1<<20)), []string{"S", "u"}[n%2]
		w.give(t, fromClient(flags).from(from))
		in := fromClient(flags).from(from).to(web81)
		for range 4 {
			data := make([]byte, random.IntN(5))
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			in = in.with(string(data))
			f := w.give(t, in)
			shown := netip.AddrPortFrom(netip.MustParseAddrPort(from).Addr(), keyIn(f.Bytes()).SrcPort).String()
			if want := toReal(1, flags).from(shown).with(string(data)).out(t); shown == from || string(f.Bytes()) != string(want) {
				t.Fatalf("became\n%swant\n%s", dump(f.Bytes()), dump(want))
			}
			back := fromReal(1, flags).to(shown).with(string(data))
			if flags == "S" {
				back.flags = "SA"
			}
			want := toClient(back.flags).to(from).from(web81).with(string(data)).out(t)
			if f := w.give(t, back); string(f.Bytes()) != string(want) {
				t.Fatalf("became\n%swant\n%s", dump(f.Bytes()), dump(want))
			}
			for _, p := range []pkt{in, back} {
				b := p.in(t)
				sum := b[packet.PlainLen+6 : packet.PlainLen+8]
				if flags == "S" {
					sum = b[packet.PlainLen+16 : packet.PlainLen+18]
				}
				before := binary.BigEndian.Uint16(sum)
				if flags == "u" { // no checksum stays none
					clear(sum)
					if f := w.run(frameOf(p.port, b))[0]; binary.BigEndian.Uint16(f.Bytes()[packet.PlainLen+6:]) != 0 {
						t.Fatalf("a checksum was made:\n%s", dump(f.Bytes()))
					}
					continue
				}
				binary.BigEndian.PutUint16(sum, before^0x0100) // a wrong one stays wrong
				right, wrong := w.give(t, p), w.run(frameOf(p.port, b))[0]
				if got, not := binary.BigEndian.Uint16(wrong.Bytes()[50:]), binary.BigEndian.Uint16(right.Bytes()[50:]); got == not {
					t.Fatalf("a wrong checksum was mended:\n%s", dump(wrong.Bytes()))
				}
			}
		}
	}
}

// TestTranslatedOptions: the transport header of a translated flow's packet may stand behind IPv4 options.
func TestTranslatedOptions(t *testing.T) {
	w := newWorld(t, 100, nil)
	all(only(1), at81(1))(w)
	w.play(t, []stepOf{sent(fromClient("S"), toReal(1, "S"), opens1), sent(fromClient("S").to(web81), toReal(1, "S").from(shown81), opensTranslated)})
	withNOPs := func(b []byte) []byte {
		out := append(append(append([]byte(nil), b[:34]...), 1, 1, 1, 1), b[34:]...)
		out[14], out[17], out[24], out[25] = 0x46, b[17]+4, 0, 0
		binary.BigEndian.PutUint16(out[24:], ^packet.Sum(out[14:38], 0))
		return out
	}
	for _, p := range [][2]pkt{{fromClient("A").to(web81), toReal(1, "A").from(shown81)}, {fromReal(1, "A").to(shown81), toClient("A").from(web81)}} {
		f := w.run(frameOf(p[0].port, withNOPs(p[0].in(t))))[0]
		if want := withNOPs(p[1].out(t)); string(f.Bytes()) != string(want) {
			t.Errorf("became\n%swant\n%s", dump(f.Bytes()), dump(want))
		}
	}
}

// TestTranslatedOwner: the port that a real sees leads to the worker that has the flow, wherever its packets come in.
func TestTranslatedOwner(t *testing.T) {
	for _, workers := range []int{1, 3, 4, 128} {
		c := newCluster(t, workers, 200)
		only(1)(c.world)
		at81(1)(c.world)
		c.apply()
		random := rand.New(rand.NewPCG(5, 5))
		for n := range 100 {
			from := at(random.IntN(1 << 20))
			key := keyOfPkt(fromClient("S").from(from).to(web81))
			c.deliver(random.IntN(workers), outside, fromClient("S").from(from).in(t))
			f := c.deliver(random.IntN(workers), outside, fromClient("S").from(from).to(web81).in(t))
			got := keyIn(f.Bytes())
			steering := c.workers[0].steering
			if f.Verdict != Send || got.Src != key.Src || got.SrcPort == key.SrcPort || got.SrcPort < 1024 ||
				steering.Owner(got.Src, got.SrcPort) != steering.Owner(key.Src, key.SrcPort) {
				t.Fatalf("%d workers, client %d, %s: verdict %d, shown as %+v", workers, n, from, f.Verdict, got)
			}
			back := fromReal(1, "SA").to(endpointOf(got.Src, got.SrcPort))
			if f := c.deliver(random.IntN(workers), inside, back.in(t)); f.Verdict != Send || keyIn(f.Bytes()).DstPort != key.SrcPort {
				t.Fatalf("%d workers, client %d: the answer: verdict %d, %+v", workers, n, f.Verdict, keyIn(f.Bytes()))
			}
		}
	}
}

// TestNoPortLeft: the connection is refused, and counted. One port that is left is found if it is among those tried.
func TestNoPortLeft(t *testing.T) {
	w := newWorld(t, 2000, nil)
	all(only(1), at81(1))(w)
	client := netip.MustParseAddrPort(client)
	ports := 0
	for port := range 1 << 16 {
		if w.steering.Owner(0, uint16(port)) != 0 || w.steering.Hash(0, uint16(port)^client.Port())%Steers != 0 {
			continue
		}
		ports++
		from := netip.AddrPortFrom(client.Addr(), uint16(port)).String()
		w.play(t, []stepOf{sent(fromClient("S").from(from), toReal(1, "S").from(from), opens1)})
	}
	if ports != 512 {
		t.Errorf("%d ports lead to one place in the table of workers, want 512", ports)
	}
	w.play(t, []stepOf{dropped(fromClient("S").to(web81), packet.TupleTaken)})
	if n := w.counts.Reals[1].Open; n != uint32(ports) || w.counts.Shared.Connections(1) != n {
		t.Errorf("real 1 has %d connections, %d shared, want %d", n, w.counts.Shared.Connections(1), ports)
	}
	w.table.Remove(w.first(t, shown81)) // its record alone: this test's books need not balance
	w.play(t, []stepOf{sent(fromClient("S").to(web81), toReal(1, "S").from(shown81), "forward 1, opened 1, translated 1, connections 1, records 1")})
}

// first is the record of the flow that a client's endpoint has at the first virtual.
func (w *world) first(t *testing.T, from string) uint32 {
	t.Helper()
	k := keyOfPkt(fromClient("S").from(from))
	ref := w.table.Find(&k, w.table.Hash(&k))
	if ref == 0 {
		t.Fatal("no flow of ", from)
	}
	return ref.Record()
}

// TestNoAllocationsTranslated: nor does a translated connection's opening, its packets, or the search for a port in vain.
func TestNoAllocationsTranslated(t *testing.T) {
	w := newWorld(t, 2000, nil)
	all(only(1), at81(1))(w)
	w.play(t, []stepOf{sent(fromClient("S"), toReal(1, "S"), opens1)})
	round := []pkt{
		fromClient("S").to(web81), fromReal(1, "SA").to(shown81), fromClient("A").to(web81), fromReal(1, "A").to(shown81),
		fromClient("FA").to(web81), fromReal(1, "FA").to(shown81), // and the next SYN opens another
	}
	saved, frames := make([][]byte, len(round)), make([]Frame, len(round))
	for i, p := range round {
		frames[i] = frameOf(p.port, p.in(t))
		saved[i] = append([]byte(nil), frames[i].Bytes()...)
	}
	before := w.live.translated
	if allocs := testing.AllocsPerRun(200, func() {
		w.time++
		for i := range frames {
			frames[i].Len = uint16(len(saved[i]))
			copy(frames[i].Bytes(), saved[i])
			w.Burst(frames[i:i+1], uint64(w.time))
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if n := w.live.translated - before; n != 201 {
		t.Errorf("%d translated, want 201", n)
	}
	r := w.table.Record(w.first(t, "198.51.100.1:40000"))
	full := *r
	full.Virtual++
	for n := range uint32(512) { // every port is taken
		full.ClientPort = w.steering.Alike(40000, n)
		if _, err := w.table.Insert(&full); err != nil && full.ClientPort != 40000 && full.ClientPort != netip.MustParseAddrPort(shown81).Port() {
			t.Fatal(err)
		}
	}
	other := *r
	if allocs := testing.AllocsPerRun(100, func() {
		if w.translate(&other) {
			t.Error("a port was left")
		}
	}); allocs != 0 || other != *r {
		t.Errorf("%v allocations; %+v became %+v", allocs, *r, other)
	}
}

// TestAlike: the ports that lead to the same place are the same ones for every client and number of workers.
func TestAlike(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	for _, workers := range []int{1, 2, 5, 128} {
		s := NewSteering(workers)
		seen := map[uint16]bool{}
		for n := range uint32(512) {
			port := s.Alike(40000, n)
			seen[port] = true
			for range 50 {
				client := random.Uint32()
				if s.Hash(client, port)%Steers != s.Hash(client, 40000)%Steers {
					t.Fatalf("%d workers: port %d is not like 40000 for %#x", workers, port, client)
				}
			}
			if s.Alike(40000, n+512) != port {
				t.Fatal("it does not go around")
			}
		}
		if len(seen) != 512 || !seen[40000] {
			t.Errorf("%d ports", len(seen))
		}
	}
}

// BenchmarkTranslated: packets of translated flows, out of ten thousand, and the opening of one.
func BenchmarkTranslated(b *testing.B) {
	const flows = 10_000
	rules := all(only(1), beside(3, func(v *ruleset.VirtualSource) { v.Port, v.Protocol = 81, 17 }, 1), change(func(s *ruleset.Source) {
		s.Virtuals[1].Members = s.Virtuals[1].Members[:1]
	}))
	// fill opens a flow of each client's at the first virtual, and then at the second.
	fill := func(b *testing.B, mem []byte) (*world, []Frame, []*[packet.AnswerRoom]byte) {
		w := newWorld(b, 2*flows, mem)
		rules(w)
		frames, buffers := benchFrames()
		for n := 0; n < flows; n += benchBurst {
			for i, buf := range buffers {
				aim(buf, uint32(min(n+i, flows-1)))
			}
			w.Burst(frames, uint64(w.time))
		}
		return w, frames, buffers
	}
	second := func(buf *[packet.AnswerRoom]byte, n uint32) {
		aim(buf, n)
		binary.BigEndian.PutUint16(buf[36:], 81)
	}
	b.Run("open", func(b *testing.B) {
		mem := hugeMemory(b, flowtable.Size(2*flows))
		var (
			w       *world
			frames  []Frame
			buffers []*[packet.AnswerRoom]byte
		)
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; n += benchBurst {
			if n%flows < benchBurst {
				b.StopTimer()
				clear(mem)
				w, frames, buffers = fill(b, mem)
				b.StartTimer()
			}
			for i, buf := range buffers {
				second(buf, uint32((n+i)%flows))
			}
			w.Burst(frames, uint64(w.time))
		}
		if w.live.translated == 0 || w.live.drops != [packet.Causes]uint64{} {
			b.Fatal(fmt.Sprint(w.live.translated, " translated, drops ", w.live.drops))
		}
	})
	for _, d := range []flowtable.Direction{flowtable.Forward, flowtable.Reply} {
		b.Run([]string{"forward", "reply"}[d], func(b *testing.B) {
			w, frames, buffers := fill(b, hugeMemory(b, flowtable.Size(2*flows)))
			saved := make([][packet.AnswerRoom]byte, flows)
			for n := 0; n < flows; n += benchBurst {
				for i, buf := range buffers {
					second(buf, uint32(min(n+i, flows-1)))
				}
				w.Burst(frames, uint64(w.time))
				for i, buf := range buffers {
					at := &saved[min(n+i, flows-1)]
					if *at = *buf; d == flowtable.Forward {
						second(at, uint32(min(n+i, flows-1)))
						continue
					}
					copy(at[0:6], insideMAC[:])
					copy(at[26:30], buf[30:34])
					copy(at[30:34], buf[26:30])
					copy(at[34:36], buf[36:38])
					copy(at[36:38], buf[34:36])
				}
			}
			if d == flowtable.Reply {
				for i := range frames {
					frames[i].Port = inside
				}
			}
			random := rand.New(rand.NewPCG(1, 2))
			before := w.live.packets[d]
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += benchBurst {
				for i := range buffers {
					*buffers[i] = saved[random.IntN(flows)]
				}
				w.Burst(frames, uint64(w.time))
			}
			b.StopTimer()
			if got := w.live.packets[d] - before; got < uint64(b.N) {
				b.Fatalf("%d of %d sent", got, b.N)
			}
		})
	}
}
