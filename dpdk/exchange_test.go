package dpdk_test

import (
	"bytes"
	"strings"
	"testing"

	"linedirector/dpdk"
)

// take empties a ring into copies of the frames on it.
func take(t *testing.T, r *dpdk.Ring) (frames [][]byte, ports []uint16) {
	t.Helper()
	b := dpdk.NewBatch()
	defer b.Close()
	for b.Take(r) > 0 {
		for i := range b.Frames() {
			frames = append(frames, bytes.Clone(b.Frames()[i].Bytes()))
			ports = append(ports, b.Frames()[i].Port)
		}
	}
	return frames, ports
}

// TestVerdicts gives a burst one of each verdict, sensible and not.
func TestVerdicts(t *testing.T) {
	worker(t)
	hand, punt := ring(t, 16), ring(t, 16)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Hand: []*dpdk.Ring{nil, nil, hand}, Punt: []*dpdk.Ring{nil, punt}})
	for _, tt := range []struct {
		name    string
		verdict uint8
		out     uint16
		what    func(*dpdk.ExchangeCounters) uint64
		on      *dpdk.Ring
	}{
		{"drop", dpdk.Drop, 0, nil, nil},
		{"drop, out ignored", dpdk.Drop, 65535, nil, nil},
		{"send", dpdk.Send, uint16(l.port), func(c *dpdk.ExchangeCounters) uint64 { return c.SentPackets[l.port] }, nil},
		{"send where no queue is", dpdk.Send, uint16(l.port) + 1, misdirected, nil},
		{"send beyond all ports", dpdk.Send, dpdk.MaxPorts, misdirected, nil},
		{"hand", dpdk.Hand, 2, func(c *dpdk.ExchangeCounters) uint64 { return c.Handed[2] }, hand},
		{"hand to itself", dpdk.Hand, 0, misdirected, nil},
		{"hand to nobody", dpdk.Hand, 5, misdirected, nil},
		{"hand beyond all workers", dpdk.Hand, dpdk.MaxWorkers, misdirected, nil},
		{"punt", dpdk.Punt, 1, func(c *dpdk.ExchangeCounters) uint64 { return c.Punted[1] }, punt},
		{"punt where no ring is", dpdk.Punt, 0, misdirected, nil},
		{"punt beyond all kinds", dpdk.Punt, dpdk.MaxPuntKinds, misdirected, nil},
		{"no verdict", 77, 0, misdirected, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := [][]byte{payload(1, 60), payload(2, 61)}
			frames := l.feed(t, sent...)
			before := *l.x.Counters()
			frames[0].Verdict, frames[0].Out = tt.verdict, tt.out // the other one is dropped
			again := l.x.Exchange()
			after := *l.x.Counters()
			if tt.what != nil && tt.what(&after)-tt.what(&before) != 1 {
				t.Errorf("counted %d", tt.what(&after)-tt.what(&before))
			}
			if tt.verdict == dpdk.Send && tt.out == uint16(l.port) {
				if again != 1 || !bytes.Equal(l.x.Frames()[0].Bytes(), sent[0]) {
					t.Errorf("%d frames came back", again)
				}
				if n := after.SentBytes[l.port] - before.SentBytes[l.port]; n != 60 {
					t.Errorf("counted %d bytes", n)
				}
			} else if again != 0 {
				t.Errorf("%d frames came back", again)
			}
			if tt.on != nil {
				got, ports := take(t, tt.on)
				if len(got) != 1 || !bytes.Equal(got[0], sent[0]) || ports[0] != uint16(l.port) {
					t.Errorf("on the ring: %x from ports %v", got, ports)
				}
			}
			l.x.Exchange()
			if n := l.pool.InUse(); n != 0 {
				t.Errorf("%d mbufs in use", n)
			}
		})
	}
}

func misdirected(c *dpdk.ExchangeCounters) uint64 { return c.Misdirected }

// TestHandOver lets one worker hand a frame to another, which has no queue at the port it came in on and sends its answer
// through the first one:
//
//	port ─rx→ first ─Hand→ second
//	port ←tx─ first ←Via── second
func TestHandOver(t *testing.T) {
	worker(t)
	over, back := ring(t, 16), ring(t, 16)
	first := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Hand: []*dpdk.Ring{nil, over}, Finished: []*dpdk.Ring{back}})
	second := exchange(t, dpdk.ExchangeConfig{Handed: []*dpdk.Ring{over}, Via: map[dpdk.PortID]*dpdk.Ring{first.port: back}})

	frames := first.feed(t, payload(1, 100))
	frames[0].Verdict, frames[0].Out, frames[0].Hash = dpdk.Hand, 1, 0xcafe0001
	first.x.Exchange()
	if n := second.Exchange(); n != 1 {
		t.Fatalf("%d frames handed over", n)
	}
	f := &second.Frames()[0]
	if f.Flags&dpdk.FlagHanded == 0 || f.Hash != 0xcafe0001 || f.Port != uint16(first.port) || f.Verdict != dpdk.Drop || !bytes.Equal(f.Bytes(), payload(1, 100)) {
		t.Fatalf("handed over: %+v", *f)
	}
	f.Bytes()[0] = 0xee
	f.Verdict, f.Out = dpdk.Send, uint16(first.port)
	second.Exchange()
	if c := second.Counters(); c.Taken != 1 || c.SentPackets[first.port] != 0 || back.Len() != 1 {
		t.Errorf("taken %d, sent %d, on the ring %d", c.Taken, c.SentPackets[first.port], back.Len())
	}
	sent := first.x.Counters().SentBytes[first.port]
	if n := first.x.Exchange(); n != 1 || first.x.Frames()[0].Bytes()[0] != 0xee || first.x.Frames()[0].Flags != 0 {
		t.Fatalf("%d frames came back", n)
	}
	if n := first.x.Counters().SentBytes[first.port] - sent; n != 100 {
		t.Errorf("counted %d bytes", n)
	}
}

// TestFinishedFirst: what others finished leaves before a worker's own frames, which may be later ones of the same flow.
func TestFinishedFirst(t *testing.T) {
	worker(t)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{})
	own := &l.feed(t, payload(2, 60))[0]
	own.Verdict, own.Out = dpdk.Send, uint16(l.port)
	if err := dpdk.Inject(l.pool, l.in, l.port, payload(1, 60)); err != nil {
		t.Fatal(err)
	}
	if n := l.x.Exchange(); n != 2 {
		t.Fatalf("%d frames came back", n)
	}
	for i, f := range l.x.Frames()[:2] {
		if !bytes.Equal(f.Bytes(), payload(byte(1+i), 60)) {
			t.Errorf("frame %d begins with %d", i, f.Bytes()[0])
		}
	}
}

// TestFinishedElsewhere puts a frame for a port on the ring of a worker that has no tx queue there.
func TestFinishedElsewhere(t *testing.T) {
	worker(t)
	via := ring(t, 16)
	other := dpdk.PortID(30)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Via: map[dpdk.PortID]*dpdk.Ring{other: via}})
	for i, port := range []dpdk.PortID{other, 29, dpdk.MaxPorts, 65535} {
		if err := dpdk.Inject(l.pool, l.in, port, payload(1, 60)); err != nil {
			t.Fatal(err)
		}
		l.x.Idle()
		if n := l.x.Counters().Misdirected; n != uint64(i)+1 {
			t.Errorf("port %d: counted %d", port, n)
		}
	}
	if via.Len() != 0 || l.pool.InUse() != 0 {
		t.Errorf("%d passed on, %d in use", via.Len(), l.pool.InUse())
	}
}

// TestResized changes frames' lengths.
func TestResized(t *testing.T) {
	worker(t)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{})
	for _, tt := range []struct {
		name     string
		from, to uint16
		flag     bool
		want     uint16 // 0: misdirected
	}{
		{"shorter", 1000, 70, true, 70},
		{"longer", 60, 1500, true, 1500},
		{"all of the buffer", 60, 2048, true, 2048},
		{"beyond the buffer", 60, 2049, true, 0},
		{"to the longest", 60, 65535, true, 0},
		{"unsaid", 60, 100, false, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frames := l.feed(t, payload(3, int(tt.from)))
			before := *l.x.Counters()
			f := &frames[0]
			f.Len = tt.to
			if tt.flag {
				f.Flags |= dpdk.FlagResized
			}
			if tt.want > tt.from {
				copy(f.Bytes(), payload(4, int(tt.to)))
			}
			f.Verdict, f.Out = dpdk.Send, uint16(l.port)
			n := l.x.Exchange()
			after := l.x.Counters()
			if tt.want == 0 {
				if n != 0 || after.Misdirected-before.Misdirected != 1 {
					t.Errorf("%d frames came back, %d misdirected", n, after.Misdirected-before.Misdirected)
				}
				return
			}
			if n != 1 || l.x.Frames()[0].Len != tt.want {
				t.Fatalf("%d frames came back, %d bytes long", n, l.x.Frames()[0].Len)
			}
			if got := after.SentBytes[l.port] - before.SentBytes[l.port]; tt.flag && got != uint64(tt.want) {
				t.Errorf("counted %d bytes", got)
			}
			if tt.want > tt.from && !bytes.Equal(l.x.Frames()[0].Bytes(), payload(4, int(tt.to))) {
				t.Error("the bytes are not those written")
			}
			l.x.Exchange()
		})
	}
}

// TestFull fills what frames go to.
func TestFull(t *testing.T) {
	worker(t)
	hand, punt, via := ring(t, 4), ring(t, 8), ring(t, 2)
	other := dpdk.PortID(30)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{
		Hand: []*dpdk.Ring{nil, hand}, Punt: []*dpdk.Ring{punt}, Via: map[dpdk.PortID]*dpdk.Ring{other: via},
	})
	var burst [][]byte
	for i := range 32 {
		burst = append(burst, payload(byte(i), 60))
	}
	for _, tt := range []struct {
		name    string
		verdict uint8
		out     uint16
		ring    *dpdk.Ring
		full    *uint64
	}{
		{"hand", dpdk.Hand, 1, hand, &l.x.Counters().HandFull[1]},
		{"punt", dpdk.Punt, 0, punt, &l.x.Counters().PuntFull[0]},
		{"via", dpdk.Send, uint16(other), via, &l.x.Counters().TxFull[other]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range l.feed(t, burst...) {
				l.x.Frames()[i].Verdict, l.x.Frames()[i].Out = tt.verdict, tt.out
			}
			l.x.Exchange()
			if tt.ring.Len() != tt.ring.Cap() || *tt.full != uint64(32-tt.ring.Cap()) {
				t.Errorf("%d of %d on the ring, %d refused", tt.ring.Len(), tt.ring.Cap(), *tt.full)
			}
			if got, _ := take(t, tt.ring); len(got) == 0 || !bytes.Equal(got[0], burst[0]) {
				t.Error("the first one is not on the ring")
			}
			if n := l.pool.InUse(); n != 0 {
				t.Errorf("%d mbufs in use", n)
			}
		})
	}
	t.Run("tx queue", func(t *testing.T) {
		sent := l.x.Counters().SentPackets[l.port]
		injected := 0
		for range 40 { // the device's ring holds 1023, and nobody receives
			for i := range 50 {
				if err := dpdk.Inject(l.pool, l.in, l.port, burst[i%32]); err != nil {
					t.Fatal(err)
				}
				injected++
			}
			l.x.Idle()
		}
		c := l.x.Counters()
		sent = c.SentPackets[l.port] - sent
		if sent != 1023 || c.TxFull[l.port] != uint64(injected)-1023 || c.SentBytes[l.port] != 60*c.SentPackets[l.port] {
			t.Errorf("%d sent, %d refused, %d bytes for %d frames", sent, c.TxFull[l.port], c.SentBytes[l.port], c.SentPackets[l.port])
		}
		if n := l.pool.InUse(); n != 1023 {
			t.Errorf("%d mbufs in use", n)
		}
	})
}

// TestTurns floods one source of three, which must not starve the others, nor the others each other.
func TestTurns(t *testing.T) {
	worker(t)
	m := pool(t, 4095, 2048)
	in := ring(t, 2048)
	var queues []dpdk.Queue
	for _, device := range []string{"net_ring0", "net_ring1", "net_ring2"} {
		queues = append(queues, dpdk.Queue{Port: port(t, device, dpdk.PortConfig{Mempools: []*dpdk.Mempool{m}}).ID()})
	}
	x := exchange(t, dpdk.ExchangeConfig{Burst: 16, Receive: queues, Transmit: queues, Finished: []*dpdk.Ring{in}})
	for i, frames := range []int{15, 500, 100} { // one that nearly fills a burst, and two that do
		for range frames {
			if err := dpdk.Inject(m, in, queues[i].Port, payload(0, 60)); err != nil {
				t.Fatal(err)
			}
		}
		x.Idle()
		x.Idle()
		x.Idle()
		x.Idle()
	}
	var seen [dpdk.MaxPorts]int
	for range 3000 {
		n := x.Exchange()
		for i := range x.Frames()[:n] {
			f := &x.Frames()[i]
			seen[f.Port]++
			f.Verdict, f.Out = dpdk.Send, f.Port
		}
	}
	total := seen[queues[0].Port] + seen[queues[1].Port] + seen[queues[2].Port]
	for _, q := range queues {
		if share := float64(seen[q.Port]) / float64(total); share < 0.25 {
			t.Errorf("port %d had %.2f of the bursts", q.Port, share)
		}
	}
	x.Idle()
	drain := func() int {
		n := x.Exchange()
		return n
	}
	for drain() > 0 {
	}
}

// TestExchangeConfig refuses what would be a wild pointer in the packet path.
func TestExchangeConfig(t *testing.T) {
	m := pool(t, 255, 2048)
	p := port(t, "net_ring0", dpdk.PortConfig{Mempools: []*dpdk.Mempool{m}}).ID()
	r := ring(t, 16)
	for _, tt := range []struct {
		name string
		cfg  dpdk.ExchangeConfig
		want string
	}{
		{"no burst", dpdk.ExchangeConfig{}, "burst 0 is not between 1 and 128"},
		{"burst too long", dpdk.ExchangeConfig{Burst: 129}, "burst 129"},
		{"no such rx queue", dpdk.ExchangeConfig{Burst: 1, Receive: []dpdk.Queue{{Port: p, Queue: 1}}}, "rx queue 1 of port"},
		{"no such port", dpdk.ExchangeConfig{Burst: 1, Receive: []dpdk.Queue{{Port: 31}}}, "No such device"},
		{"no port at all", dpdk.ExchangeConfig{Burst: 1, Transmit: []dpdk.Queue{{Port: 999}}}, "No such device"},
		{"no such tx queue", dpdk.ExchangeConfig{Burst: 1, Transmit: []dpdk.Queue{{Port: p, Queue: 1}}}, "tx queue 1 of port"},
		{"two tx queues", dpdk.ExchangeConfig{Burst: 1, Transmit: []dpdk.Queue{{Port: p}, {Port: p}}}, "File exists"},
		{"tx queue and via", dpdk.ExchangeConfig{Burst: 1, Transmit: []dpdk.Queue{{Port: p}}, Via: map[dpdk.PortID]*dpdk.Ring{p: r}}, "File exists"},
		{"via beyond all ports", dpdk.ExchangeConfig{Burst: 1, Via: map[dpdk.PortID]*dpdk.Ring{dpdk.MaxPorts: r}}, "ring towards port 32"},
		{"too many workers", dpdk.ExchangeConfig{Burst: 1, Hand: append(make([]*dpdk.Ring, dpdk.MaxWorkers), r)}, "ring towards worker 64"},
		{"too many kinds", dpdk.ExchangeConfig{Burst: 1, Punt: append(make([]*dpdk.Ring, dpdk.MaxPuntKinds), r)}, "ring of punt kind 8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Socket = dpdk.AnySocket
			x, err := dpdk.NewExchange(tt.cfg)
			if err == nil {
				x.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestClose frees what the last burst held, whatever the verdicts; the pool's cleanup counts.
func TestClose(t *testing.T) {
	worker(t)
	m := pool(t, 255, 2048)
	p := port(t, "net_null0", dpdk.PortConfig{Mempools: []*dpdk.Mempool{m}}).ID()
	q := []dpdk.Queue{{Port: p}}
	x, err := dpdk.NewExchange(dpdk.ExchangeConfig{Burst: 64, Socket: dpdk.AnySocket, Receive: q, Transmit: q})
	if err != nil {
		t.Fatal(err)
	}
	if n := x.Exchange(); n != 64 || m.InUse() != 64 || m.Avail() != 255-64 {
		t.Errorf("%d received, %d in use, %d not", n, m.InUse(), m.Avail())
	}
	x.Frames()[0].Verdict, x.Frames()[0].Out = dpdk.Send, uint16(p)
	x.Close()
}

// TestNoAllocation holds for the worker's whole crossing, and for control's side.
func TestNoAllocation(t *testing.T) {
	worker(t)
	punt := ring(t, 64)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Punt: []*dpdk.Ring{punt}})
	b := dpdk.NewBatch()
	defer b.Close()
	frame := payload(0, 60)
	allocs := testing.AllocsPerRun(1000, func() {
		_ = dpdk.Inject(l.pool, l.in, l.port, frame)
		if l.x.Exchange() == 1 {
			l.x.Frames()[0].Verdict = dpdk.Punt
		}
		l.x.Idle()
		b.Take(punt)
		_ = b.Frames()
		b.Free()
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if n := l.x.Counters().Punted[0]; n < 1000 {
		t.Errorf("%d punted", n)
	}
}

// TestNow is stamped by each exchange.
func TestNow(t *testing.T) {
	x := exchange(t, dpdk.ExchangeConfig{})
	before := dpdk.TSC()
	x.Exchange()
	if now := x.Now(); now < before || now > dpdk.TSC() {
		t.Errorf("%d is not between %d and %d", now, before, dpdk.TSC())
	}
	if hz := dpdk.TSCHz(); hz < 1e6 || hz > 1e11 {
		t.Errorf("%d Hz", hz)
	}
}

// TestSpares sends frames of the worker's own, beside a burst and, as the sweep of an idle worker does, without one. Their
// places are filled anew as far as the mempool goes, and empty ones say so.
func TestSpares(t *testing.T) {
	worker(t)
	spares := pool(t, dpdk.MaxSpares+3, 2048)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Spares: spares})
	for round := range 4 {
		if round%2 == 0 {
			l.feed(t, payload(1, 60))
		} else if n := l.x.Exchange(); n != 0 {
			t.Fatalf("round %d: %d frames came from nowhere", round, n)
		}
		var sent [][]byte
		for i := range 5 {
			f := &l.x.Spares()[i]
			f.Len, f.Flags, f.Verdict, f.Out = uint16(60+i), dpdk.FlagResized, dpdk.Send, uint16(l.port)
			sent = append(sent, payload(byte(10*round+i), 60+i))
			copy(f.Bytes(), sent[i])
		}
		l.x.Spared(5)
		if n := l.x.Exchange(); n != 5 { // the burst's own frame was dropped
			t.Fatalf("round %d: %d frames came back, want 5", round, n)
		}
		for i, want := range sent {
			if got := l.x.Frames()[i].Bytes(); !bytes.Equal(got, want) {
				t.Errorf("round %d: spare %d came back as %x", round, i, got)
			}
		}
		full := 0
		for i := range l.x.Spares() {
			if l.x.Spares()[i].Data != nil {
				full++
			}
		}
		if full != dpdk.MaxSpares-2 { // five are in the burst, and three were left
			t.Errorf("round %d: %d spare frames are full, want %d", round, full, dpdk.MaxSpares-2)
		}
		l.x.Exchange() // drops them
		l.feed(t, payload(2, 60))
		l.x.Spared(0)
		l.x.Exchange()
		if n := spares.InUse(); n != full {
			t.Errorf("round %d: %d mbufs in use, want the %d spare ones", round, n, full)
		}
	}
}
