// Package load tells every worker how many connections the others hold on each real, so that each can schedule on
// the whole number without asking, and how many half-open ones on each virtual.
package load

import (
	"sync/atomic"

	"linedirector/lcore/ruleset"
)

const maxWorkers = 64

// Share sums the workers' open connections on the real slots up to reals, and their half-open ones on the virtual
// slots up to virtuals, and writes into each worker's counters what the others hold. Control calls it every
// millisecond, from one goroutine; with one worker there is nothing to do.
func Share(counts []*ruleset.Counts, reals, virtuals uint32) {
	if len(counts) < 2 {
		return
	}
	var own [maxWorkers]uint32
	for real := uint32(1); real <= reals; real++ {
		total := uint32(0)
		for i, c := range counts {
			own[i] = atomic.LoadUint32(&c.Reals[real].Open)
			total += own[i]
		}
		for i, c := range counts {
			tell(&c.Reals[real].Others, total-own[i])
		}
	}
	for virtual := uint32(1); virtual <= virtuals; virtual++ {
		total := uint32(0)
		for i, c := range counts {
			own[i] = atomic.LoadUint32(&c.Virtuals[virtual].HalfOpen)
			total += own[i]
		}
		for i, c := range counts {
			tell(&c.Virtuals[virtual].Others, total-own[i])
		}
	}
}

// tell writes only what is new: the worker's core has the line.
func tell(others *uint32, n uint32) {
	if atomic.LoadUint32(others) != n {
		atomic.StoreUint32(others, n)
	}
}
