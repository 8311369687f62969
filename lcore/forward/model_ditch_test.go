package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// ditch counts a connection that its real did not take.
func (m *model) ditch(f *modelFlow, refused bool) {
	m.enter(f, flowtable.Ditched)
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

// over notes that an opening connection is none any more: a trial that was not decided has vanished.
func (m *model) over(f *modelFlow) {
	if f.trial {
		f.trial = false
		m.raised[f.real] |= ruleset.TrialVanished
	}
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
		quoted.src, quoted.dst = endpointOf(flow.reply.Dst, flow.reply.DstPort), endpointOf(flow.reply.Src, flow.reply.SrcPort)
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
	told := !m.refused(flow)
	if told {
		m.over(flow)
		m.enter(flow, flowtable.Reset)
		flow.realsReset, flow.last = true, m.time
	}
	if got := m.owner(flow.key).resetsTo(flow.key); got != told && !m.flushing(flow) {
		m.fail("its client is told: %v, %+v", got, *flow)
	}
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
		} else if !v.Draining && v.Protocol != packet.ProtocolUDP {
			member := &v.Members[m.choose.IntN(len(v.Members))]
			member.Weight = 0
			v.Trials = []ruleset.Member{*member}
			m.counts.Shared.OpenTrial(member.Real)
			m.trials[member.Real] = true
		}
	}
	m.source.Reals[slot] = real
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
