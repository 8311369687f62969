package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"linedirector/perf/replay"
)

// confine puts every thread of this process, and with them its children, on a CPU.
func confine(cpu int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := pin(tid, cpu); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// pin keeps a thread on a CPU; 0 is the caller's.
func pin(thread, cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(thread, &set); err != nil {
		return fmt.Errorf("CPU %d: %w", cpu, err)
	}
	return nil
}

// alone reads the clock on a CPU in a loop: what keeps it from doing so, kernel or hypervisor, keeps a worker, too. It
// returns the three longest times from one reading to the next, in seconds, the longest first.
func alone(cpu int, length time.Duration) (longest [3]float64, err error) {
	percent := debug.SetGCPercent(-1) // which would stop the loop
	defer debug.SetGCPercent(percent)
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with it
		if err := pin(0, cpu); err != nil {
			ended <- err
			return
		}
		start := time.Now()
		for last := time.Duration(0); last < length; {
			now := time.Since(start)
			passed := (now - last).Seconds()
			last = now
			for i := range longest {
				if passed > longest[i] {
					copy(longest[i+1:], longest[i:])
					longest[i] = passed
					break
				}
			}
		}
		ended <- nil
	}()
	return longest, <-ended
}

const hugepages = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

// takeHugepages makes room for a capture and tables. It returns what puts the old number back.
func takeHugepages(flows int) (func() error, error) {
	const (
		mbuf = 2560
		rest = 128 << 20
	)
	want := (replay.Mbufs(flows)*mbuf+replay.TableFlows(flows)*96+rest)>>21 + 1
	text, err := os.ReadFile(hugepages)
	if err != nil {
		return nil, err
	}
	set := func(n string) error { return os.WriteFile(hugepages, []byte(n), 0o644) }
	back := func() error { return set(strings.TrimSpace(string(text))) }
	if had, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || had >= want {
		return back, err
	}
	if err := set(strconv.Itoa(want)); err != nil {
		return nil, err
	}
	if got, err := os.ReadFile(hugepages); err != nil || strings.TrimSpace(string(got)) != strconv.Itoa(want) {
		return nil, errors.Join(err, back(), fmt.Errorf("%d flows want %d hugepages of 2 MB, and there is memory for %s: give less --flows",
			flows, want, strings.TrimSpace(string(got))))
	}
	return back, nil
}
