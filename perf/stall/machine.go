package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// alone is what a loop met that does nothing but read the clock on the worker's CPU (c/clock.c): what kernel and hypervisor
// take from it they take from a worker, too.
type alone struct {
	Seconds float64   `json:"seconds"`
	Gaps    []float64 `json:"gaps"` // from one reading to the next, in seconds, those of 50 µs and longer
}

func (a *alone) longest() float64 { return slices.Max(append(slices.Clone(a.Gaps), 0)) }

func (a *alone) over(seconds float64) (n int) {
	for _, gap := range a.Gaps {
		if gap > seconds {
			n++
		}
	}
	return n
}

// lost is as polls'.
func (a *alone) lost(rate, descriptors float64) (n float64) {
	for _, gap := range a.Gaps {
		n += max(gap*rate-descriptors, 0)
	}
	return n
}

// spinners keep control's CPU busy while the machine is measured so: two, as there is more than one thing to do there.
const spinners = 2

// watch runs the loop; busy has the other CPU do something all the time.
func watch(s *settings, busy bool) (a alone, err error) {
	dir, err := os.MkdirTemp("", "linedirector-stall-")
	if err != nil {
		return a, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "clock")
	if out, err := exec.Command("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, "perf/stall/c/clock.c").CombinedOutput(); err != nil {
		return a, fmt.Errorf("gcc: %w: %s", err, out)
	}
	loop := func(cpu int, length time.Duration) *exec.Cmd {
		return exec.Command(program, strconv.Itoa(cpu), fmt.Sprint(length.Seconds()))
	}
	for range spinners {
		if !busy {
			break
		}
		spinner := loop(s.Control, s.phase+time.Minute)
		if err := spinner.Start(); err != nil {
			return a, err
		}
		defer func() { _ = spinner.Process.Kill(); _ = spinner.Wait() }()
	}
	out, err := loop(s.Worker, s.phase).Output()
	if err != nil {
		return a, fmt.Errorf("the loop on CPU %d: %w", s.Worker, err)
	}
	a.Seconds = s.phase.Seconds()
	for line := range strings.Lines(string(out)) {
		ns, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
		if err != nil {
			return a, err
		}
		a.Gaps = append(a.Gaps, ns/1e9)
	}
	return a, nil
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
