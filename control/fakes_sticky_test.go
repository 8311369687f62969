package control

import (
	"slices"
	"sync"
)

// fakeSticky is a table of entries as tests put them in.
type fakeSticky struct {
	mu      sync.Mutex
	entries []StickyEntry
	expired int // calls
}

func (s *fakeSticky) Page(from uint32, page []StickyEntry) (n int, next uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for next = from; int(next) < len(s.entries) && n < len(page); next++ {
		if s.entries[next].Group != 0 {
			page[n] = s.entries[next]
			n++
		}
	}
	if int(next) == len(s.entries) {
		next = 0
	}
	return n, next
}

func (s *fakeSticky) Find(group uint16, client uint32) (StickyEntry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.Group == group && e.Client == client {
			return e, true
		}
	}
	return StickyEntry{}, false
}

// drop forgets those that goes says, and counts them. Others keep their places.
func (s *fakeSticky) drop(goes func(StickyEntry) bool) (count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.entries {
		if e := &s.entries[i]; e.Group != 0 && goes(*e) {
			*e = StickyEntry{}
			count++
		}
	}
	return count
}

// left are the entries that are there.
func (s *fakeSticky) left() []StickyEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.entries), func(e StickyEntry) bool { return e.Group == 0 })
}

func (s *fakeSticky) Drop(group uint16, client uint32) bool {
	return s.drop(func(e StickyEntry) bool { return e.Group == group && e.Client == client }) > 0
}

func (s *fakeSticky) Purge(real uint16) int {
	return s.drop(func(e StickyEntry) bool { return e.Real == real })
}

func (s *fakeSticky) PurgeGroup(group uint16) int {
	return s.drop(func(e StickyEntry) bool { return e.Group == group })
}

func (s *fakeSticky) Expire(uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired++
}
