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
	steering := NewSteering(workers)
	for i := range workers {
		w := newWorld(tb, flows, nil)
		w.hops, w.Worker.hops = c.hops, c.hops
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
		w.Burst(nil, w.time)
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
}

func (f *modelFlow) counted() bool {
	return f.phase == flowtable.HalfOpen || f.phase == flowtable.Established || f.phase == flowtable.UDP
}

func (f *modelFlow) limit(t ruleset.Timers) uint32 {
	switch f.phase {
	case flowtable.HalfOpen:
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
		if f.phase == flowtable.HalfOpen {
			halfOpen++
		}
		if m.time-f.last < f.limit(m.virtual(f.virtual).Timers) {
			if early++; f.phase != flowtable.HalfOpen {
				m.fail("flow %+v is gone", f)
			}
		}
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
		if sum != byReal[uint16(slot)] {
			m.fail("real %d: %d connections, want %d", slot, sum, byReal[uint16(slot)])
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
		if m.tcp(flow, isForward, syn, ack, fin, rst, opening) {
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
		m.flows = slices.DeleteFunc(m.flows, func(x *modelFlow) bool { return x == flow })
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
			m.open(k, v, &f, refused, expect)
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

// open expects a new flow at one of the reals that can have it.
func (m *model) open(k flowtable.Key, v *ruleset.VirtualSource, f *Frame, refused func(bool), expect func(Verdict, uint16)) {
	var able []ruleset.Member
	willing := 0
	for _, member := range v.Members {
		if member.Weight == 0 {
			continue
		}
		willing++
		r := m.source.Reals[member.Real]
		if taken, _ := m.find(flowtable.Key{Src: r.Address, SrcPort: r.Port, Dst: k.Src, DstPort: k.SrcPort, Protocol: k.Protocol}); taken == nil {
			able = append(able, member)
		}
	}
	switch {
	case willing == 0:
		refused(v.Reset)
		return
	case len(able) == 0:
		expect(Drop, 0)
		return
	case f.Verdict == Drop && m.full:
		return
	}
	expect(Send, inside)
	got := keyIn(f.Bytes())
	for _, member := range able {
		r := m.source.Reals[member.Real]
		if r.Address != got.Dst || r.Port != got.DstPort {
			continue
		}
		flow := &modelFlow{
			key: k, reply: flowtable.Key{Src: r.Address, SrcPort: r.Port, Dst: k.Src, DstPort: k.SrcPort, Protocol: k.Protocol},
			virtual: v.Slot, real: member.Real, binding: member.Binding, phase: flowtable.HalfOpen, last: m.time,
		}
		if k.Protocol == packet.ProtocolUDP {
			flow.phase = flowtable.UDP
		}
		m.flows = append(m.flows, flow)
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

// tcp follows a flow by one packet. It returns false if the packet opens another connection in its place.
func (m *model) tcp(f *modelFlow, isForward, syn, ack, fin, rst, opening bool) bool {
	reset := func() {
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
	case flowtable.HalfOpen:
		f.last = m.time
		switch {
		case rst:
			reset()
		case isForward && !syn && f.answered:
			f.phase = flowtable.Established
			noteFIN()
		case !isForward:
			f.answered = f.answered || syn && ack
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
			return false
		}
		f.answered = f.answered || !isForward && syn && ack && !rst
		if !rst && !syn && f.answered && f.realsReset != isForward {
			f.phase, f.last = flowtable.Established, m.time
			noteFIN()
		}
	case flowtable.Closing:
		return !isForward || !opening
	case flowtable.UDP:
		f.last = m.time
	}
	return true
}

// rules changes something in the rules.
func (m *model) rules() {
	v := &m.source.Virtuals[m.choose.IntN(len(m.source.Virtuals))]
	switch m.choose.IntN(8) {
	case 0, 1:
		if !v.Draining {
			v.Members[m.choose.IntN(len(v.Members))].Weight = uint16(m.choose.IntN(4))
		}
	case 2:
		v.Reset = !v.Reset
	case 3:
		v.Predictor = ruleset.Predictor(m.choose.IntN(3))
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
	}
	m.apply()
}

var leaps = []int{1, 10, 100, second, 3 * second, 9 * second, 11 * second, 29 * second, 33 * second, 61 * second, 3601 * second}

func newModel(tb testing.TB, choose choices, workers, flows int) *model {
	m := &model{cluster: newCluster(tb, workers, flows), tb: tb, choose: choose}
	// Two more virtuals on the same reals, the second of one real only.
	for n, members := range []int{3, 1} {
		v := m.source.Virtuals[0]
		v.Slot, v.Port, v.Members = uint16(3+n), uint16(81+n), slices.Clone(v.Members[:members])
		for i := range v.Members {
			v.Members[i].Binding += uint32(20 + 10*n)
		}
		m.source.Virtuals = append(m.source.Virtuals, v)
	}
	m.hops.Set(9, uint64(packet.MACFrom(realMAC)), uint64(packet.MACFrom(insideMAC)), inside)
	m.source.Routes = append(m.source.Routes, ruleset.Route{Prefix: 0x0a000000, Bits: 8, Hop: 9})
	m.apply()
	return m
}

func (m *model) run(steps int) {
	for range steps {
		switch n := m.choose.IntN(100); {
		case n < 85:
			m.send(m.packet())
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
				for seed := range uint64(5) {
					newModel(t, rand.New(rand.NewPCG(seed, uint64(flows))), workers, flows).run(1500)
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
