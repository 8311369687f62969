package forward

import (
	"slices"

	"linedirector/flowtable"
	"linedirector/lcore/ruleset"
)

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
		used += w.table.Stats().Used - w.guests
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
	m.checkRecords()
	m.checkTranslated()
	m.checkFailures()
	m.checkSticky()
	for _, w := range m.workers {
		m.checkOpening(w)
	}
}

// checkRecords compares what records say of their flows.
func (m *model) checkRecords() {
	for _, f := range m.flows {
		r := m.recordOf(f)
		told := [2]bool{r.Flags&flowtable.ClientTold != 0, r.Flags&flowtable.RealTold != 0}
		if r.Phase != f.phase || r.RealSlot != f.real || r.Binding != f.binding || r.VirtualSlot != f.virtual || f.phase == flowtable.Cut && told != f.told {
			m.fail("%+v, want %+v", *r, *f)
		}
	}
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

// checkLimit wants a real to have no more connections than it may, one that has just come included.
func (m *model) checkLimit(real uint16) {
	if m.full { // what gave way in a full table counts here still
		return
	}
	if most := m.source.Reals[real].MaxConns; most != 0 && m.connections(real) > most {
		m.fail("real %d: %d connections, at most %d", real, m.connections(real), most)
	}
}
