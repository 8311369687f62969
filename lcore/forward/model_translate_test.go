package forward

import (
	"linedirector/flowtable"
)

// checkTranslated compares how many connections' reals were shown another port of the client's.
func (m *model) checkTranslated() {
	shown := uint64(0)
	for _, w := range m.workers {
		shown += w.live.translated
	}
	if shown != uint64(m.seen.shown) {
		m.fail("%d connections translated, want %d", shown, m.seen.shown)
	}
}

// free tells whether no flow has the reply tuple that a client's at a real would have.
func (m *model) free(k flowtable.Key, real uint16) bool {
	r := m.source.Reals[real]
	taken, _ := m.find(flowtable.Key{Src: r.Address, SrcPort: r.Port, Dst: k.Src, DstPort: k.SrcPort, Protocol: k.Protocol})
	return taken == nil
}

// share leaves all virtuals the same few reals.
func (m *model) share(reals int) {
	for i := range m.source.Virtuals {
		v := &m.source.Virtuals[i]
		for len(v.Members) > reals {
			last := len(v.Members) - 1
			m.spare.bindings = append(m.spare.bindings, v.Members[last].Binding)
			v.Members = v.Members[:last]
		}
		matchKeepers(v)
	}
	m.apply()
}
