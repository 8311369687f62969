package forward

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// pair is the owner of a client's flows and another worker, which the flows' frames come to: nothing steers.
type pair struct {
	*cluster
	tb           testing.TB
	owner, other *world
	way          []Frame // handed over, and not yet with the owner
	came         int     // frames that did come to it
}

func newPair(tb testing.TB, client string) *pair {
	p := &pair{cluster: newCluster(tb, 2, 64), tb: tb}
	p.source.Virtuals[0].Members = p.source.Virtuals[0].Members[:1]
	p.source.Virtuals[1].Members = p.source.Virtuals[1].Members[:1]
	p.apply()
	k := keyOfPkt(fromClient("S").from(client))
	owner := p.workers[0].steering.Owner(k.Src, k.SrcPort)
	p.owner, p.other = p.workers[owner], p.workers[1-owner]
	return p
}

// come has a packet come to the other worker, and returns its frame. If it was handed over it is on its way.
func (p *pair) come(in pkt) Frame {
	p.tb.Helper()
	p.other.time = p.time
	f := p.other.run(frameOf(in.port, in.in(p.tb)))[0]
	if f.Verdict == Hand {
		f.Flags = FlagHanded
		p.way = append(p.way, f)
	}
	return f
}

// arrive has what is on its way be with the owner, and returns the last of it.
func (p *pair) arrive() (f Frame) {
	p.owner.time = p.time
	for _, f = range p.way {
		f.Verdict, f.Out = 99, 99
		f = p.owner.run(f)[0]
		p.came++
	}
	p.way = p.way[:0]
	return f
}

// talk has both read what the other wrote.
func (p *pair) talk() {
	for range 2 {
		for _, w := range p.workers {
			w.time = p.time
			w.Burst(nil, uint64(w.time))
		}
	}
}

// pass is the world's, for both.
func (p *pair) pass(ticks uint32) {
	for range ticks {
		p.time++
		p.talk()
	}
}

// send has a packet come, be forwarded as it should, by whomever, and tells whether it was handed over.
func (p *pair) send(in, want pkt) (handed bool) {
	p.tb.Helper()
	f := p.come(in)
	if handed = f.Verdict == Hand; handed {
		f = p.arrive()
	}
	if f.Verdict != Send || f.Out != want.port || !bytes.Equal(f.Bytes(), want.out(p.tb)) {
		p.tb.Fatalf("verdict %d out %d\n%s\nwant\n%s", f.Verdict, f.Out, dump(f.Bytes()), dump(want.out(p.tb)))
	}
	p.talk()
	return handed
}

// exchange is the packets of one direction and their answers, as a test wants them.
type exchange struct{ in, want, back, wantBack pkt }

var (
	data      = exchange{fromClient("A"), toReal(1, "A"), fromReal(1, "A"), toClient("A")}
	datagrams = exchange{
		fromClient("u").to(webUDP), toReal(1, "u"),
		fromReal(1, "u"), toClient("u").from(webUDP),
	}
)

// open opens a connection from a client.
func (p *pair) open() {
	p.tb.Helper()
	for _, s := range []exchange{{in: fromClient("S"), want: toReal(1, "S")}, {in: fromReal(1, "SA"), want: toClient("SA")}, {in: fromClient("A"), want: toReal(1, "A")}} {
		if !p.send(s.in, s.want) {
			p.tb.Fatal("not handed over")
		}
	}
}

// lent sends data until they are not handed over any more, and fails if that is not after lendAfter.
func (p *pair) lent(x exchange) {
	p.tb.Helper()
	n := 0
	for ; p.send(x.in, x.want); n++ {
		if n > lendAfter {
			p.tb.Fatal("never lent")
		}
	}
	if n < lendAfter-1 || p.other.guests != 1 || p.send(x.back, x.wantBack) {
		p.tb.Fatalf("lent after %d frames, %d guests, or only one way", n, p.other.guests)
	}
}

// TestLongConnectionIsLent: its data are forwarded where they come in, once enough were handed over; its end is its
// owner's. It counts once, and its bytes are all there.
func TestLongConnectionIsLent(t *testing.T) {
	p := newPair(t, client)
	before := [2]counters{p.owner.counters(), p.other.counters()}
	p.open()
	p.lent(data)
	for range 100 {
		if p.send(data.in.with("data"), data.want.with("data")) || p.send(data.back, data.wantBack) {
			t.Fatal("a lent connection's data were handed over")
		}
	}
	if changed := p.other.counters().since(before[1]); changed != fmt.Sprintf("forward 101, reply 101, handed %d", lendAfter+2) {
		t.Errorf("the other worker counted %q", changed)
	}
	if changed := p.owner.counters().since(before[0]); changed != fmt.Sprintf("forward %d, reply 1, opened 1, connections 1, records 1", lendAfter+1) {
		t.Errorf("the owner counted %q", changed)
	}
	if n := p.other.stats.Guests.Load(); n != 1 {
		t.Errorf("%d guests are shown", n)
	}
	for _, w := range p.workers {
		w.listing.Ask(1, PageLen)
		w.Burst(nil, uint64(w.time))
		records, _, _ := w.listing.Take()
		if want := map[*world]int{p.owner: 1}[w]; len(records) != want {
			t.Errorf("%d records are listed, want %d", len(records), want)
		}
	}

	// Each end closes. What is said after a FIN still finds its way.
	if !p.send(fromClient("FA"), toReal(1, "FA")) || p.send(data.back, data.wantBack) || !p.send(fromReal(1, "FA"), toClient("FA")) {
		t.Error("a FIN stayed where it came in, or data did not")
	}
	if r := p.owner.flow(client); r.Phase != flowtable.Closing || r.Lent() || p.other.guests != 0 {
		t.Errorf("%d guests of a connection that is %v", p.other.guests, r.Phase)
	}
	if !p.send(data.in, data.want) {
		t.Error("the last ACK stayed where it came in")
	}
	// Forward: lendAfter with the handshake's ACK, the first one that stayed, a hundred with four bytes, and the FIN; what ends
	// the connection, and comes then, is not counted.
	if r := p.owner.flow(client); r.Bytes(flowtable.Forward) != (lendAfter+102)*54+100*4 || r.Bytes(flowtable.Reply) != 102*54 {
		t.Errorf("%d and %d bytes", r.Bytes(flowtable.Forward), r.Bytes(flowtable.Reply))
	}
	p.owner.end(t)
}

// TestUDPIsLent: it lives on where its datagrams come in; its owner hears of that, and ends it when there are no more.
func TestUDPIsLent(t *testing.T) {
	p := newPair(t, client)
	for range 2 {
		p.send(datagrams.in, datagrams.want)
		p.lent(datagrams)
		for range 4 {
			p.pass(8 * second) // guests are forgotten after ten seconds
			if p.send(datagrams.in, datagrams.want) {
				t.Fatal("handed over")
			}
		}
		p.pass(2 * guestSeconds * second)
		if p.other.guests != 0 || p.owner.table.Stats().Used != 1 {
			t.Errorf("%d guests of %d flows, after %d seconds of silence", p.other.guests, p.owner.table.Stats().Used, 2*guestSeconds)
		}
		if !p.send(datagrams.in, datagrams.want) || p.send(datagrams.in, datagrams.want) {
			t.Error("a forgotten guest did not come back with the next frame")
		}
		p.pass(70 * second)
		if p.other.guests != 0 || p.owner.table.Stats().Used != 0 {
			t.Errorf("%d guests of %d flows, after its time", p.other.guests, p.owner.table.Stats().Used)
		}
	}
}

// TestOwnerWaitsForReports: of a flow whose timer is short its owner hears late that it lives.
func TestOwnerWaitsForReports(t *testing.T) {
	p := newPair(t, client)
	p.source.Virtuals[1].Timers.UDPIdle = 2 * second // as long as a round of the sweep
	p.apply()
	p.send(datagrams.in, datagrams.want)
	p.lent(datagrams)
	for n := range 15 {
		p.pass(3 * second / 2)
		if p.send(datagrams.in, datagrams.want) {
			t.Fatalf("handed over after %d times a second and a half", n+1)
		}
	}
}

// TestLateReport: what a guest carried is not added to another flow that has its record by now, and not to one that opens:
// bytes would be taken for that one's sequence number.
func TestLateReport(t *testing.T) {
	p := newPair(t, client)
	p.open()
	r := p.owner.flow(client)
	report := *r
	report.Invite(p.owner.first(t, client))
	report.Count(flowtable.Forward, 1000)
	for name, change := range map[string]func(*flowtable.Record){
		"to another virtual": func(g *flowtable.Record) { g.VirtualPort++ },
		"from another real":  func(g *flowtable.Record) { g.RealPort++ },
		"opening":            func(*flowtable.Record) { r.Phase = flowtable.HalfOpen },
		"gone":               func(*flowtable.Record) { r.Phase = flowtable.Free },
	} {
		g, before := report, *r
		change(&g)
		after := *r
		if p.owner.merge(&g); *r != after {
			t.Errorf("%s: %+v became %+v", name, after, *r)
		}
		*r = before
	}
	last := r.Last
	r.Phase, report.Last = flowtable.Cut, last+1 // what its ends are asked by is made of Last
	p.owner.now += 2
	if p.owner.merge(&report); r.Bytes(flowtable.Forward) != 1054 || r.Last != last { // with the handshake's ACK
		t.Errorf("%d bytes, last %d, want that of the cut, %d", r.Bytes(flowtable.Forward), r.Last, last)
	}
}

// TestRoomForRecalls: other notes leave half of the places to them.
func TestRoomForRecalls(t *testing.T) {
	p := newPair(t, client).owner.peer(1 - newPair(t, client).owner.self)
	for n := range notePlaces {
		if got := p.write(carried) != nil; got != (n < notePlaces/2) {
			t.Fatalf("note %d: %v", n, got)
		}
		if n >= notePlaces/2 && p.write(recalled) == nil {
			t.Fatalf("no place for a recall behind %d notes", n)
		}
	}
	if p.write(recalled) != nil {
		t.Error("a place too many")
	}
}

// TestLendingKeepsOrder: while a later frame is on its way to the owner the flow is not lent, for the next one would be
// first; unless frames get lost anyway.
func TestLendingKeepsOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		late pkt
		lost bool
	}{{"same way", data.in, false}, {"other way", data.back, false}, {"losses", data.in, true}} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t, client)
			p.open()
			for range lendAfter - 2 {
				p.send(data.in, data.want)
			}
			p.come(data.in)
			p.arrive()
			p.come(tt.late) // the note is not read yet: it is not even published
			if tt.lost {
				p.other.counts.Shared.Lose(p.other.beats)
			}
			p.talk()
			if hosted := p.other.guests == 1; hosted != tt.lost {
				t.Errorf("hosted %v, with a frame on its way", hosted)
			}
			p.arrive()
			if p.talk(); p.other.guests != 1 {
				t.Error("not hosted after that frame came")
			}
		})
	}
}

// TestLentAfterFramesAreSent: who reads a note must not send a frame before those that the writer had.
func TestLentAfterFramesAreSent(t *testing.T) {
	p := newPair(t, client)
	p.open()
	for range lendAfter - 2 {
		p.send(data.in, data.want)
	}
	p.come(data.in)
	p.arrive() // in a burst that is not settled yet
	if p.other.Burst(nil, uint64(p.time)); p.other.guests != 0 {
		t.Error("hosted before the owner's burst was sent")
	}
	p.owner.Burst(nil, uint64(p.time))
	if p.other.Burst(nil, uint64(p.time)); p.other.guests != 1 {
		t.Error("not hosted after it")
	}
}

// TestRecalledBeforeFramesAreSent: what an end answers to the owner's frames may come before the owner's next burst.
func TestRecalledBeforeFramesAreSent(t *testing.T) {
	for name, ends := range map[string]func(p *pair){
		"cut": func(p *pair) {
			flushVirtual(p.world)
			p.apply()
			for p.owner.Spared() == 0 {
				p.time++
				p.owner.Burst(nil, uint64(p.time))
			}
		},
		"reset":  func(p *pair) { p.owner.give(t, fromReal(1, "R")) },
		"closed": func(p *pair) { p.owner.give(t, fromClient("FA")); p.owner.give(t, fromReal(1, "FA")) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, client)
			p.open()
			p.lent(data)
			ends(p)
			if f := p.come(data.in); f.Verdict != Hand {
				t.Errorf("the client's answer stayed where it came in: verdict %d", f.Verdict)
			}
		})
	}
}

// TestRecallWaits: as long as another could not be told that a flow is over, its record stays.
func TestRecallWaits(t *testing.T) {
	fill := func(p *pair) {
		for to := p.owner.peer(p.other.self); ; {
			n := to.write(recalled)
			if n == nil {
				return
			}
			n.record = flowtable.Record{Client: 1} // nobody's
		}
	}
	ownerAlone := func(p *pair, seconds uint32) {
		for range seconds * second {
			p.time++
			p.owner.time = p.time
			p.owner.Burst(nil, uint64(p.time))
		}
	}
	t.Run("idle", func(t *testing.T) {
		p := newPair(t, client)
		p.send(datagrams.in, datagrams.want)
		p.lent(datagrams)
		fill(p)
		if ownerAlone(p, 90); p.owner.table.Stats().Used != 1 {
			t.Error("its record is gone")
		}
		if p.pass(3 * second); p.owner.table.Stats().Used != 0 || p.other.guests != 0 {
			t.Errorf("%d records, %d guests once there was room", p.owner.table.Stats().Used, p.other.guests)
		}
	})
	t.Run("flushed", func(t *testing.T) {
		p := newPair(t, client)
		p.send(datagrams.in, datagrams.want)
		p.lent(datagrams)
		fill(p)
		flushAll(p.world)
		p.apply()
		if ownerAlone(p, 3); p.owner.table.Stats().Used != 1 || p.owner.live.cut != 0 {
			t.Error("its record is gone")
		}
		if p.pass(3 * second); p.owner.table.Stats().Used != 0 || p.owner.live.cut != 1 || p.other.guests != 0 {
			t.Errorf("%d records, %d cut, %d guests once there was room", p.owner.table.Stats().Used, p.owner.live.cut, p.other.guests)
		}
	})
	t.Run("reopened", func(t *testing.T) {
		p := newPair(t, client)
		p.open()
		p.lent(data)
		fill(p)
		for _, in := range []pkt{fromClient("FA"), fromReal(1, "FA"), fromClient("S")} {
			p.owner.give(t, in)
		}
		if r := p.owner.flow(client); r.Phase != flowtable.Closing || !r.Lent() || p.owner.live.drops[packet.HandFull] != 1 {
			t.Errorf("a SYN took the place of a connection that another still has: %v", r.Phase)
		}
		p.talk()
		if f := p.owner.give(t, fromClient("S")); f.Verdict != Send || p.owner.flow(client).Phase != flowtable.HalfOpen {
			t.Error("nor later")
		}
		if p.talk(); p.other.guests != 0 {
			t.Error("the old one's guest is there still")
		}
	})
	t.Run("closed", func(t *testing.T) {
		p := newPair(t, client)
		p.open()
		p.lent(data)
		fill(p)
		for _, in := range []pkt{fromClient("FA"), fromReal(1, "FA")} {
			p.owner.give(t, in)
		}
		p.talk()
		if p.pass(3 * second); p.owner.flow(client).Lent() || p.other.guests != 0 {
			t.Error("the sweep did not recall it")
		}
	})
}

// TestCutRecalls: a connection that is cut is cut wherever its segments come in; a reset one comes back.
func TestCutRecalls(t *testing.T) {
	p := newPair(t, client)
	p.open()
	p.lent(data)
	p.send(fromReal(1, "R"), toClient("R"))
	if p.other.guests != 0 {
		t.Error("a reset connection has a guest")
	}
	if !p.send(data.back, data.wantBack) || p.owner.flow(client).Phase != flowtable.Established || p.send(data.back, data.wantBack) {
		t.Error("not restored, or not lent with the first frame")
	}
	flushVirtual(p.world)
	p.apply()
	p.pass(3 * second)
	if f := p.come(data.in); f.Verdict != Hand {
		t.Errorf("verdict %d", f.Verdict)
	}
	if f := p.arrive(); f.Verdict != Send || f.Bytes()[47]&packet.RST == 0 {
		t.Errorf("not severed: verdict %d", f.Verdict)
	}
}

// TestGuestsGiveWay: they live on what is left, and a worker's own connections find all the room they would without them.
func TestGuestsGiveWay(t *testing.T) {
	p := newPair(t, client)
	p.other.lendAfter, p.owner.lendAfter = 1, 1
	opened := 0
	open := func(owner *world, n int) {
		for range n {
			for ; ; opened++ {
				if k := keyOfPkt(fromClient("S").from(at(opened))); p.workers[p.owner.steering.Owner(k.Src, k.SrcPort)] == owner {
					break
				}
			}
			from := at(opened)
			opened++
			for range 2 {
				if in := datagrams.in.from(from); owner == p.owner {
					p.send(in, datagrams.want.from(from))
				} else if f := p.other.give(t, in); f.Verdict != Send {
					t.Fatalf("connection %d: verdict %d", opened, f.Verdict)
				}
			}
		}
	}
	capacity := p.other.table.Stats().Capacity
	open(p.owner, int(capacity))
	if n := p.other.guests; n != capacity-capacity/keptFree {
		t.Errorf("%d guests in a table of %d", n, capacity)
	}
	open(p.other, 40) // those in reach give way
	if p.other.guests == 0 {
		t.Error("all gave way")
	}
	p.other.sweep.round = 100 // and others before there is need
	for own := 40; own < int(capacity); own += 4 {
		p.pass(100)
		if s := p.other.table.Stats(); s.Capacity-s.Used <= capacity/neededFree && p.other.guests > 0 {
			t.Fatalf("%d of %d used, %d by guests", s.Used, s.Capacity, p.other.guests)
		}
		open(p.other, 4)
	}
	if s := p.other.table.Stats(); s.Used != capacity || p.other.guests != 0 || p.other.live.evicted != 0 {
		t.Errorf("%d of %d used, %d by guests, %d evicted", s.Used, s.Capacity, p.other.guests, p.other.live.evicted)
	}
}

// TestGuestShowsLife: an answer of a failed real does so where it comes in.
func TestGuestShowsLife(t *testing.T) {
	p := newPair(t, client)
	p.open()
	p.lent(data)
	setReal(1, func(r *ruleset.Real) { r.Watched, r.Unavailable = true, true })(p.world)
	p.apply()
	p.pass(3 * second)
	if p.send(data.in, data.want) || p.other.counts.Shared.Signals(1) != 0 {
		t.Error("the client's own packet shows life, or was handed over")
	}
	if p.send(data.back, data.wantBack) || p.other.counts.Shared.Signals(1) != ruleset.ShowsLife {
		t.Error("the real's answer shows none")
	}
}

// TestGuestOfANeighbourUnknown: only the owner saw where the client's SYN came from.
func TestGuestOfANeighbourUnknown(t *testing.T) {
	p := newPair(t, neighbourClient)
	p.other.lendAfter, p.owner.lendAfter = 1, 1
	for _, in := range []pkt{fromClient("S").from(neighbourClient), fromReal(1, "SA").to(neighbourClient), fromClient("A").from(neighbourClient), fromClient("A").from(neighbourClient)} {
		p.come(in)
		p.arrive()
		p.talk()
	}
	if p.other.guests != 1 {
		t.Fatal("not lent")
	}
	if f := p.come(fromReal(1, "A").to(neighbourClient)); f.Verdict != Hand {
		t.Errorf("verdict %d", f.Verdict)
	}
	if f := p.arrive(); f.Verdict != Send || packet.DstMAC(f.Bytes()) != packet.MACFrom(gatewayMAC) {
		t.Errorf("verdict %d, % x", f.Verdict, f.Bytes()[:6])
	}
}

// TestTickets: they tell what came later, also when their numbers wrap around.
func TestTickets(t *testing.T) {
	for _, start := range []uint32{0, 1<<ticketBits - 5, 1<<32 - 5} {
		ticket := tickets{last: start}
		const a, b = 1 << 40, 2 << 40
		for range 20 {
			first := ticket.draw(a) & ticketMask
			other := ticket.draw(b) & ticketMask
			if !ticket.latest(a, first) || !ticket.latest(b, other) || !ticket.latest(a, other) || ticket.latest(b, first) {
				t.Fatalf("from %d: %d then %d", start, first, other)
			}
			again := ticket.draw(a) & ticketMask
			if ticket.latest(a, first) || ticket.latest(a, other) || !ticket.latest(a, again) {
				t.Fatalf("from %d: %d, %d, then %d", start, first, other, again)
			}
		}
	}
}

// TestLendingAtOnce: workers that run at the same time lend one another flows that come and go, until each has forwarded
// many frames of others'. Every datagram finds its way, and in the end nothing is left.
func TestLendingAtOnce(t *testing.T) {
	const workers, clients, enough = 3, 100, 1000
	c := newCluster(t, workers, 4*clients)
	c.source.Virtuals[1].Members = c.source.Virtuals[1].Members[:1]
	c.source.Virtuals[1].Timers.UDPIdle = 5
	c.apply()
	type endpoints struct{ request, answer []byte }
	var all []endpoints
	for n := range clients {
		all = append(all, endpoints{datagrams.in.from(at(n)).in(t), datagrams.back.to(at(n)).in(t)})
	}
	want := map[bool]flowtable.Key{true: keyOfPkt(datagrams.want), false: keyOfPkt(datagrams.wantBack)}
	handed, hosted := make([]chan Frame, workers), make([]atomic.Int64, workers)
	var clock atomic.Uint32
	done := func() bool {
		for n := range hosted {
			if hosted[n].Load() < enough {
				return false
			}
		}
		return true
	}
	for n := range handed {
		handed[n] = make(chan Frame, 64)
	}
	work := func(n int, w *world) {
		random := rand.New(rand.NewPCG(uint64(n), 9))
		w.sweep.round, w.lendAfter = 3, 2
		for !done() {
			w.time = c.time + clock.Add(1)/64
			var frames []Frame
			for range random.IntN(16) {
				pair := all[random.IntN(clients)%(1+random.IntN(clients))] // some come often, others hardly ever
				if random.IntN(2) == 0 {
					frames = append(frames, frameOf(outside, pair.request))
				} else {
					frames = append(frames, frameOf(inside, pair.answer))
				}
			}
			for own := len(frames); len(frames)-own < 16; {
				select {
				case f := <-handed[n]:
					f.Flags, f.Verdict = FlagHanded, 99
					frames = append(frames, f)
					continue
				default:
				}
				break
			}
			for i, f := range w.run(frames...) {
				switch f.Verdict {
				case Hand:
					select {
					case handed[f.Out] <- f:
					default: // the ring is full
					}
				case Send:
					k, forwards := keyIn(f.Bytes()), f.Out == inside
					if to := want[forwards]; forwards && k.Dst != to.Dst || !forwards && (k.Src != to.Src || k.SrcPort != to.SrcPort) {
						t.Errorf("worker %d sent %+v", n, k)
					}
					if f.Flags&FlagHanded == 0 && w.steering.Owner(clientOf(k, forwards)) != w.self {
						hosted[n].Add(1)
					}
				case Drop: // an answer, of a flow that is not there or no more
				default:
					t.Errorf("worker %d, frame %d: verdict %d", n, i, f.Verdict)
				}
			}
		}
	}
	var running sync.WaitGroup
	for n, w := range c.workers {
		running.Go(func() { work(n, w) })
	}
	running.Wait()
	c.time += clock.Load() / 64
	for range 3 * guestSeconds * second / 10 {
		c.time += 10
		c.idle()
	}
	for n, w := range c.workers {
		if w.guests != 0 {
			t.Errorf("worker %d: %d guests in the end", n, w.guests)
		}
		w.end(t)
	}
}

// clientOf is the client's endpoint of a packet that the director sends.
func clientOf(k flowtable.Key, forwards bool) (uint32, uint16) {
	if forwards {
		return k.Src, k.SrcPort
	}
	return k.Dst, k.DstPort
}
