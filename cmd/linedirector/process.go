package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

// heapLimit is when the control core's garbage is collected. A collection stops workers for up to milliseconds
// (docs/design), so it waits until there is reason.
const heapLimit = 512 << 20

// urgency is the nice value of all threads. After a stop of the world a worker goes on when another thread has handed it
// back (docs/design/0012-worker-isolation.md), which must not wait for a stranger's time slice on control's CPU.
const urgency = -15

// confine keeps every thread of Go but the workers on control's CPUs, and makes all urgent; threads made later inherit
// both. The worker goroutines pin themselves.
func confine(control []int, workers int) error {
	var set unix.CPUSet
	for _, cpu := range control {
		set.Set(cpu)
	}
	done := map[int]bool{}
	for more := true; more; { // until no thread is left that another one made meanwhile
		more = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("own threads: %w", err)
		}
		for _, t := range threads {
			tid, err := strconv.Atoi(t.Name())
			if err != nil || done[tid] {
				continue
			}
			done[tid], more = true, true
			if err := unix.SchedSetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("control on CPUs %v: %w; name CPUs of this machine with --control-lcores", control, err)
			}
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, urgency) // without CAP_SYS_NICE all stays as it is, and slower
		}
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), workers+2))
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heapLimit)
	return nil
}
