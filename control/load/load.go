// Package load tells every worker how many connections the others hold on each real, so that each can schedule on
// the whole number without asking.
package load

import (
	"sync/atomic"

	"linedirector/lcore/ruleset"
)

const maxWorkers = 64

// Share sums the workers' open connections on reals 1 to highest and writes into each worker's counters what the
// others hold. Control calls it every millisecond, from one goroutine; with one worker there is nothing to do.
func Share(counts []*ruleset.Counts, highest uint32) {
	if len(counts) < 2 {
		return
	}
	var own [maxWorkers]uint32
	for real := uint32(1); real <= highest; real++ {
		total := uint32(0)
		for i, c := range counts {
			own[i] = atomic.LoadUint32(&c.Reals[real].Open)
			total += own[i]
		}
		for i, c := range counts {
			if others := &c.Reals[real].Others; atomic.LoadUint32(others) != total-own[i] {
				atomic.StoreUint32(others, total-own[i])
			}
		}
	}
}
