package forward

import (
	"bytes"
	"encoding/binary"
	"slices"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// Model of what a flow is, written from the specification alone.
type modelFlow struct {
	key, reply           flowtable.Key
	virtual, real        uint16
	binding              uint32
	phase                flowtable.Phase
	clientFIN, realFIN   bool
	answered, realsReset bool
	told                 [2]bool // who knows that it is cut, by direction
	last                 uint32

	// while it opens
	isn, first uint32
	syns       uint8
	trial      bool
	born       int // in the order in which opening began

	sticky bool // it counts on its client's entry, while it counts
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

// expired tells whether a flow's time is up.
func (m *model) expired(f *modelFlow) bool {
	return m.time-f.last >= f.limit(m.virtual(f.virtual).Timers)
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
		case severed:
			m.seen.severed++
			expect(Send, p.port)
			want := flowtable.Key{Src: k.Dst, SrcPort: k.DstPort, Dst: k.Src, DstPort: k.SrcPort, Protocol: k.Protocol}
			if b := f.Bytes(); keyIn(b) != want || b[47]&packet.RST == 0 || ack && binary.BigEndian.Uint32(b[38:]) != p.ack {
				m.fail("%+v is answered by\n%s", p, dump(b))
			}
			return
		case goesOn:
			out := uint16(outside)
			want := flowtable.Key{Src: flow.key.Dst, SrcPort: flow.key.DstPort, Dst: flow.key.Src, DstPort: flow.key.SrcPort, Protocol: k.Protocol}
			if isForward {
				out = inside
				want = flowtable.Key{Src: flow.reply.Dst, SrcPort: flow.reply.DstPort, Dst: flow.reply.Src, DstPort: flow.reply.SrcPort, Protocol: k.Protocol}
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
		if c := &m.source.Virtuals[i]; c.Address == k.Dst && c.Port == k.DstPort && (c.Protocol == k.Protocol || c.Protocol == 0) {
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
			if r := m.source.Reals[member.Real]; (v.Protocol == k.Protocol || v.Protocol == 0) && r.Address == k.Src && r.Port == k.SrcPort {
				return true
			}
		}
	}
	return false
}

// open expects a new flow at one of the reals that can have it.
func (m *model) open(k flowtable.Key, v *ruleset.VirtualSource, isn uint32, f *Frame, refused func(bool), expect func(Verdict, uint16)) {
	if !m.guard(k, v) {
		expect(Drop, 0)
		return
	}
	able, trial := []ruleset.Member{}, false
	keeper, valid := m.keeper(v, k)
	for _, member := range v.Trials {
		if !valid && k.Protocol == packet.ProtocolTCP && m.trials[member.Real] && !m.isLimit(member.Real) && m.free(k, member.Real) {
			able, trial = []ruleset.Member{member}, true
		}
	}
	switch {
	case trial:
	case valid && !m.isLimit(keeper.Real): // translated, if its reply tuple there is another flow's
		able = []ruleset.Member{*keeper}
	default:
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
		case len(able) == 0: // translated
			able = willing
		}
	}
	if f.Verdict == Drop && m.full {
		return
	}
	if valid && m.full { // who gave way may have made room where the client belongs
		able = append(able, *keeper)
	}
	expect(Send, inside)
	got := keyIn(f.Bytes())
	for _, member := range able {
		r := m.source.Reals[member.Real]
		if r.Address != got.Dst || r.Port != got.DstPort {
			continue
		}
		flow := &modelFlow{key: k, virtual: v.Slot, isn: isn, trial: trial}
		m.at(flow, member, got.SrcPort)
		m.flows = append(m.flows, flow)
		m.checkLimit(member.Real)
		if trial {
			m.trials[member.Real] = false
		}
		if k.Protocol == packet.ProtocolUDP {
			flow.phase = flowtable.UDP
		}
		m.gaveWay()
		m.stick(v, flow, 0)
		if valid && flow.real == keeper.Real && got.SrcPort != k.SrcPort {
			m.seen.shownKept++
		}
		return
	}
	m.fail("opened at %+v, which is none of %+v", got, able)
}

// guard makes way for a new half-open connection, and tells whether it could.
func (m *model) guard(k flowtable.Key, v *ruleset.VirtualSource) bool {
	if v.Guard.Limit == 0 || k.Protocol != packet.ProtocolTCP {
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
	if told := w.resetsTo(oldest.reply); told != oldest.answered {
		m.fail("%+v gave way, its real is told: %v", *oldest, told)
	}
	m.forget(oldest)
	return true
}

// at sets a flow's real, to which an attempt begins, and the client's port that the real sees: its own, if no other flow
// has the reply tuple, else one with the same owner.
func (m *model) at(f *modelFlow, member ruleset.Member, shown uint16) {
	r, k := m.source.Reals[member.Real], f.key
	reply := flowtable.Key{Src: r.Address, SrcPort: r.Port, Dst: k.Src, DstPort: shown, Protocol: k.Protocol}
	free, own := m.free(k, member.Real), shown == k.SrcPort
	if free != own && !(own && m.full) { // whose it was may have given way
		m.fail("%+v goes to real %d with port %d, its own is free there: %v", *f, member.Real, shown, free)
	}
	if !own {
		m.seen.shown++
		other := k
		other.SrcPort = shown
		if taken, _ := m.find(reply); taken != nil || m.owner(other) != m.owner(k) || shown < 1024 {
			m.fail("%+v goes to real %d with port %d, which %+v has", *f, member.Real, shown, taken)
		}
	}
	f.reply = reply
	f.real, f.binding, f.phase = member.Real, member.Binding, flowtable.HalfOpen
	f.clientFIN, f.realFIN, f.answered, f.realsReset = false, false, false, false
	f.first, f.last, f.syns = m.time, m.time, 1
	m.births++
	f.born = m.births
}

// tcp follows a flow by one packet, and tells what else becomes of it.
func (m *model) tcp(f *modelFlow, isForward, syn, ack, fin, rst, opening bool, p pkt) step {
	reset := func() {
		m.over(f)
		m.enter(f, flowtable.Reset)
		f.realsReset, f.last = !isForward, m.time
	}
	noteFIN := func() {
		if fin {
			f.clientFIN, f.realFIN = f.clientFIN || isForward, f.realFIN || !isForward
		}
		if f.clientFIN && f.realFIN && f.phase == flowtable.Established {
			m.enter(f, flowtable.Closing)
			f.last = m.time
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
			m.enter(f, flowtable.HalfOpen)
			f.answered = true
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
			m.enter(f, flowtable.Established)
			f.last = m.time
			noteFIN()
		}
	case flowtable.Closing:
		if isForward && opening {
			return reopened
		}
	case flowtable.Cut:
		if isForward && opening {
			return reopened
		}
		f.told[map[bool]int{true: 0, false: 1}[isForward]] = true
		if !rst {
			return severed
		}
	}
	return goesOn
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

// moved expects a flow at another real: the scheduler says at which. Where none takes it, it stays where it is, or
// nobody takes it.
func (m *model) moved(flow *modelFlow, f *Frame, expect func(Verdict, uint16)) {
	v := m.virtual(flow.virtual)
	if flow.phase == flowtable.HalfOpen {
		m.ditch(flow, false)
	}
	others := m.taking(v, flow.real)
	own := slices.ContainsFunc(v.Members, func(x ruleset.Member) bool { return x.Real == flow.real && x.Weight > 0 }) || m.keeps(v, flow.key, flow.real)
	if keeper, _ := m.keeper(v, flow.key); keeper != nil && keeper.Real != flow.real && !m.isLimit(keeper.Real) {
		others = []ruleset.Member{*keeper} // or none
	}
	if m.full && f.Verdict == Drop && !m.present(flow) {
		m.forget(flow)
		return
	}
	if got := keyIn(f.Bytes()); f.Verdict == Send && f.Out == inside && (got.Dst != flow.reply.Src || got.DstPort != flow.reply.SrcPort) {
		at := slices.IndexFunc(others, func(x ruleset.Member) bool {
			r := m.source.Reals[x.Real]
			return r.Address == got.Dst && r.Port == got.DstPort
		})
		if at < 0 {
			m.fail("%+v moved to %+v", *flow, got)
		}
		t := m.tallies[flow.real]
		t.Moved++
		m.tallies[flow.real] = t
		from, shown := flow.real, flow.reply.DstPort
		m.at(flow, others[at], got.SrcPort)
		m.checkLimit(flow.real)
		m.stick(v, flow, from)
		if shown != flow.key.SrcPort || got.SrcPort != flow.key.SrcPort {
			m.seen.both++
		}
		m.seen.moves++
		return
	}
	if len(others) > 0 {
		m.fail("%+v did not move, though %+v take it", *flow, others)
	}
	m.seen.stays++
	switch {
	case own:
		flow.syns += 1 - flow.syns>>7
		flow.last = m.time
		expect(Send, inside)
		if got := keyIn(f.Bytes()); got.Dst != flow.reply.Src || got.DstPort != flow.reply.SrcPort || got.SrcPort != flow.reply.DstPort {
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

// forget takes a flow out that was removed.
func (m *model) forget(flow *modelFlow) {
	m.over(flow)
	m.enter(flow, flowtable.Free)
	m.flows = slices.DeleteFunc(m.flows, func(x *modelFlow) bool { return x == flow })
}
