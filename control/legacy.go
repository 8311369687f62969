package control

import "linedirector/control/synretry"

// legacy is what objects counted that are gone, by the names that metrics know them by.
type legacy struct {
	opened  map[names]uint64
	noReal  map[string]uint64
	tallies map[string]tally
	entered map[string][synretry.States]uint64
}

func newLegacy() *legacy {
	return &legacy{map[names]uint64{}, map[string]uint64{}, map[string]tally{}, map[string][synretry.States]uint64{}}
}

func (l *legacy) add(r *real, n tally) {
	t := l.tallies[r.conf.Name]
	l.tallies[r.conf.Name] = tally{t.silent + n.silent, t.refused + n.refused, t.moved + n.moved}
	e := l.entered[r.conf.Name]
	for s, n := range r.entered {
		e[s] += n
	}
	l.entered[r.conf.Name] = e
}

// inherit adds it to others of the same names, so that no total falls where a real was given another endpoint.
func (o *objects) inherit(l *legacy) {
	for _, b := range o.bindings {
		if opened, ok := l.opened[b.names()]; ok {
			b.base -= opened
			delete(l.opened, b.names())
		}
	}
	for _, v := range o.virtuals {
		if n, ok := l.noReal[v.conf.Name]; ok {
			v.noReal -= n
			delete(l.noReal, v.conf.Name)
		}
	}
	for _, r := range o.reals {
		t, ok := l.tallies[r.conf.Name]
		if !ok {
			continue
		}
		r.base = r.base.minus(t)
		for s, n := range l.entered[r.conf.Name] {
			r.entered[s] += n
		}
		delete(l.tallies, r.conf.Name)
	}
}
