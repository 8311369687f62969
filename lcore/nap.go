package lcore

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	patience    = 256 // empty polls before the first nap
	shortestNap = 10 * time.Microsecond
	longestNap  = 50 * time.Microsecond
)

// napper lets an idle worker's CPU go for tens of microseconds at a time. The first frame ends it.
type napper struct {
	adaptive bool
	clock    Clock
	empty    int
	length   time.Duration
}

func newNapper(adaptive bool, clock Clock) napper {
	return napper{adaptive: adaptive, clock: clock, length: shortestNap}
}

// after is told how many frames a poll brought. It returns how many cycles it meant to sleep.
func (s *napper) after(frames int) uint64 {
	if frames > 0 {
		s.empty, s.length = 0, shortestNap
		return 0
	}
	if !s.adaptive {
		return 0
	}
	if s.empty++; s.empty < patience {
		return 0
	}
	length := s.length
	s.length = min(length+length/4, longestNap)
	nanosleep(length)
	return s.clock.Cycles(length)
}

// nanosleep does not tell Go's scheduler: the worker keeps its P, and a collection waits for it no longer than the
// nap.
func nanosleep(length time.Duration) {
	t := unix.NsecToTimespec(int64(length))
	rawNanosleep(&t)
}
