package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"linedirector/perf/record"
)

// controlOf is the process of a director's control core.
func controlOf(director int) (int, error) {
	family, err := record.Family(director)
	if err != nil {
		return 0, err
	}
	if len(family) != 2 {
		return 0, fmt.Errorf("process %d and its children are %v, want two", director, family)
	}
	return family[1], nil
}

// quieten lets those of a process's threads that keep to a CPU run only when nobody else wants to run there, and returns
// what gives them back how they ran.
func quieten(pid, cpu int) (back func(), err error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, err
	}
	before := map[int]*unix.SchedAttr{}
	back = func() {
		for tid, attr := range before {
			_ = unix.SchedSetAttr(tid, attr, 0)
		}
	}
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		var cpus unix.CPUSet
		if err := unix.SchedGetaffinity(tid, &cpus); err != nil || cpus.Count() != 1 || !cpus.IsSet(cpu) {
			continue // gone
		}
		attr, err := unix.SchedGetAttr(tid, 0)
		if err == nil {
			before[tid] = attr
			err = unix.SchedSetAttr(tid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) {
			back()
			return nil, fmt.Errorf("let thread %d of process %d run last: %w", tid, pid, err)
		}
	}
	if len(before) == 0 {
		return nil, fmt.Errorf("process %d has no thread that keeps to CPU %d", pid, cpu)
	}
	return back, nil
}
