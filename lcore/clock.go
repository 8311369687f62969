package lcore

import (
	"math/bits"
	"time"
)

// Clock turns the time stamp counter into ticks: a power of two of cycles, so that a tick costs one shift, about
// half a millisecond to one long.
type Clock struct {
	hz    uint64
	shift uint
}

// NewClock makes the clock of a counter with this rate.
func NewClock(hz uint64) Clock { return Clock{hz, uint(max(bits.Len64(hz/1000)-1, beatShift))} }

// Tick is the number of the tick that a counter value falls in; it wraps around after weeks.
func (c Clock) Tick(tsc uint64) uint32 { return uint32(tsc >> c.shift) }

// beatShift is a tick's length in beats, as a power of two: a beat is about half a microsecond.
const beatShift = 11

// Beat is the number of the beat that a counter value falls in.
func (c Clock) Beat(tsc uint64) uint64 { return tsc >> (c.shift - beatShift) }

// Beats is a duration in beats, at least 1 and at most half of what 32 bits count to.
func (c Clock) Beats(d time.Duration) uint32 {
	return uint32(max(min(c.Cycles(d)>>(c.shift-beatShift), 1<<31), 1))
}

// Elapsed is so many ticks as a duration.
func (c Clock) Elapsed(ticks uint32) time.Duration { return c.Duration(uint64(ticks) << c.shift) }

// Beaten is so many beats as a duration.
func (c Clock) Beaten(beats uint32) time.Duration {
	return c.Duration(uint64(beats) << (c.shift - beatShift))
}

// Ticks is a duration in ticks, at least 1 and at most half of what a tick's number counts to.
func (c Clock) Ticks(d time.Duration) uint32 { return uint32(max(min(c.Cycles(d)>>c.shift, 1<<31), 1)) }

// Cycles is a duration in cycles of the counter.
func (c Clock) Cycles(d time.Duration) uint64 {
	hi, lo := bits.Mul64(uint64(max(d, 0)), c.hz)
	if hi >= uint64(time.Second) {
		return 1<<64 - 1
	}
	cycles, _ := bits.Div64(hi, lo, uint64(time.Second))
	return cycles
}

// Duration is so many cycles of the counter.
func (c Clock) Duration(cycles uint64) time.Duration {
	hi, lo := bits.Mul64(cycles, uint64(time.Second))
	if hi >= c.hz {
		return 1<<63 - 1
	}
	ns, _ := bits.Div64(hi, lo, c.hz)
	return time.Duration(min(ns, 1<<63-1))
}
