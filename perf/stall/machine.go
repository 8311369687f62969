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

// alone is what a loop met that does nothing but write to memory and read the clock on the worker's CPU (c/clock.c): what kernel
// and hypervisor take from it they take from a worker, too.
type alone struct {
	Beside  string    `json:"beside"` // what the other CPU did
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

// neighbour is what the other CPU does meanwhile (c/neighbour.c): so many processes that work and sleep by turns.
type neighbour struct {
	title      string
	processes  int
	busy, idle time.Duration
}

// neighbours are those of control: it does nothing, it is woken again and again, it has more than one thing to do all the time.
var neighbours = []neighbour{
	{title: "idle"},
	{"working 1 ms and sleeping 0.2 ms by turns", 1, time.Millisecond, 200 * time.Microsecond},
	{"busy", 2, time.Millisecond, 0},
}

// loopMemory is what the loop writes to, in megabytes: more than caches and their translations hold, as a table of a million
// flows and its frames are.
const loopMemory = 1024

// watch runs the loop beside a neighbour.
func watch(s *settings, other *neighbour) (a alone, err error) {
	dir, err := os.MkdirTemp("", "linedirector-stall-")
	if err != nil {
		return a, err
	}
	defer os.RemoveAll(dir)
	program, err := compile(dir, "neighbour")
	if err != nil {
		return a, err
	}
	for range other.processes {
		p := command(program, s.Control, other.busy.Microseconds(), other.idle.Microseconds())
		if err := p.Start(); err != nil {
			return a, err
		}
		defer func() { _ = p.Process.Kill(); _ = p.Wait() }()
	}
	if program, err = compile(dir, "clock"); err != nil {
		return a, err
	}
	out, err := command(program, s.Worker, s.phase.Seconds(), loopMemory).Output()
	if err != nil {
		return a, fmt.Errorf("the loop on CPU %d: %w", s.Worker, err)
	}
	a.Beside, a.Seconds = other.title, s.phase.Seconds()
	for line := range strings.Lines(string(out)) {
		ns, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
		if err != nil {
			return a, err
		}
		a.Gaps = append(a.Gaps, ns/1e9)
	}
	return a, nil
}

// compile makes a program of one of c/.
func compile(dir, name string) (string, error) {
	program := filepath.Join(dir, name)
	out, err := exec.Command("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, "perf/stall/c/"+name+".c").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("gcc: %w: %s", err, out)
	}
	return program, nil
}

func command(program string, args ...any) *exec.Cmd {
	return exec.Command(program, strings.Fields(fmt.Sprintln(args...))...)
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
