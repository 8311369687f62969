package lcore

import (
	"sync/atomic"
	"testing"
)

// Each poll lies below the bound of its bucket, and not below that of the one before.
func TestPollBuckets(t *testing.T) {
	for shift := range 64 {
		for _, cycles := range []uint64{1<<shift - 1, 1 << shift, 1<<shift + 1, 5 << shift >> 2, 6<<shift>>2 - 1, 7 << shift >> 2} {
			b := pollBucket(cycles)
			if b < 0 || b >= PollBuckets {
				t.Fatalf("%d cycles: bucket %d of %d", cycles, b, PollBuckets)
			}
			if bound := PollBound(b); bound > 0 && cycles >= bound {
				t.Errorf("%d cycles: bucket %d, which ends at %d", cycles, b, bound)
			}
			if b > 0 && cycles < PollBound(b-1) {
				t.Errorf("%d cycles: bucket %d, which begins at %d", cycles, b, PollBound(b-1))
			}
		}
	}
	for b := range PollBuckets - 2 {
		if PollBound(b) >= PollBound(b+1) {
			t.Errorf("bucket %d ends at %d, the next at %d", b, PollBound(b), PollBound(b+1))
		}
	}
	if PollBound(0) != 1<<shortestPoll || PollBound(PollBuckets-2) != 1<<longestPoll || PollBound(PollBuckets-1) != 0 {
		t.Errorf("the buckets end at %d, %d and %d", PollBound(0), PollBound(PollBuckets-2), PollBound(PollBuckets-1))
	}
}

// A nap is no stall: what counts is how much longer it took.
func TestTimekeeperPolls(t *testing.T) {
	k := timekeeper{last: 1000}
	k.poll(2000, 1)
	k.poll(102_000, 0)
	k.nap = 90_000
	k.poll(202_000, 0)
	k.nap = 90_000
	k.poll(212_000, 0) // woken early
	var c Cycles
	k.publish(&c)
	k.publish(&c) // the same again
	if got := [...]uint64{c.Busy.Load(), c.Longest.Load(), c.Polled.Load()}; got != [...]uint64{100_000, 100_000, 111_000} {
		t.Errorf("%v", got)
	}
	for cycles, want := range map[uint64]uint64{1000: 1, 100_000: 1, 10_000: 1, 0: 1} {
		if got := c.Polls[pollBucket(cycles)].Load(); got != want {
			t.Errorf("%d polls as long as %d cycles, want %d", got, cycles, want)
		}
	}
}

// What a poll's entry into the histogram costs, and what it costs to publish all, once a tick.
func BenchmarkTimekeeper(b *testing.B) {
	k := timekeeper{}
	now := uint64(0)
	b.Run("poll", func(b *testing.B) {
		for b.Loop() {
			now += 2000 + now&1023
			k.poll(now, 32)
		}
	})
	b.Run("publish", func(b *testing.B) {
		c := &Cycles{Polls: [PollBuckets]atomic.Uint64{}}
		for b.Loop() {
			now += 2000 + now&1023
			k.poll(now, 32)
			k.publish(c)
		}
	})
}
