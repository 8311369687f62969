package control

import (
	"math"

	"linedirector/control/synretry"
	"linedirector/lcore/ruleset"
)

// serves tells whether a real takes new connections: only then it is a member. Whether it is full workers see
// themselves, at each connection.
func (r *real) serves() bool {
	return !r.draining && r.weight > 0 && r.machine.State().Serves()
}

// weight is how much of its virtual's connections a place is to have. A real of weight 0 takes none anywhere.
func (p *place) weight() int {
	if p.real.weight == 0 || p.own == realsWeight {
		return p.real.weight
	}
	return p.own
}

// taker is who takes the connections that are meant for the place's real: itself, or while it is out of service the
// nearest of its backups that is not; nil if nobody does, and for a real of weight 0, which is to have none.
func (p *place) taker() (by *binding, backups []*binding) {
	if p.weight() == 0 {
		return nil, nil
	}
	if p.real.serves() {
		return p.binding, p.backups
	}
	for i, b := range p.backups {
		if b.real.serves() {
			return b, p.backups[i+1:]
		}
	}
	return nil, nil
}

func (b *binding) member(weight int) ruleset.Member {
	return ruleset.Member{Binding: b.slot, Real: b.real.slot, Weight: uint16(min(weight, math.MaxUint16))}
}

// rules are who takes a tier's connections at this moment. A real stands in it once: who stands in for several has their
// weights together, and its own.
func (t *tier) rules() ruleset.TierSource {
	src := ruleset.TierSource{Predictor: predictors[t.of.conf.Predictor], Members: make([]ruleset.Member, 0, len(t.places))}
	who := seats{taken: make([]place, 0, len(t.places))}
	defer who.leave()
	for i := range t.places {
		by, backups := t.places[i].taker()
		if by == nil {
			continue
		}
		weight := t.places[i].weight()
		if by.seat > 0 {
			m := &src.Members[by.seat-1]
			m.Weight = uint16(min(int(m.Weight)+weight, math.MaxUint16))
			continue
		}
		who.enter(by, backups)
		src.Members = append(src.Members, by.member(weight))
	}
	for i := 0; i < len(who.taken); i++ { // it grows
		standIn := who.standIn(i)
		if i < len(src.Members) {
			src.Members[i].StandIn = standIn
			continue
		}
		m := who.taken[i].member(who.taken[i].real.weight)
		m.StandIn = standIn
		src.StandIns = append(src.StandIns, m)
	}
	return src
}

// seats are the places of a tier that is being made, members first.
type seats struct{ taken []place }

// enter seats one, behind all others.
func (s *seats) enter(by *binding, backups []*binding) {
	s.taken = append(s.taken, place{binding: by, own: realsWeight, backups: backups})
	by.seat = len(s.taken)
}

func (s *seats) leave() {
	for _, p := range s.taken {
		p.seat = 0
	}
}

// standIn is the seat of who takes over when the one in seat i is full, the nearest of its backups that serves; 0 if it
// is never full, or there is none. One that has no seat yet gets one.
func (s *seats) standIn(i int) uint16 {
	full := s.taken[i]
	if full.real.maxConns == 0 {
		return 0
	}
	for i, backup := range full.backups {
		if !backup.real.serves() {
			continue
		}
		if backup.seat == 0 {
			s.enter(backup, full.backups[i+1:])
		}
		return uint16(backup.seat)
	}
	return 0
}

// trials are the virtual's reals that wait for a trial connection, and their backups, down to the tier that takes
// connections: a backup virtual is not tried on clients who need none.
func (v *virtual) trials() (members []ruleset.Member) {
	seen := map[*binding]bool{}
	for i := range v.tiers {
		v.tiers[i].each(func(b *binding, weight int) {
			if b.real.machine.State() == synretry.Testing && !b.real.draining && weight > 0 && !seen[b] {
				seen[b] = true
				members = append(members, b.member(weight))
			}
		})
		if v.tiers[i].takes() {
			break
		}
	}
	return members
}

// keepers are the reals, backups included, that a client with a sticky entry may go to.
func (v *virtual) keepers() (members []ruleset.Member) {
	if v.group == nil {
		return nil
	}
	seen := map[*binding]bool{}
	for i := range v.tiers {
		v.tiers[i].each(func(b *binding, weight int) {
			if b.real.machine.State().Keeps() && !b.real.draining && weight > 0 && !seen[b] {
				seen[b] = true
				members = append(members, b.member(weight))
			}
		})
	}
	return members
}

// each calls f for all bindings of a tier, backups included, with their weights. Some come several times.
func (t *tier) each(f func(b *binding, weight int)) {
	for i := range t.places {
		p := &t.places[i]
		f(p.binding, p.weight())
		if p.weight() == 0 {
			continue // it has no connections that others could take
		}
		for _, b := range p.backups {
			f(b, b.real.weight)
		}
	}
}

// takes tells whether a tier takes connections.
func (t *tier) takes() bool {
	for i := range t.places {
		if by, _ := t.places[i].taker(); by != nil {
			return true
		}
	}
	return false
}
