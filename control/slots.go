package control

import (
	"fmt"

	"linedirector/lcore/ruleset"
)

// slots gives out numbers from 1 on and takes them back. A number that flow records may still hold is not given
// again before release says that none can.
type slots struct {
	what    string
	highest uint32
	limit   uint32
	free    []uint32
}

func (s *slots) take() (uint32, error) {
	if n := len(s.free); n > 0 {
		slot := s.free[n-1]
		s.free = s.free[:n-1]
		return slot, nil
	}
	if s.highest == s.limit {
		return 0, fmt.Errorf("more than %d %s, those included that still drain", s.limit, s.what)
	}
	s.highest++
	return s.highest, nil
}

// room says why so many more slots cannot be had beside those in use.
func (s *slots) room(more, used int) error {
	if used+more > int(s.limit) {
		return fmt.Errorf("%d new %s beside %d, those included that still drain, are more than %d; use fewer", more, s.what, used, s.limit)
	}
	return nil
}

// exhausted says that the next slot must come from release.
func (s *slots) exhausted() bool { return len(s.free) == 0 && s.highest == s.limit }

func (s *slots) release(slot uint32) { s.free = append(s.free, slot) }

// sum adds one binding's counters up over the workers.
func sum(counts []*ruleset.Counts, slot uint32) (total ruleset.BindingCount) {
	for _, c := range counts {
		b := c.Binding(slot)
		total.Opened += b.Opened
		total.Closed += b.Closed
		total.Inserted += b.Inserted
		total.Removed += b.Removed
	}
	return total
}

// tallied adds up what workers saw a real do.
func tallied(counts []*ruleset.Counts, slot uint16) (total tally) {
	for _, c := range counts {
		t := c.Tally(slot)
		total.silent += t.Silent
		total.refused += t.Refused
		total.moved += t.Moved
	}
	return total
}

// seen adds up what workers count of a virtual.
func seen(counts []*ruleset.Counts, slot uint16) (total ruleset.VirtualCount) {
	for _, c := range counts {
		v := c.Virtual(slot)
		total.HalfOpen += v.HalfOpen
		total.NoReal += v.NoReal
	}
	return total
}
