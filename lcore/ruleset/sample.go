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

// Age is how many ticks ago it was measured; the clock that it was measured by may be ahead.
func (s Sample) Age(now uint32) uint32 { return uint32(max(int32(now-s.Answered()), 0)) }

// Newer is the one of two that was measured later; any is newer than none. Ticks wrap around.
func (s Sample) Newer(than Sample) bool {
	return s != 0 && (than == 0 || int32(s.Answered()-than.Answered()) > 0)
}

// Load reads RealCount.Newest. Any goroutine.
func (s *Sample) Load() Sample { return Sample(atomic.LoadUint64((*uint64)(s))) }

func (s *Sample) store(to Sample) { atomic.StoreUint64((*uint64)(s), uint64(to)) }

// Sample is a real's newest measurement over all workers: this worker's own to the newest, the others' at most a
// millisecond old. Any goroutine.
func (c *Counts) Sample(real uint16) Sample { return c.Reals[real].Newest.Load() }

// Inform replaces a sample that was read before by a newer one of another worker's, or by none, and leaves it alone if
// the worker has measured meanwhile. Control only.
func (c *Counts) Inform(real uint16, was, is Sample) bool {
	return atomic.CompareAndSwapUint64((*uint64)(&c.Reals[real].Newest), uint64(was), uint64(is))
}
