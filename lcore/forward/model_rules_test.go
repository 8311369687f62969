package forward

import (
	"slices"

	"linedirector/lcore/ruleset"
)

// spareSlots are the numbers that control would give to what comes next.
type spareSlots struct {
	virtuals []uint16
	bindings []uint32
}

// takeAny takes one of them, not always the last.
func takeAny[T any](m *model, free *[]T) T {
	i := m.choose.IntN(len(*free))
	slot := (*free)[i]
	*free = slices.Delete(*free, i, i+1)
	return slot
}

// rules changes something in the rules.
func (m *model) rules() {
	v := &m.source.Virtuals[m.choose.IntN(len(m.source.Virtuals))]
	switch rule := m.choose.IntN(26); rule {
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
			m.spare.virtuals = append(m.spare.virtuals, slot)
			for _, member := range v.Members {
				m.spare.bindings = append(m.spare.bindings, member.Binding)
			}
			m.source.Virtuals = slices.DeleteFunc(m.source.Virtuals, func(x ruleset.VirtualSource) bool { return x.Slot == slot })
		}
	case 7: // and comes back
		back := v
		if n := len(m.removed); n > 0 {
			m.source.Virtuals = append(m.source.Virtuals, m.removed[n-1])
			m.removed = m.removed[:n-1]
			back = &m.source.Virtuals[len(m.source.Virtuals)-1]
			if back.Slot = takeAny(m, &m.spare.virtuals); back.Slot != m.lastSlot[back.Port] {
				m.seen.renewed++
			}
			m.lastSlot[back.Port] = back.Slot
			for i := range back.Members {
				back.Members[i].Binding = takeAny(m, &m.spare.bindings)
			}
		}
		if back.Draining {
			back.Draining = false
			for i := range back.Members {
				back.Members[i].Weight = 1
			}
		}
	case 16, 17, 18, 19:
		m.stickyRules(v, rule)
	case 20, 21, 22:
		m.cutRules(v, rule)
	case 23:
		m.memberComesOrGoes(v)
	case 24, 25:
		m.anotherReal(uint16(1 + m.choose.IntN(3)))
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
		matchKeepers(v)
	}
	m.apply()
}

// memberComesOrGoes unbinds a real of a virtual that has no flow there, or binds one that the virtual lacks. The binding's
// slot is free then, or is one that was.
func (m *model) memberComesOrGoes(v *ruleset.VirtualSource) {
	tried := func(real uint16) bool { return len(v.Trials) > 0 && v.Trials[0].Real == real }
	at := slices.IndexFunc(v.Members, func(x ruleset.Member) bool {
		return x.Weight == 0 && !tried(x.Real) && !slices.ContainsFunc(m.flows, func(f *modelFlow) bool { return f.binding == x.Binding })
	})
	if at >= 0 && len(v.Members) > 1 {
		m.spare.bindings = append(m.spare.bindings, v.Members[at].Binding)
		v.Members = slices.Delete(slices.Clone(v.Members), at, at+1)
		return
	}
	for real := range uint16(3) {
		if real++; len(m.spare.bindings) > 0 && !v.Draining && !slices.ContainsFunc(v.Members, func(x ruleset.Member) bool { return x.Real == real }) {
			member := ruleset.Member{Binding: takeAny(m, &m.spare.bindings), Real: real, Weight: 1}
			v.Members = append(slices.Clone(v.Members), member)
			v.Keepers = append(slices.Clone(v.Keepers), member)
			return
		}
	}
}

// anotherReal gives the slot of a real that no flow refers to any more to another one, as control does.
func (m *model) anotherReal(slot uint16) {
	if slices.ContainsFunc(m.flows, func(f *modelFlow) bool { return f.real == slot }) {
		return
	}
	for _, v := range m.source.Virtuals {
		if len(v.Trials) > 0 && v.Trials[0].Real == slot {
			return
		}
	}
	real := m.source.Reals[slot]
	real.Address ^= 0x20 // and back
	m.source.Reals[slot] = real
	m.purge(slot)
	m.seen.renewed++
}
