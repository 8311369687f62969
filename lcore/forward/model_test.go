package forward

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// cluster is several workers under the same rules, as package lcore runs them: a frame comes to any of them, and
// one that is handed over goes to its owner.
type cluster struct {
	*world  // rules, next hops, time; its own worker is not used
	workers []*world
}

func newCluster(tb testing.TB, workers, flows int) *cluster {
	c := &cluster{world: newWorld(tb, 1, nil)}
	shared := c.counts.Shared
	steering := NewSteering(workers)
	for i := range workers {
		w := newWorld(tb, flows, nil)
		w.hops, w.Worker.hops = c.hops, c.hops
		w.counts.Shared = shared
		w.steering, w.self = steering, uint16(i)
		w.answer = newBucket(1e9, second, w.time)
		for kind := range w.punts {
			w.punts[kind] = newBucket(1e9, second, w.time)
		}
		c.workers = append(c.workers, w)
	}
	return c
}

func (c *cluster) apply() {
	c.world.apply()
	for _, w := range c.workers {
		w.Use(c.Rules())
	}
}

// deliver gives a frame to a worker and, if it says so, on to the owner.
func (c *cluster) deliver(to int, port uint16, b []byte) Frame {
	f := frameOf(port, b)
	f = c.burst(to, f)
	if f.Verdict == Hand {
		to = int(f.Out)
		f.Flags, f.Verdict, f.Out = FlagHanded, 99, 99
		f = c.burst(to, f)
	}
	return f
}

func (c *cluster) burst(worker int, f Frame) Frame {
	w := c.workers[worker]
	w.time = c.time
	return w.run(f)[0]
}

// idle gives every worker a burst of nothing.
func (c *cluster) idle() {
	for _, w := range c.workers {
		w.time = c.time
		w.Burst(nil, uint64(w.time))
	}
}

// choices is where a run's decisions come from: a random source, or a fuzzer's bytes.
type choices interface{ IntN(n int) int }

// script decides by bytes, and by 0 when they are used up.
type script []byte

func (s *script) IntN(n int) int {
	v := 0
	for k := 1; k < n && len(*s) > 0; k <<= 8 {
		v = v<<8 | int((*s)[0])
		*s = (*s)[1:]
	}
	return v % n
}

// Model of what a flow is, written from the specification alone.
type modelFlow struct {
	key, reply           flowtable.Key
	virtual, real        uint16
	binding              uint32
	phase                flowtable.Phase
	clientFIN, realFIN   bool
	answered, realsReset bool
	last                 uint32

	// while it opens
	isn, first uint32
	syns       uint8
	trial      bool
	born       int // in the order in which opening began
}

func (f *modelFlow) counted() bool {
	return f.phase == flowtable.HalfOpen || f.phase == flowtable.Established || f.phase == flowtable.UDP
}

func (f *modelFlow) opening() bool {
	return f.phase == flowtable.HalfOpen || f.phase == flowtable.Ditched
}

func (f *modelFlow) limit(t ruleset.Timers) uint32 {
	switch f.phase {
	case flowtable.HalfOpen, flowtable.Ditched:
		if f.trial {
			return min(t.HalfOpen, 10*second)
		}
		return t.HalfOpen
	case flowtable.Established:
		return t.Idle
	case flowtable.UDP:
		return t.UDPIdle
	}
	return t.CloseDelay
}

type model struct {
	*cluster
	tb      testing.TB
	choose  choices
	flows   []*modelFlow
	removed []ruleset.VirtualSource // may come back
	full    bool                    // some worker's shard was, before the last packet
	evicted uint64                  // flows that gave way
	log     []logged
	births  int
	follows bool // of its flows: else it only makes packets

	trials  map[uint16]bool           // reals whose trial nobody has
	raised  map[uint16]ruleset.Signal // signals due
	ditched map[uint16]uint32         // in a row
	tallies map[uint16]ruleset.RealTally
	moves   int // to another real
	stays   int // SYNs due to move that no other real takes
}

// owner is the worker that holds a client's flows.
func (m *model) owner(k flowtable.Key) *world {
	return m.workers[m.workers[0].steering.Owner(k.Src, k.SrcPort)]
}

// connections are those that count on a real now.
func (m *model) connections(real uint16) (n uint32) {
	for _, f := range m.flows {
		if f.real == real && f.counted() {
			n++
		}
	}
	return n
}

// isLimit tells whether a real has as many connections as it may.
func (m *model) isLimit(real uint16) bool {
	most := m.source.Reals[real].MaxConns
	return most != 0 && m.connections(real) >= most
}

// taking are the members of a virtual that take new connections now, but for one real.
func (m *model) taking(v *ruleset.VirtualSource, except uint16) (all []ruleset.Member) {
	for _, member := range v.Members {
		if member.Weight > 0 && !v.Draining && member.Real != except && !m.isLimit(member.Real) {
			all = append(all, member)
		}
	}
	return all
}

// over notes that an opening connection is none any more: a trial that was not decided has vanished.
func (m *model) over(f *modelFlow) {
	if f.trial {
		f.trial = false
		m.raised[f.real] |= ruleset.TrialVanished
	}
}

// ditch counts a connection that its real did not take.
func (m *model) ditch(f *modelFlow, refused bool) {
	f.phase = flowtable.Ditched
	t := m.tallies[f.real]
	if refused {
		t.Refused++
	} else {
		t.Silent++
	}
	m.tallies[f.real] = t
	m.ditched[f.real]++
	if threshold := m.source.Reals[f.real].Threshold; threshold != 0 && m.ditched[f.real] >= threshold {
		m.raised[f.real] |= ruleset.ThresholdReached
	}
	if f.trial {
		f.trial = false
		m.raised[f.real] |= map[bool]ruleset.Signal{true: ruleset.TrialRefused, false: ruleset.TrialSilent}[refused]
	}
}

// overdue tells whether a connection's next SYN is for another real.
func (m *model) overdue(f *modelFlow) bool {
	v, real := m.virtual(f.virtual), m.source.Reals[f.real]
	syns, after, waited := v.Retry.SYNs, v.Retry.After, m.time-f.first
	if real.Retry.SYNs > 0 {
		syns = real.Retry.SYNs
	}
	if real.Retry.After > 0 {
		after = real.Retry.After
	}
	return real.Unavailable || syns > 0 && f.syns >= syns && waited >= second/4 || after > 0 && waited >= after
}

// logged is a packet that was sent, for the message when a check fails.
type logged struct {
	time    uint32
	worker  int
	packet  pkt
	verdict Verdict
	out     uint16
}

func (m *model) fail(format string, args ...any) {
	m.tb.Helper()
	for _, l := range m.log[max(0, len(m.log)-40):] {
		m.tb.Logf("%d: worker %d: %+v: verdict %d out %d", l.time, l.worker, l.packet, l.verdict, l.out)
	}
	m.tb.Fatalf(format, args...)
}

func (m *model) find(k flowtable.Key) (*modelFlow, bool) {
	for _, f := range m.flows {
		if f.key == k {
			return f, true
		}
		if f.reply == k {
			return f, false
		}
	}
	return nil, false
}

func (m *model) virtual(slot uint16) *ruleset.VirtualSource {
	for i := range m.source.Virtuals {
		if m.source.Virtuals[i].Slot == slot {
			return &m.source.Virtuals[i]
		}
	}
	return nil
}

// present tells whether a worker holds a flow.
func (m *model) present(f *modelFlow) bool {
	for _, w := range m.workers {
		if w.table.Find(&f.key, w.table.Hash(&f.key)) != 0 {
			return true
		}
	}
	return false
}

// sync forgets the flows whose time was up and that are gone. Any other that is gone is an error, and one that is
// long overdue, too.
func (m *model) sync() {
	evicted := uint64(0)
	for _, w := range m.workers {
		evicted += w.live.evicted
	}
	early, halfOpen := uint64(0), uint64(0)
	m.flows = slices.DeleteFunc(m.flows, func(f *modelFlow) bool {
		if m.present(f) {
			return false
		}
		if f.opening() {
			halfOpen++
		}
		if m.time-f.last < f.limit(m.virtual(f.virtual).Timers) {
			if early++; !f.opening() {
				m.fail("flow %+v is gone", f)
			}
		}
		m.over(f)
		return true
	})
	if gaveWay := evicted - m.evicted; early > gaveWay || gaveWay > halfOpen {
		m.fail("%d flows gave way; %d half-open ones are gone, %d of them early", gaveWay, halfOpen, early)
	}
	m.evicted = evicted
}

// check compares all counts with the model's.
func (m *model) check() {
	open, records, byReal := map[uint32]uint64{}, map[uint32]uint64{}, map[uint16]uint32{}
	for _, f := range m.flows {
		records[f.binding]++
		if f.counted() {
			open[f.binding]++
			byReal[f.real]++
		}
	}
	used := uint32(0)
	for _, w := range m.workers {
		used += w.table.Stats().Used
	}
	if int(used) != len(m.flows) {
		m.fail("%d records, want %d", used, len(m.flows))
	}
	for slot := range m.counts.Bindings {
		var sum ruleset.BindingCount
		for _, w := range m.workers {
			b := w.counts.Binding(uint32(slot))
			if b.Closed > b.Opened || b.Removed > b.Inserted {
				m.fail("binding %d: %+v", slot, b)
			}
			sum.Opened, sum.Inserted = sum.Opened+b.Opened-b.Closed, sum.Inserted+b.Inserted-b.Removed
		}
		if s := uint32(slot); sum.Opened != open[s] || sum.Inserted != records[s] {
			m.fail("binding %d: %d connections, %d records; want %d, %d", slot, sum.Opened, sum.Inserted, open[s], records[s])
		}
	}
	for slot := range m.counts.Reals {
		sum := uint32(0)
		for _, w := range m.workers {
			sum += w.counts.Reals[slot].Open
		}
		if shared := m.counts.Shared.Connections(uint16(slot)); sum != byReal[uint16(slot)] || shared != sum {
			m.fail("real %d: %d connections, shared %d, want %d", slot, sum, shared, byReal[uint16(slot)])
		}
	}
	m.checkFailures()
	for _, w := range m.workers {
		m.checkOpening(w)
	}
}

// checkFailures compares what is known of reals' failures.
func (m *model) checkFailures() {
	for slot := range uint16(slots.Reals) {
		var sum ruleset.RealTally
		for _, w := range m.workers {
			t := w.counts.Tally(slot)
			sum.Silent, sum.Refused, sum.Moved = sum.Silent+t.Silent, sum.Refused+t.Refused, sum.Moved+t.Moved
		}
		if sum != m.tallies[slot] {
			m.fail("real %d: %+v, want %+v", slot, sum, m.tallies[slot])
		}
		if got := m.counts.Shared.Ditched(slot); got != m.ditched[slot] {
			m.fail("real %d: %d ditched in a row, want %d", slot, got, m.ditched[slot])
		}
		if got := m.counts.Shared.Signals(slot); got != m.raised[slot] {
			m.fail("real %d: signals %#x, want %#x", slot, got, m.raised[slot])
		}
	}
	clear(m.raised)
}

// checkOpening walks a worker's lists of opening connections.
func (m *model) checkOpening(w *world) {
	for slot := range uint16(slots.Virtuals) {
		var want []*modelFlow
		for _, f := range m.flows {
			if f.virtual == slot && f.opening() && m.owner(f.key) == w {
				want = append(want, f)
			}
		}
		slices.SortFunc(want, func(a, b *modelFlow) int { return a.born - b.born })
		if got := w.counts.Virtual(slot).HalfOpen; got != uint32(len(want)) {
			m.fail("virtual %d: %d half-open connections, want %d", slot, got, len(want))
		}
		l, before, n := w.opening[slot], uint32(0), w.opening[slot].oldest
		for _, f := range want {
			if n == 0 {
				m.fail("virtual %d: the list is too short", slot)
			}
			r := w.table.Record(n)
			older, newer := r.Neighbours()
			if r.ForwardKey() != f.key || r.Phase != f.phase || older != before || r.ISN() != f.isn || r.FirstSYN() != f.first || r.SYNs != f.syns {
				m.fail("virtual %d: %+v (neighbours %d, %d), want %+v behind %d", slot, r, older, newer, f, before)
			}
			before, n = n, newer
		}
		if n != 0 || l.newest != before {
			m.fail("virtual %d: the list goes on with %d, its newest is %d, want %d", slot, n, l.newest, before)
		}
	}
}

// Endpoints of the model's packets. The last client's is a real's, too.
var (
	modelClients  = []string{"198.51.100.1:40000", "198.51.100.1:40001", "198.51.100.2:40000", "198.51.100.3:1024", "10.0.0.12:8080"}
	modelVirtuals = []string{webTCP, "192.0.2.10:81", webUDP, "192.0.2.10:82"}
	modelFlags    = []string{"S", "S", "S", "A", "A", "A", "AP", "FA", "FA", "R", "RA", "SA", "SF", "", "SR", "FAP"}
)

// packet chooses one of a client's or a real's.
func (m *model) packet() pkt {
	p := fromClient(modelFlags[m.choose.IntN(len(modelFlags))]).from(modelClients[m.choose.IntN(len(modelClients))])
	p.dst = modelVirtuals[m.choose.IntN(len(modelVirtuals))]
	if p.dst == webUDP {
		p.flags = "u"
	}
	// The answer is what the real that has the flow would send.
	if m.choose.IntN(2) == 0 {
		to := p.src
		p = fromReal(1+m.choose.IntN(3), p.flags).to(to)
		if n := len(m.flows); n > 0 && m.choose.IntN(8) > 0 {
			f := m.flows[m.choose.IntN(n)]
			p.src, p.dst = endpointOf(f.reply.Src, f.reply.SrcPort), endpointOf(f.reply.Dst, f.reply.DstPort)
			if (f.reply.Protocol == packet.ProtocolUDP) != (p.flags == "u") {
				p.flags = map[bool]string{true: "u", false: "SA"}[f.reply.Protocol == packet.ProtocolUDP]
			}
		}
		if p.flags == "S" {
			p.flags = "SA"
		}
	} else if n := len(m.flows); n > 0 && m.choose.IntN(3) == 0 {
		f := m.flows[m.choose.IntN(n)]
		p.src, p.dst = endpointOf(f.key.Src, f.key.SrcPort), endpointOf(f.key.Dst, f.key.DstPort)
		if (f.key.Protocol == packet.ProtocolUDP) != (p.flags == "u") {
			p.flags = map[bool]string{true: "u", false: "A"}[f.key.Protocol == packet.ProtocolUDP]
		}
	}
	// Most SYNs are a client's first attempt, and most refusals answer it.
	if p.port == outside {
		p.seq = []uint32{0, 0, 0, 0, 0, 0, 0, 1 << 31}[m.choose.IntN(8)]
	} else if m.choose.IntN(4) > 0 {
		p.ack = []uint32{1, 1, 1, 1<<31 + 1}[m.choose.IntN(4)]
	}
	if n := len(m.flows); n > 0 && m.choose.IntN(4) == 0 { // a client tries again
		if f := m.flows[m.choose.IntN(n)]; f.opening() {
			p = fromClient("S").from(endpointOf(f.key.Src, f.key.SrcPort)).to(endpointOf(f.key.Dst, f.key.DstPort)).numbers(f.isn, 0)
		}
	}
	p.ttl = 64
	if m.choose.IntN(30) == 0 {
		p.ttl = 1
	}
	return p
}

func endpointOf(a uint32, port uint16) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, a))), port).String()
}

func keyOfPkt(p pkt) flowtable.Key {
	src, dst := netip.MustParseAddrPort(p.src), netip.MustParseAddrPort(p.dst)
	k := flowtable.Key{Src: ipv4Of(src.Addr()), Dst: ipv4Of(dst.Addr()), SrcPort: src.Port(), DstPort: dst.Port(), Protocol: packet.ProtocolTCP}
	if p.flags == "u" {
		k.Protocol = packet.ProtocolUDP
	}
	return k
}

// deliver is the cluster's; what expires at the first worker counts at the owner no more.
func (m *model) deliver(to int, port uint16, b []byte) Frame {
	f := m.burst(to, frameOf(port, b))
	if f.Verdict == Hand {
		if m.follows {
			m.sync()
			m.full = m.isFull()
		}
		to = int(f.Out)
		f.Flags, f.Verdict, f.Out = FlagHanded, 99, 99
		f = m.burst(to, f)
	}
	return f
}

// send gives one packet to some worker and checks what becomes of it.
func (m *model) send(p pkt) {
	b := p.in(m.tb)
	worker := m.choose.IntN(len(m.workers))
	before := append([]byte(nil), b...)
	m.full = m.isFull()
	f := m.deliver(worker, p.port, b)
	m.log = append(m.log, logged{m.time, worker, p, f.Verdict, f.Out})
	has := func(flag string) bool { return bytes.Contains([]byte(p.flags), []byte(flag)) }
	udp, syn, ack, fin, rst := p.flags == "u", has("S"), has("A"), has("F"), has("R")
	opening := udp || syn && !ack && !fin && !rst
	k := keyOfPkt(p)

	expect := func(verdict Verdict, out uint16) {
		m.tb.Helper()
		if f.Verdict != verdict || verdict == Send && f.Out != out {
			m.fail("%+v: verdict %d out %d, want %d out %d", p, f.Verdict, f.Out, verdict, out)
		}
	}
	flow, isForward := m.find(k)
	if flow != nil {
		if p.ttl <= 1 {
			expect(Send, p.port)
			return
		}
		went := goesOn
		if udp {
			flow.last = m.time
		} else {
			went = m.tcp(flow, isForward, syn, ack, fin, rst, opening, p)
		}
		switch went {
		case withheld:
			expect(Drop, 0)
			return
		case moves:
			m.moved(flow, &f, expect)
			return
		case goesOn:
			out := uint16(outside)
			want := flowtable.Key{Src: flow.key.Dst, SrcPort: flow.key.DstPort, Dst: k.Dst, DstPort: k.DstPort, Protocol: k.Protocol}
			if isForward {
				out = inside
				want = flowtable.Key{Src: k.Src, SrcPort: k.SrcPort, Dst: flow.reply.Src, DstPort: flow.reply.SrcPort, Protocol: k.Protocol}
			} else if k.Dst>>24 == 10 {
				out = inside // the client is among the reals
			}
			expect(Send, out)
			if got := keyIn(f.Bytes()); got != want {
				m.fail("%+v became %+v, want %+v", p, got, want)
			}
			return
		}
		m.forget(flow)
	}

	var v *ruleset.VirtualSource
	for i := range m.source.Virtuals {
		if c := &m.source.Virtuals[i]; c.Address == k.Dst && c.Port == k.DstPort && c.Protocol == k.Protocol {
			v = c
		}
	}
	refused := func(reset bool) {
		m.tb.Helper()
		if reset && !udp && !rst {
			expect(Send, p.port)
			if f.Bytes()[47]&packet.RST == 0 {
				m.fail("%+v is not answered by RST", p)
			}
			return
		}
		expect(Drop, 0)
		if !bytes.Equal(f.Bytes(), before) {
			m.fail("%+v was dropped, yet changed", p)
		}
	}
	switch {
	case v != nil && !v.Draining:
		switch {
		case !opening:
			refused(v.Reset)
		case p.ttl <= 1:
			expect(Send, p.port)
		default:
			m.open(k, v, p.seq, &f, refused, expect)
		}
	case m.Rules().Local(k.Dst):
		expect(Punt, 0)
	case m.isReal(k):
		if v != nil && len(m.workers) > 1 && f.Verdict == Drop {
			break // between a real and a removed virtual's endpoint two workers own it, and a frame is handed over once
		}
		refused(syn && ack)
	default:
		expect(Drop, 0)
	}
}

// isReal tells whether a packet comes from a real's endpoint that some virtual has, draining ones included.
func (m *model) isReal(k flowtable.Key) bool {
	for _, v := range m.source.Virtuals {
		for _, member := range v.Members {
			if r := m.source.Reals[member.Real]; v.Protocol == k.Protocol && r.Address == k.Src && r.Port == k.SrcPort {
				return true
			}
		}
	}
	return false
}

// forget takes a flow out that was removed.
func (m *model) forget(flow *modelFlow) {
	m.over(flow)
	m.flows = slices.DeleteFunc(m.flows, func(x *modelFlow) bool { return x == flow })
}

// guard makes way for a new half-open connection, and tells whether it could.
func (m *model) guard(k flowtable.Key, v *ruleset.VirtualSource) bool {
	if v.Guard.Limit == 0 || v.Protocol != packet.ProtocolTCP {
		return true
	}
	w, n := m.owner(k), uint32(0)
	var oldest *modelFlow
	for _, f := range m.flows {
		if f.virtual == v.Slot && f.opening() && m.owner(f.key) == w {
			if n++; oldest == nil || f.born < oldest.born {
				oldest = f
			}
		}
	}
	if n < v.Guard.Limit {
		return true
	}
	if v.Guard.Drop {
		return false
	}
	told := 0
	if oldest.answered {
		told = 1
	}
	if w.Spared() != told {
		m.fail("%+v gave way, %d RSTs", *oldest, w.Spared())
	}
	m.forget(oldest)
	return true
}

// free tells whether no flow has the reply tuple that a client's at a real would have.
func (m *model) free(k flowtable.Key, real uint16) bool {
	r := m.source.Reals[real]
	taken, _ := m.find(flowtable.Key{Src: r.Address, SrcPort: r.Port, Dst: k.Src, DstPort: k.SrcPort, Protocol: k.Protocol})
	return taken == nil
}

// at sets a flow's real, to which an attempt begins.
func (m *model) at(f *modelFlow, member ruleset.Member) {
	r, k := m.source.Reals[member.Real], f.key
	f.reply = flowtable.Key{Src: r.Address, SrcPort: r.Port, Dst: k.Src, DstPort: k.SrcPort, Protocol: k.Protocol}
	f.real, f.binding, f.phase = member.Real, member.Binding, flowtable.HalfOpen
	f.clientFIN, f.realFIN, f.answered, f.realsReset = false, false, false, false
	f.first, f.last, f.syns = m.time, m.time, 1
	m.births++
	f.born = m.births
	if most := r.MaxConns; most != 0 && m.connections(member.Real) > most {
		m.fail("real %d: %d connections, at most %d", member.Real, m.connections(member.Real), most)
	}
}

// moved expects a flow at another real: the scheduler says at which. Where none takes it, it stays where it is, or
// nobody takes it.
func (m *model) moved(flow *modelFlow, f *Frame, expect func(Verdict, uint16)) {
	v := m.virtual(flow.virtual)
	if flow.phase == flowtable.HalfOpen {
		m.ditch(flow, false)
	}
	others := m.taking(v, flow.real)
	own := slices.ContainsFunc(v.Members, func(x ruleset.Member) bool { return x.Real == flow.real && x.Weight > 0 })
	w := m.owner(flow.key)
	ref := w.table.Find(&flow.key, w.table.Hash(&flow.key))
	if ref == 0 && m.full && f.Verdict == Drop {
		m.forget(flow)
		expect(Drop, 0)
		return
	}
	if ref != 0 {
		if to := w.table.Record(ref.Record()).RealSlot; to != flow.real {
			at := slices.IndexFunc(others, func(x ruleset.Member) bool { return x.Real == to })
			if at < 0 || !m.free(flow.key, to) {
				m.fail("%+v moved to %d", *flow, to)
			}
			t := m.tallies[flow.real]
			t.Moved++
			m.tallies[flow.real] = t
			m.at(flow, others[at])
			m.moves++
			expect(Send, inside)
			if got := keyIn(f.Bytes()); got.Dst != flow.reply.Src || got.DstPort != flow.reply.SrcPort {
				m.fail("%+v moved, but its SYN to %+v", *flow, got)
			}
			return
		}
	}
	if len(others) > 0 && slices.IndexFunc(others, func(x ruleset.Member) bool { return !m.free(flow.key, x.Real) }) < 0 {
		m.fail("%+v did not move, though %+v take it", *flow, others)
	}
	m.stays++
	switch {
	case own:
		flow.syns += 1 - flow.syns>>7
		flow.last = m.time
		expect(Send, inside)
		if got := keyIn(f.Bytes()); got.Dst != flow.reply.Src || got.DstPort != flow.reply.SrcPort {
			m.fail("%+v stayed, but its SYN to %+v", *flow, got)
		}
	case v.Refuse:
		m.forget(flow)
		expect(Send, outside)
		if f.Bytes()[47]&packet.RST == 0 {
			m.fail("no RST though no real takes %+v", *flow)
		}
	default:
		expect(Drop, 0)
	}
}

// open expects a new flow at one of the reals that can have it.
func (m *model) open(k flowtable.Key, v *ruleset.VirtualSource, isn uint32, f *Frame, refused func(bool), expect func(Verdict, uint16)) {
	if !m.guard(k, v) {
		expect(Drop, 0)
		return
	}
	able, trial := []ruleset.Member{}, false
	for _, member := range v.Trials {
		if m.trials[member.Real] && !m.isLimit(member.Real) && m.free(k, member.Real) {
			able, trial = []ruleset.Member{member}, true
		}
	}
	if !trial {
		willing := m.taking(v, 0)
		for _, member := range willing {
			if m.free(k, member.Real) {
				able = append(able, member)
			}
		}
		switch {
		case len(willing) == 0:
			refused(v.Refuse)
			return
		case len(able) == 0:
			expect(Drop, 0)
			return
		}
	}
	if f.Verdict == Drop && m.full {
		return
	}
	expect(Send, inside)
	got := keyIn(f.Bytes())
	for _, member := range able {
		r := m.source.Reals[member.Real]
		if r.Address != got.Dst || r.Port != got.DstPort {
			continue
		}
		flow := &modelFlow{key: k, virtual: v.Slot, isn: isn, trial: trial}
		m.flows = append(m.flows, flow)
		m.at(flow, member)
		if trial {
			m.trials[member.Real] = false
		}
		if k.Protocol == packet.ProtocolUDP {
			flow.phase = flowtable.UDP
		}
		return
	}
	m.fail("opened at %+v, which is none of %+v", got, able)
}

// isFull tells whether some worker's shard is.
func (m *model) isFull() bool {
	return slices.ContainsFunc(m.workers, func(w *world) bool { s := w.table.Stats(); return s.Used == s.Capacity })
}

func keyIn(b []byte) flowtable.Key {
	return flowtable.Key{
		Src: binary.BigEndian.Uint32(b[26:]), Dst: binary.BigEndian.Uint32(b[30:]),
		SrcPort: binary.BigEndian.Uint16(b[34:]), DstPort: binary.BigEndian.Uint16(b[36:]), Protocol: b[23],
	}
}

// tcp follows a flow by one packet, and tells what else becomes of it.
func (m *model) tcp(f *modelFlow, isForward, syn, ack, fin, rst, opening bool, p pkt) step {
	reset := func() {
		m.over(f)
		f.phase, f.realsReset, f.last = flowtable.Reset, !isForward, m.time
	}
	noteFIN := func() {
		if fin {
			f.clientFIN, f.realFIN = f.clientFIN || isForward, f.realFIN || !isForward
		}
		if f.clientFIN && f.realFIN && f.phase == flowtable.Established {
			f.phase, f.last = flowtable.Closing, m.time
		}
	}
	switch f.phase {
	case flowtable.HalfOpen, flowtable.Ditched:
		if !isForward && rst && !f.answered && ack && p.ack-f.isn-1 < 1<<16 {
			if m.refused(f) {
				return withheld
			}
			reset()
			break
		}
		if isForward && opening {
			if p.seq != f.isn {
				return reopened
			}
			if !f.answered && !m.virtual(f.virtual).Draining && (f.phase == flowtable.Ditched || m.overdue(f)) {
				return moves
			}
			f.syns += 1 - f.syns>>7
		}
		f.last = m.time
		switch {
		case rst && (isForward || f.answered):
			reset()
		case rst:
		case isForward && !syn && f.answered:
			f.phase = flowtable.Established
			noteFIN()
		case !isForward && syn && ack && !f.answered:
			f.phase, f.answered = flowtable.HalfOpen, true
			m.ditched[f.real] = 0
			if f.trial {
				f.trial = false
				m.raised[f.real] |= ruleset.TrialAnswered
			}
		case !isForward:
			noteFIN()
		}
	case flowtable.Established:
		f.last = m.time
		if rst {
			reset()
		} else {
			noteFIN()
		}
	case flowtable.Reset:
		if isForward && opening {
			return reopened
		}
		f.answered = f.answered || !isForward && syn && ack && !rst
		if !rst && !syn && f.answered && f.realsReset != isForward {
			f.phase, f.last = flowtable.Established, m.time
			noteFIN()
		}
	case flowtable.Closing:
		if isForward && opening {
			return reopened
		}
	}
	return goesOn
}

// refused settles what answers a SYN with a refusal, and tells whether the client is not to see it.
func (m *model) refused(f *modelFlow) bool {
	if f.phase == flowtable.HalfOpen {
		m.ditch(f, true)
	}
	v := m.virtual(f.virtual)
	return !v.PassReset && len(m.taking(v, f.real)) > 0
}

// unreachable gives some worker an ICMP error about a packet of a flow's client, or of nobody's.
func (m *model) unreachable() {
	quoted := pkt{port: inside, src: modelClients[m.choose.IntN(len(modelClients))], dst: real(1 + m.choose.IntN(3)), flags: "S"}
	var flow *modelFlow
	if n := len(m.flows); n > 0 && m.choose.IntN(8) > 0 {
		flow = m.flows[m.choose.IntN(n)]
		if flow.key.Protocol != packet.ProtocolTCP {
			return
		}
		quoted.src, quoted.dst = endpointOf(flow.key.Src, flow.key.SrcPort), endpointOf(flow.reply.Src, flow.reply.SrcPort)
	} else if f, isForward := m.find(flowtable.Key{
		Src: keyOfPkt(quoted).Dst, SrcPort: keyOfPkt(quoted).DstPort, Dst: keyOfPkt(quoted).Src, DstPort: keyOfPkt(quoted).SrcPort, Protocol: packet.ProtocolTCP,
	}); f != nil && !isForward {
		flow = f
	}
	quoted.seq = []uint32{0, 0, 0, 1 << 31}[m.choose.IntN(4)]
	code := uint8(m.choose.IntN(6))
	b := unreachable(m.tb, code, quoted)
	f := m.deliver(m.choose.IntN(len(m.workers)), inside, b)
	m.log = append(m.log, logged{m.time, int(code), quoted, f.Verdict, f.Out})
	if f.Verdict != Drop {
		m.fail("an ICMP error: verdict %d", f.Verdict)
	}
	if code == 4 || flow == nil || !flow.opening() || flow.answered || flow.isn != quoted.seq || !m.isReal(flow.reply) {
		return
	}
	told := 0
	if !m.refused(flow) {
		m.over(flow)
		flow.phase, flow.realsReset, flow.last, told = flowtable.Reset, true, m.time, 1
	}
	if got := m.owner(flow.key).Spared(); got != told {
		m.fail("%d RSTs about %+v", got, *flow)
	}
}

// rules changes something in the rules.
func (m *model) rules() {
	v := &m.source.Virtuals[m.choose.IntN(len(m.source.Virtuals))]
	switch rule := m.choose.IntN(16); rule {
	case 0, 1:
		if !v.Draining {
			v.Members[m.choose.IntN(len(v.Members))].Weight = uint16(m.choose.IntN(4))
		}
	case 2:
		v.Reset = !v.Reset
	case 3:
		v.Predictor = ruleset.Predictor(m.choose.IntN(int(ruleset.Predictors)))
	case 4:
		m.source.RouteGeneration = max(m.source.RouteGeneration+1, 1)
	case 5: // a virtual is removed, and once its last flow is gone its slot is free
		v.Draining = true
		for i := range v.Members {
			v.Members[i].Weight = 0
		}
	case 6:
		held := slices.ContainsFunc(m.flows, func(f *modelFlow) bool { return f.virtual == v.Slot })
		if v.Draining && !held && len(m.source.Virtuals) > 1 {
			m.removed = append(m.removed, *v)
			slot := v.Slot
			m.source.Virtuals = slices.DeleteFunc(m.source.Virtuals, func(x ruleset.VirtualSource) bool { return x.Slot == slot })
		}
	case 7: // and comes back
		back := v
		if n := len(m.removed); n > 0 {
			m.source.Virtuals = append(m.source.Virtuals, m.removed[n-1])
			m.removed = m.removed[:n-1]
			back = &m.source.Virtuals[len(m.source.Virtuals)-1]
		}
		if back.Draining {
			back.Draining = false
			for i := range back.Members {
				back.Members[i].Weight = 1
			}
		}
	default:
		m.failureRules(v, rule)
	}
	for i := range m.source.Virtuals { // what is tried takes nothing else
		v := &m.source.Virtuals[i]
		for k := range v.Members {
			if len(v.Trials) > 0 && v.Trials[0].Real == v.Members[k].Real {
				v.Members[k].Weight = 0
			}
		}
	}
	m.apply()
}

// failureRules changes something in the rules that concern failure.
func (m *model) failureRules(v *ruleset.VirtualSource, rule int) {
	slot := uint16(1 + m.choose.IntN(3))
	real := m.source.Reals[slot]
	switch rule {
	case 8:
		v.Retry = ruleset.Retry{SYNs: uint8(m.choose.IntN(4)), After: uint32(m.choose.IntN(3)) * 2 * second}
	case 9:
		v.Guard = ruleset.Guard{Limit: uint32(m.choose.IntN(4)), Drop: m.choose.IntN(2) == 0}
	case 10:
		v.PassReset = !v.PassReset
	case 11:
		v.Refuse = !v.Refuse
	case 12:
		real.MaxConns = uint32(m.choose.IntN(4))
	case 13:
		real.Retry = ruleset.Retry{SYNs: uint8(m.choose.IntN(3)), After: uint32(m.choose.IntN(2)) * second}
		real.Threshold = uint32(m.choose.IntN(4))
	case 14:
		real.Unavailable = !real.Unavailable
	case 15: // a real is tried, or no more
		if len(v.Trials) > 0 {
			m.counts.Shared.EndTrial(v.Trials[0].Real)
			m.trials[v.Trials[0].Real], v.Trials = false, nil
		} else if !v.Draining && v.Protocol == packet.ProtocolTCP {
			member := &v.Members[m.choose.IntN(len(v.Members))]
			member.Weight = 0
			v.Trials = []ruleset.Member{*member}
			m.counts.Shared.OpenTrial(member.Real)
			m.trials[member.Real] = true
		}
	}
	m.source.Reals[slot] = real
}

var leaps = []int{1, 10, 100, second, 3 * second, 9 * second, 11 * second, 29 * second, 33 * second, 61 * second, 3601 * second}

func newModel(tb testing.TB, choose choices, workers, flows int) *model {
	m := &model{
		cluster: newCluster(tb, workers, flows), tb: tb, choose: choose,
		trials: map[uint16]bool{}, raised: map[uint16]ruleset.Signal{}, ditched: map[uint16]uint32{}, tallies: map[uint16]ruleset.RealTally{},
	}
	// Two more virtuals on the same reals, the second of one real only.
	for n, members := range []int{3, 1} {
		v := m.source.Virtuals[0]
		v.Slot, v.Port, v.Members = uint16(3+n), uint16(81+n), slices.Clone(v.Members[:members])
		for i := range v.Members {
			v.Members[i].Binding += uint32(20 + 10*n)
		}
		m.source.Virtuals = append(m.source.Virtuals, v)
	}
	for v := range m.source.Virtuals {
		m.source.Virtuals[v].Retry = ruleset.Retry{SYNs: 3, After: 5 * second / 2}
	}
	m.hops.Set(9, uint64(packet.MACFrom(realMAC)), uint64(packet.MACFrom(insideMAC)), inside)
	m.source.Routes = append(m.source.Routes, ruleset.Route{Prefix: 0x0a000000, Bits: 8, Hop: 9})
	m.apply()
	return m
}

func (m *model) run(steps int) {
	m.follows = true
	for range steps {
		switch n := m.choose.IntN(100); {
		case n < 82:
			m.send(m.packet())
		case n < 85:
			m.unreachable()
		case n < 97:
			m.time += uint32(leaps[m.choose.IntN(len(leaps))])
			for range m.choose.IntN(4) {
				m.idle()
			}
		default:
			m.rules()
		}
		m.sync()
		m.check()
	}
	// In the end every timer runs out.
	for range 4 {
		m.time += 1800 * second
		for range 2 * second / 100 {
			m.time += 100
			m.idle()
		}
	}
	m.sync()
	if len(m.flows) != 0 {
		m.fail("%d flows never end: %+v", len(m.flows), *m.flows[0])
	}
	m.check()
}

// TestInterleavings plays random packets, times and rule changes, and compares every count with a model's after
// each: none drifts, ever (SPEC.md section 5).
func TestInterleavings(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		for _, flows := range []int{1000, 3} {
			t.Run(fmt.Sprintf("workers=%d,flows=%d", workers, flows), func(t *testing.T) {
				moved, stayed := 0, 0
				for seed := range uint64(10) {
					m := newModel(t, rand.New(rand.NewPCG(seed, uint64(flows))), workers, flows)
					m.run(1500)
					moved, stayed = moved+m.moves, stayed+m.stays
				}
				if moved < 20 || stayed < 10 {
					t.Errorf("only %d connections moved, %d stayed", moved, stayed)
				}
			})
		}
	}
}

// FuzzInterleavings has the fuzzer decide.
func FuzzInterleavings(f *testing.F) {
	f.Add(uint8(2), uint8(50), []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"))
	random := rand.New(rand.NewPCG(1, 2))
	long := make([]byte, 1000)
	for i := range long {
		long[i] = byte(random.Uint32())
	}
	f.Add(uint8(1), uint8(2), long)
	f.Add(uint8(3), uint8(200), long[300:])
	f.Fuzz(func(t *testing.T, workers, flows uint8, data []byte) {
		s := script(data)
		newModel(t, &s, 1+int(workers%3), 1+int(flows)).run(min(len(data)/4, 400))
	})
}

// TestWorkersAgree: any number of workers gives the same frames as one, wherever each frame comes in.
func TestWorkersAgree(t *testing.T) {
	var models []*model
	for _, workers := range []int{1, 2, 3} {
		m := newModel(t, nil, workers, 1000)
		for i := range m.source.Virtuals { // with one real there is nothing to choose
			m.source.Virtuals[i].Members = m.source.Virtuals[i].Members[:1]
		}
		m.apply()
		for _, w := range m.workers {
			w.sweep.round = 1 // all look at every record at every tick
		}
		models = append(models, m)
	}
	random := rand.New(rand.NewPCG(4, 4))
	one := models[0]
	one.choose = random
	for step := range 30_000 {
		if random.IntN(20) == 0 {
			ticks := uint32(leaps[random.IntN(len(leaps))])
			for _, m := range models {
				m.time += ticks
				m.idle()
			}
		}
		p := one.packet()
		b := p.in(t)
		want := one.deliver(0, p.port, b)
		for _, m := range models[1:] {
			worker := random.IntN(len(m.workers))
			got := m.deliver(worker, p.port, b)
			if got.Verdict != want.Verdict || got.Out != want.Out || !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Fatalf("step %d: %+v: %d workers, at worker %d: verdict %d out %d, want %d out %d\n%s\n%s", step, p,
					len(m.workers), worker, got.Verdict, got.Out, want.Verdict, want.Out, dump(got.Bytes()), dump(want.Bytes()))
			}
		}
	}
	for _, m := range models {
		var opened, handed uint64
		for _, w := range m.workers {
			opened, handed = opened+w.live.opened, handed+w.live.handed
		}
		if opened != one.workers[0].live.opened || opened < 1000 || (handed == 0) != (len(m.workers) == 1) {
			t.Errorf("%d workers: %d opened, %d handed over", len(m.workers), opened, handed)
		}
	}
}

// TestBurstsAgree: frames in bursts fare as they do one by one.
func TestBurstsAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	one, many := newModel(t, random, 1, 1000), newModel(t, nil, 1, 1000)
	for _, m := range []*model{one, many} {
		for i, real := range []int{0, 2, 1, 2} { // a real for each, so that no order matters but that within a flow
			v := &m.source.Virtuals[i]
			r := m.source.Reals[uint16(real+1)]
			slot := uint16(10 + i)
			m.source.Reals[slot] = r
			v.Members = []ruleset.Member{{Binding: uint32(1 + i), Real: slot, Weight: 1}}
		}
		m.apply()
		m.workers[0].sweep.round = 1
	}
	for round := range 500 {
		ticks := uint32(leaps[random.IntN(len(leaps))])
		for _, m := range []*model{one, many} {
			m.time += ticks
			m.idle()
		}
		var frames, want []Frame
		var packets []pkt
		for range random.IntN(MaxBurst + 1) {
			p := one.packet()
			b := p.in(t)
			packets, frames, want = append(packets, p), append(frames, frameOf(p.port, b)), append(want, one.deliver(0, p.port, b))
		}
		w := many.workers[0]
		w.time = many.time
		w.run(frames...)
		for i, f := range frames {
			if f.Verdict != want[i].Verdict || f.Out != want[i].Out || !bytes.Equal(f.Bytes(), want[i].Bytes()) {
				t.Fatalf("round %d, frame %d: %+v\nverdict %d out %d, want %d out %d", round, i, packets[i], f.Verdict, f.Out, want[i].Verdict, want[i].Out)
			}
		}
		if got := w.counters().since(one.workers[0].counters()); got != "" {
			t.Fatalf("round %d: bursts counted differently: %s", round, got)
		}
	}
}
