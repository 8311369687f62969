package forward

import (
	"slices"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// flushing tells whether the rules want a flow cut.
func (m *model) flushing(f *modelFlow) bool {
	return m.virtual(f.virtual).Flush || m.source.Reals[f.real].Flush
}

// cuts follows the flows that the sweep has begun to cut, and returns how many of them count as cut.
func (m *model) cuts() (n uint64) {
	for _, f := range m.flows {
		r := m.recordOf(f)
		if r == nil || r.Phase != flowtable.Cut || f.phase == flowtable.Cut {
			continue
		}
		idle := f.phase == flowtable.Established && m.virtual(f.virtual).IdleReset && m.expired(f)
		switch {
		case m.flushing(f) && f.phase == flowtable.Reset:
			f.phase, f.told = flowtable.Cut, [2]bool{true, true}
			continue
		case m.flushing(f) && (f.phase == flowtable.Established || f.phase == flowtable.HalfOpen && f.answered):
			m.seen.flushed++
		case idle:
			m.seen.idled++
		default:
			m.fail("%+v is cut", *f)
		}
		n++
		f.told = [2]bool{false, f.phase == flowtable.HalfOpen}
		m.enter(f, flowtable.Cut)
		f.last = m.time
	}
	return n
}

// resetsTo tells whether the last burst made a RST to the end whose packets show a key.
func (w *world) resetsTo(end flowtable.Key) bool {
	to := flowtable.Key{Src: end.Dst, SrcPort: end.DstPort, Dst: end.Src, DstPort: end.SrcPort, Protocol: end.Protocol}
	return slices.ContainsFunc(w.spares[:w.Spared()], func(f Frame) bool {
		return keyIn(f.Bytes()) == to && f.Bytes()[47]&packet.RST != 0
	})
}

// cutRules has a virtual's or a real's flows cut, or no more, or those that were idle for too long.
func (m *model) cutRules(v *ruleset.VirtualSource, rule int) {
	flush := m.choose.IntN(3) == 0
	switch rule {
	case 20:
		v.Flush = flush
	case 21:
		slot := uint16(1 + m.choose.IntN(3))
		real := m.source.Reals[slot]
		real.Flush = flush
		m.source.Reals[slot] = real
	case 22:
		v.IdleReset = !v.IdleReset
	}
}
