package lcore

import "golang.org/x/sys/unix"

const (
	patience    = 256   // empty polls before the first nap
	shortestNap = 10000 // ns
	longestNap  = 50000
)

// napper lets an idle worker's CPU go for tens of microseconds at a time. The first frame ends it.
type napper struct {
	adaptive bool
	napped   bool // since the last poll
	empty    int
	length   int64
}

// after is told how many frames a poll brought.
func (s *napper) after(frames int) {
	s.napped = false
	if !s.adaptive {
		return
	}
	if frames > 0 {
		s.empty, s.length = 0, shortestNap
		return
	}
	if s.empty++; s.empty < patience {
		return
	}
	s.napped = true
	nanosleep(s.length)
	s.length = min(s.length+s.length/4, longestNap)
}

// nanosleep does not tell Go's scheduler: the worker keeps its P, and a collection waits for it no longer than the
// nap.
func nanosleep(ns int64) {
	t := unix.NsecToTimespec(ns)
	rawNanosleep(&t)
}
