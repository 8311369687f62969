package lcore

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"linedirector/dpdk"
	"linedirector/lcore/forward"
	"linedirector/lcore/ruleset"
)

// Cycles are a worker's, by the time stamp counter.
type Cycles struct {
	Total   atomic.Uint64 // since it started
	Busy    atomic.Uint64 // in loops that had frames
	Longest atomic.Uint64 // between two polls of its queues; of a nap, what it took beyond its length
	Polled  atomic.Uint64 // between all polls, as Longest reckons
	Polls   [PollBuckets]atomic.Uint64
}

// worker is one poll loop, pinned to a CPU.
type worker struct {
	number   int
	cpu      int
	clock    Clock
	adaptive bool
	exchange *dpdk.Exchange
	path     *forward.Worker
	seat     *seat
	rules    *atomic.Pointer[ruleset.Snapshot]
	stop     *atomic.Bool
	shared   *ruleset.Shared
	lost     uint64 // frames, when admit looked last
}

// pin makes the calling thread the worker's: nothing else of Go runs on it, and DPDK knows it.
func (w *worker) pin() error {
	runtime.LockOSThread() // and never unlocked: the thread ends with the worker
	var set unix.CPUSet
	set.Set(w.cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("worker %d on CPU %d: %w", w.number, w.cpu, err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("worker %d: timer slack: %w", w.number, err)
	}
	return dpdk.RegisterThread()
}

// run is the worker's whole life. Once a tick, not once a burst, it publishes counters and looks whether to stop.
func (w *worker) run() {
	defer dpdk.UnregisterThread()
	frames := framesOf(w.exchange.Frames())
	nap := newNapper(w.adaptive, w.clock)
	start := dpdk.TSC()
	tick := w.clock.Tick(start)
	spent := timekeeper{last: start}
	for {
		n := w.exchange.Exchange()
		now := w.exchange.Now()
		spent.poll(now, n)
		if s := w.rules.Load(); s != w.path.Rules() {
			w.path.Use(s)
		}
		w.path.Burst(frames[:n], w.clock.Beat(now))
		if spared := w.path.Spared(); spared > 0 {
			w.exchange.Spared(spared)
		}
		if t := w.clock.Tick(now); t != tick {
			tick = t
			w.path.Publish()
			w.seat.exchanged.Publish(w.exchange.Counters())
			w.admit(now)
			w.seat.cycles.Total.Store(now - start)
			spent.publish(&w.seat.cycles)
			if w.stop.Load() {
				w.exchange.Idle()
				w.path.Publish()
				w.seat.exchanged.Publish(w.exchange.Counters())
				return
			}
		}
		spent.nap = nap.after(n)
	}
}

// admit tells all workers, if the exchange has lost frames since it looked last, so that no real is blamed.
func (w *worker) admit(now uint64) {
	lost, c := uint64(0), w.exchange.Counters()
	for _, n := range c.TxFull {
		lost += n
	}
	for _, n := range c.HandFull {
		lost += n
	}
	if lost != w.lost {
		w.lost = lost
		w.shared.Lose(w.clock.Beat(now))
	}
}

// timekeeper tells what a worker's time went into.
type timekeeper struct {
	last                  uint64 // poll's end
	frames                int    // that it brought
	nap                   uint64 // cycles that the worker meant to sleep since then
	busy, longest, polled uint64
	polls                 [PollBuckets]uint64
}

// poll is told the end of the next poll, and how many frames that one brought. What lies between two polls went
// into the frames of the first.
func (k *timekeeper) poll(now uint64, frames int) {
	passed := now - k.last
	if k.frames > 0 {
		k.busy += passed
	}
	passed -= min(passed, k.nap)
	k.longest = max(k.longest, passed)
	k.polled += passed
	k.polls[pollBucket(passed)]++
	k.last, k.frames = now, frames
}

// publish shows others what changed.
func (k *timekeeper) publish(c *Cycles) {
	c.Busy.Store(k.busy)
	c.Longest.Store(k.longest)
	c.Polled.Store(k.polled)
	for i, n := range &k.polls {
		if n != c.Polls[i].Load() { // a store is a locked instruction
			c.Polls[i].Store(n)
		}
	}
}
