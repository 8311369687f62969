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
	share(counts, reals, func(c *ruleset.Counts, slot uint32) (own, others *uint32) {
		r := &c.Reals[slot]
		return &r.Open, &r.Others
	})
	share(counts, virtuals, func(c *ruleset.Counts, slot uint32) (own, others *uint32) {
		v := &c.Virtuals[slot]
		return &v.HalfOpen, &v.Others
	})
}

func share(counts []*ruleset.Counts, highest uint32, at func(c *ruleset.Counts, slot uint32) (own, others *uint32)) {
	var held [maxWorkers]uint32
	for slot := uint32(1); slot <= highest; slot++ {
		total := uint32(0)
		for i, c := range counts {
			own, _ := at(c, slot)
			held[i] = atomic.LoadUint32(own)
			total += held[i]
		}
		for i, c := range counts {
			if _, others := at(c, slot); atomic.LoadUint32(others) != total-held[i] {
				atomic.StoreUint32(others, total-held[i])
			}
		}
	}
}
