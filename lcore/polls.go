package lcore

import "math/bits"

// PollBuckets is how many kinds of polls a worker tells apart by their length: four to each power of two, from 256
// cycles to 2^27, a tenth of a microsecond to tens of milliseconds. The last holds all that were longer.
const PollBuckets = (longestPoll-shortestPoll)*pollSteps + 2

const (
	shortestPoll = 8  // as powers of two of cycles
	longestPoll  = 27 //
	pollSteps    = 4  // to a power of two
)

// PollBound is the length in cycles that every poll of a bucket stays below; the last bucket's has none, and is 0.
func PollBound(bucket int) uint64 {
	if bucket == PollBuckets-1 {
		return 0
	}
	octave, step := bucket/pollSteps, bucket%pollSteps
	return (pollSteps + uint64(step)) << (octave + shortestPoll - 2)
}

// pollBucket is the one that a poll of so many cycles belongs to.
func pollBucket(cycles uint64) int {
	length := bits.Len64(cycles)
	if length <= shortestPoll {
		return 0
	}
	step := int(cycles>>(length-3)) & (pollSteps - 1)
	return min((length-shortestPoll-1)*pollSteps+step+1, PollBuckets-1)
}
