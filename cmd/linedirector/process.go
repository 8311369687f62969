package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// heapLimit is when the workers' process collects garbage. It makes next to none once workers run, and a collection stops
// them for up to milliseconds (docs/design/0012-worker-isolation.md).
const heapLimit = 512 << 20

// urgency is the nice value of the workers' process. Go's scheduler looks at each worker every 10 ms; the worker goes on when
// another thread has handed it back, which must not wait for a stranger's time slice on control's CPU.
const urgency = -15

// How much later than asked for threads may wake up. The workers' process has none that must be on time but the workers, which
// see to it themselves. Because they never leave their Ps, the runtime's watcher (sysmon) takes these away every 10 ms, and
// each time begins anew to sleep for 20 µs at once: with the usual lateness thousands of timer interrupts a second on control's
// CPU, for nothing that could not wait for the next tick.
const (
	lateness      = 10 * time.Millisecond
	usualLateness = 50 * time.Microsecond // Linux's for all threads
)

// confine keeps every thread of Go but the workers on control's CPUs, and makes all urgent, and late; threads made later
// inherit all of it, as a control does that is started again. The worker goroutines pin themselves.
func confine(control []int, workers int) error {
	err := eachThread(func(tid int) error {
		if err := stay(tid, control); err != nil {
			return err
		}
		_ = unix.Setpriority(unix.PRIO_PROCESS, tid, urgency) // without CAP_SYS_NICE all stays as it is, and slower
		setLateness(tid, lateness)
		return nil
	})
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), workers+2))
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heapLimit)
	return nil
}

// stay keeps a thread on control's CPUs.
func stay(tid int, control []int) error {
	var set unix.CPUSet
	for _, cpu := range control {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("control on CPUs %v: %w; name CPUs of this machine with --control-lcores", control, err)
	}
	return nil
}

// collectSeldom is for a start: most of what is made while the configuration is read lives until all of it is, and a collection
// finds little. It returns what ends it.
func collectSeldom() (usual func()) {
	percent := debug.SetGCPercent(800)
	return func() { debug.SetGCPercent(percent) }
}

// tidy collects the start's garbage, before the first packet: workers do not meet it later.
func tidy() { debug.FreeOSMemory() }

// setLateness needs CAP_SYS_NICE, too.
func setLateness(tid int, d time.Duration) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/timerslack_ns", tid), strconv.AppendInt(nil, d.Nanoseconds(), 10), 0)
}

// gather keeps control's process on control's CPUs. Until workers run, it may use all.
func gather(control []int) error {
	if err := eachThread(func(tid int) error { return stay(tid, control) }); err != nil {
		return err
	}
	runtime.GOMAXPROCS(len(control))
	return nil
}

// relax gives control's process, which may have inherited how the workers' runs, the place of any other, and its own name.
func relax() error {
	// The kernel would call it exe, after the path that it was started by.
	if err := os.WriteFile("/proc/self/comm", []byte("ld-control"), 0); err != nil {
		return err
	}
	return eachThread(func(tid int) error {
		_ = unix.Setpriority(unix.PRIO_PROCESS, tid, 0)
		setLateness(tid, usualLateness)
		return nil
	})
}

// eachThread does something to all threads of the process, until none is left that another one made meanwhile.
func eachThread(do func(tid int) error) error {
	seen := map[int]bool{}
	for more := true; more; {
		more = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("own threads: %w", err)
		}
		for _, t := range threads {
			tid, err := strconv.Atoi(t.Name())
			if err != nil || seen[tid] {
				continue
			}
			seen[tid], more = true, true
			if err := do(tid); err != nil {
				return err
			}
		}
	}
	return nil
}
