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
	Longest atomic.Uint64 // between two polls of its queues, naps left out
}

// worker is one poll loop, pinned to a CPU.
type worker struct {
	number   int
	cpu      int
	clock    Clock
	adaptive bool
	exchange *dpdk.Exchange
	path     *forward.Worker
	stats    *forward.Stats
	cycles   *Cycles
	rules    *atomic.Pointer[ruleset.Snapshot]
	stop     *atomic.Bool
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
	frames := framesOf(w.exchange)
	nap := napper{adaptive: w.adaptive}
	start := dpdk.TSC()
	last, busy, longest, tick := start, uint64(0), uint64(0), w.clock.Tick(start)
	for {
		n := w.exchange.Exchange()
		now := w.exchange.Now()
		if stall := now - last; stall > longest && !nap.napped {
			longest = stall
		}
		if s := w.rules.Load(); s != w.path.Rules() {
			w.path.Use(s)
		}
		w.path.Burst(frames[:n], w.clock.Tick(now))
		if n > 0 {
			busy += now - last
		}
		last = now
		if t := w.clock.Tick(now); t != tick {
			tick = t
			w.path.Publish()
			w.cycles.Total.Store(now - start)
			w.cycles.Busy.Store(busy)
			w.cycles.Longest.Store(longest)
			if w.stop.Load() {
				w.exchange.Idle()
				w.path.Publish()
				return
			}
		}
		nap.after(n)
	}
}
