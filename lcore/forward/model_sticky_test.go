package forward

import (
	"slices"

	"linedirector/flowtable"
	"linedirector/lcore/ruleset"
	"linedirector/lcore/sticky"
)

// stickyKey is a client of a group.
type stickyKey struct {
	group  uint16
	client uint32
}

type stickyEntry struct {
	real        uint16
	live, until uint32
}

// stickies are what the model knows of sticky entries, and what happened to them.
type stickies struct {
	table   *sticky.Table
	entries map[stickyKey]*stickyEntry
	inexact map[stickyKey]bool // connections of an entry that was another real's, or purged, are open still

	hits uint64
}

// makeSticky has three virtuals share entries, two clients being one to them, and gives the fourth its own.
func (m *model) makeSticky() {
	table, err := sticky.New(sticky.Heap(sticky.Size(100)), 100, [2]uint64{1, 2})
	if err != nil {
		m.tb.Fatal(err)
	}
	m.stickies = stickies{table: table, entries: map[stickyKey]*stickyEntry{}, inexact: map[stickyKey]bool{}}
	for _, w := range m.workers {
		w.Worker.sticky = table
	}
	for i := range m.source.Virtuals {
		v := &m.source.Virtuals[i]
		v.Sticky = ruleset.Sticky{Group: 1, Bits: 31, Timer: 20 * second}
		if i == 3 {
			v.Sticky.Group, v.Sticky.Bits = 2, 24
		}
		v.Keepers = slices.Clone(v.Members)
	}
}

func keyOfSticky(v *ruleset.VirtualSource, k flowtable.Key) stickyKey {
	bits := 32 - v.Sticky.Bits
	return stickyKey{v.Sticky.Group, k.Src >> bits << bits}
}

// entry is a client's, nil if there is none or its time is up.
func (m *model) entry(v *ruleset.VirtualSource, k flowtable.Key) *stickyEntry {
	key := keyOfSticky(v, k)
	e := m.stickies.entries[key]
	if e != nil && e.live == 0 && int32(m.time-e.until) >= 0 {
		delete(m.stickies.entries, key)
		m.seen.expired++
		return nil
	}
	return e
}

// keeper is the member that a client's entry names, if its real keeps clients.
func (m *model) keeper(v *ruleset.VirtualSource, k flowtable.Key) (*ruleset.Member, bool) {
	e := m.entry(v, k)
	if e == nil || v.Draining {
		return nil, false
	}
	i := slices.IndexFunc(v.Keepers, func(x ruleset.Member) bool { return x.Real == e.real })
	if i < 0 {
		return nil, false
	}
	return &v.Keepers[i], true
}

func (m *model) keeps(v *ruleset.VirtualSource, k flowtable.Key, real uint16) bool {
	keeper, ok := m.keeper(v, k)
	return ok && keeper.Real == real
}

// stick counts a flow that has opened, or moved from a real, on its client's entry.
func (m *model) stick(v *ruleset.VirtualSource, f *modelFlow, from uint16) {
	s, key := &m.stickies, keyOfSticky(v, f.key)
	e := m.entry(v, f.key)
	_, valid := m.keeper(v, f.key)
	f.sticky = true
	switch {
	case e == nil:
		s.entries[key] = &stickyEntry{real: f.real, live: 1}
	case e.real == f.real:
		e.live++
		m.seen.joined++
		s.hits++
	case e.real == from || !valid:
		e.real, e.live = f.real, 1
		s.inexact[key] = true
		m.seen.taken++
	default:
		f.sticky = false
		m.seen.full++
	}
}

// enter has a flow enter a phase, and its client's entry count it if it does.
func (m *model) enter(f *modelFlow, p flowtable.Phase) {
	before := f.counted()
	f.phase = p
	switch {
	case !f.sticky || before == f.counted():
	case before:
		m.unstick(f)
	default:
		if e := m.entry(m.virtual(f.virtual), f.key); e != nil && e.real == f.real {
			e.live++
			m.seen.restored++
		} else {
			f.sticky = false
		}
	}
}

// unstick ends what stick counted.
func (m *model) unstick(f *modelFlow) {
	v := m.virtual(f.virtual)
	e := m.entry(v, f.key)
	if e == nil || e.real != f.real || e.live == 0 {
		m.seen.retired++
		return
	}
	if e.live--; e.live == 0 {
		e.until = m.time + v.Sticky.Timer
	}
}

// gaveWay ends what stick counted of the flow that has given way to another in a full table, before that one counts.
func (m *model) gaveWay() {
	if m.allEvicted() == m.evicted {
		return
	}
	var it *modelFlow
	for _, f := range m.flows {
		if f.opening() && !m.present(f) && (it == nil || m.expired(it) && !m.expired(f)) { // else the sweep may have met it
			it = f
		}
	}
	if it != nil && it.sticky && it.counted() {
		m.unstick(it)
		it.sticky = false
	}
}

// stickyRules changes something in the rules that concern sticky entries.
func (m *model) stickyRules(v *ruleset.VirtualSource, rule int) {
	real := uint16(1 + m.choose.IntN(3))
	switch rule {
	case 16: // a real keeps a virtual's clients no more
		v.Keepers = slices.DeleteFunc(slices.Clone(v.Keepers), func(x ruleset.Member) bool { return x.Real == real })
	case 17: // all do again
		v.Keepers = slices.Clone(v.Members)
	case 18:
		timer := uint32(1 + m.choose.IntN(30*second))
		for _, virtuals := range [][]ruleset.VirtualSource{m.source.Virtuals, m.removed} {
			for i := range virtuals { // all: which of several connections is the last to end at a tick must not matter
				virtuals[i].Sticky.Timer = timer
			}
		}
	case 19:
		m.purge(real)
	}
}

// purge forgets the entries that lead to a real.
func (m *model) purge(real uint16) {
	m.stickies.table.Purge(real)
	for key, e := range m.stickies.entries {
		if e.real == real {
			delete(m.stickies.entries, key)
			m.stickies.inexact[key] = true
		}
	}
}

// matchKeepers has those of a virtual's members keep clients that did, but for one that is tried.
func matchKeepers(v *ruleset.VirtualSource) {
	keep := v.Keepers
	v.Keepers = slices.DeleteFunc(slices.Clone(v.Members), func(x ruleset.Member) bool {
		return len(v.Trials) > 0 && v.Trials[0].Real == x.Real ||
			!slices.ContainsFunc(keep, func(k ruleset.Member) bool { return k.Real == x.Real })
	})
}

// checkSticky compares all entries, and what records say of them. An entry that was always one real's counts exactly the
// connections that are open.
func (m *model) checkSticky() {
	s := &m.stickies
	if s.table == nil {
		return
	}
	page := make([]sticky.Entry, 1000)
	n, next := s.table.Page(0, page)
	if next != 0 {
		m.fail("more than a page of entries")
	}
	open := map[stickyKey]map[uint16]uint32{}
	for _, f := range m.flows {
		r := m.recordOf(f)
		if marked := r.Flags&flowtable.Sticky != 0; f.counted() && marked != f.sticky {
			m.fail("%+v: marked sticky: %v", *f, marked)
		}
		key := keyOfSticky(m.virtual(f.virtual), f.key)
		if f.sticky && f.counted() {
			if open[key] == nil {
				open[key] = map[uint16]uint32{}
			}
			open[key][f.real]++
		}
	}
	seen := 0
	for _, e := range page[:n] {
		key := stickyKey{e.Group, e.Client}
		if open[key] == nil {
			delete(s.inexact, key)
		}
		if e.Expired(m.time) {
			continue
		}
		seen++
		want := s.entries[key]
		if want == nil || want.real != e.Real || want.live != e.Live || e.Live == 0 && want.until != e.Until {
			m.fail("sticky entry %+v, want %+v", e, want)
		}
		if !s.inexact[key] && e.Live != open[key][e.Real] {
			m.fail("sticky entry %+v, %d connections are open", e, open[key][e.Real])
		}
	}
	for key, e := range s.entries {
		if e.live > 0 || int32(m.time-e.until) < 0 {
			seen--
		} else {
			delete(s.entries, key)
			m.seen.expired++
		}
	}
	if seen != 0 {
		m.fail("%d sticky entries too many", seen)
	}
	hits := uint64(0)
	for _, w := range m.workers {
		hits += w.live.stickyHits
	}
	if hits != s.hits {
		m.fail("%d connections were placed by entries, want %d", hits, s.hits)
	}
}
