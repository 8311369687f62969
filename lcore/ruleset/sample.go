package ruleset

import "sync/atomic"

// Sample is how fast a real answered, and when: one word, so that nobody ever sees half of it. 0 is none.
type Sample uint64

// maxResponse bounds response times, so that products with them fit: it is half a minute, and no SYN waits longer.
const maxResponse = 1 << 26 // beats

// NewSample is that of a response time in beats, above 0, measured at a tick.
func NewSample(beats, tick uint32) Sample {
	return Sample(uint64(min(beats, maxResponse))<<32 | uint64(tick))
}

// Response is the response time in beats.
func (s Sample) Response() uint32 { return uint32(s >> 32) }

// Answered is the tick at which it was measured.
func (s Sample) Answered() uint32 { return uint32(s) }

// Newer is the one of two that was measured later; any is newer than none. Ticks wrap around.
func (s Sample) Newer(than Sample) bool {
	return s != 0 && (than == 0 || int32(s.Answered()-than.Answered()) > 0)
}

// Load reads one of Counts.Samples. Any goroutine.
func (s *Sample) Load() Sample { return Sample(atomic.LoadUint64((*uint64)(s))) }

func (s *Sample) store(to Sample) { atomic.StoreUint64((*uint64)(s), uint64(to)) }

// Sample is a real's newest measurement over all workers: this worker's own to the newest, the others' at most a
// millisecond old. Any goroutine.
func (c *Counts) Sample(real uint16) Sample { return c.Samples[real].Load() }

// Inform replaces a sample that was read before by a newer one of another worker's, or by none, and leaves it alone if
// the worker has measured meanwhile. Control only.
func (c *Counts) Inform(real uint16, was, is Sample) bool {
	return atomic.CompareAndSwapUint64((*uint64)(&c.Samples[real]), uint64(was), uint64(is))
}

// agingShift makes the fraction of a beat a number.
const agingShift = 20

// AgingOf is what Tier.Aging is, if so many beats are to be taken off a prediction in so many ticks. At most 2^31 beats a
// 2^10 ticks, so that no age overflows it.
func AgingOf(beats, ticks uint32) uint64 {
	return min(uint64(beats)<<agingShift/uint64(max(ticks, 1)), 1<<31)
}

// Aged is what an age in ticks takes off, in beats.
func (t *Tier) Aged(ticks uint32) int64 { return int64(t.Aging * uint64(ticks) >> agingShift) }
