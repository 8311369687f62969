package load

import "linedirector/lcore/ruleset"

// ShareSamples tells every worker the newest measurement of the reals in slots up to highest over all of them. What a
// worker measures at this moment stays, and the others have it the next time. As Share, it is for control, every
// millisecond.
func ShareSamples(counts []*ruleset.Counts, highest uint32) {
	if len(counts) < 2 {
		return
	}
	var known [maxWorkers]ruleset.Sample
	for real := uint32(1); real <= highest; real++ {
		newest := ruleset.Sample(0)
		for i, c := range counts {
			known[i] = c.Sample(uint16(real))
			if known[i].Newer(newest) {
				newest = known[i]
			}
		}
		for i, c := range counts {
			if newest.Newer(known[i]) {
				c.Inform(uint16(real), known[i], newest)
			}
		}
	}
}
