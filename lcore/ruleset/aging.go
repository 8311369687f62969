package ruleset

// Aging is how much the age of a measurement takes off what the predictor Fastest predicts from it: beats a tick, with a
// fraction.
type Aging uint64

const agingShift = 20 // bits of the fraction

// NewAging is so many beats in so many ticks; at most 2^31 beats in 2^20 ticks, so that no age overflows it.
func NewAging(beats, ticks uint32) Aging {
	return Aging(min(uint64(beats)<<agingShift/uint64(max(ticks, 1)), 1<<31))
}

// Of is what an age in ticks, below 2^31, takes off, in beats.
func (a Aging) Of(ticks uint32) int64 { return int64(uint64(a) * uint64(ticks) >> agingShift) }
