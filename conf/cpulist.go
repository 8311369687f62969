package conf

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxCPU is above every CPU number of Linux; it bounds a range before it is
// spread out.
const maxCPU = 8191

// machine is what the flags must know of the machine: the CPUs that it has and
// those that this process may use, both ascending; and those that it may use if it asks for them.
type machine struct{ has, allowed, isolated []int }

// thisMachine asks the kernel. It is right only before any thread of the
// process was bound to a CPU.
func thisMachine() (machine, error) {
	var m machine
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return m, fmt.Errorf("cannot ask the kernel for this process's CPUs: %w", err)
	}
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			m.allowed = append(m.allowed, cpu)
		}
	}
	m.has = m.allowed
	if text, err := os.ReadFile("/sys/devices/system/cpu/isolated"); err == nil {
		if all, err := parseCPUs(strings.TrimSpace(string(text))); err == nil {
			m.isolated = reachable(all)
		}
	}
	if text, err := os.ReadFile("/sys/devices/system/cpu/online"); err == nil {
		if all, err := parseCPUs(strings.TrimSpace(string(text))); err == nil {
			m.has = all
		}
	}
	return m, nil
}

// reachable are those of the CPUs that this process's cpuset lets it run on. The kernel starts everything outside isolated
// CPUs (isolcpus=), so that they are in nobody's affinity until it is set.
func reachable(cpus []int) (out []int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, wanted, got unix.CPUSet
	if unix.SchedGetaffinity(0, &before) != nil {
		return nil
	}
	defer func() { _ = unix.SchedSetaffinity(0, &before) }() // which the kernel granted once
	for _, cpu := range cpus {
		wanted.Set(cpu)
	}
	if unix.SchedSetaffinity(0, &wanted) != nil || unix.SchedGetaffinity(0, &got) != nil {
		return nil
	}
	for _, cpu := range cpus {
		if got.IsSet(cpu) {
			out = append(out, cpu)
		}
	}
	return out
}

// parseCPUs reads a CPU list such as "1", "0,1", "2-5", in the order given.
func parseCPUs(list string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, errA := strconv.ParseUint(from, 10, 31)
		b, errB := strconv.ParseUint(to, 10, 31)
		switch {
		case errA != nil || errB != nil:
			return nil, errors.New("this is no CPU list; write it like 1 or 0,1 or 2-5")
		case a > b:
			return nil, fmt.Errorf("the range %d-%d runs backwards; write %d-%d", a, b, b, a)
		case b > maxCPU:
			return nil, fmt.Errorf("there is no CPU %d; the highest possible is %d", b, maxCPU)
		}
		for cpu := int(a); cpu <= int(b); cpu++ {
			if slices.Contains(cpus, cpu) {
				return nil, fmt.Errorf("CPU %d is given twice; give it once", cpu)
			}
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// cpuText writes ascending CPUs as a list that parseCPUs reads.
func cpuText(cpus []int) string {
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		part := strconv.Itoa(cpus[i])
		if j > i {
			part += "-" + strconv.Itoa(cpus[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// cpus reads the list of a flag and refuses CPUs that cannot be used.
func (m machine) cpus(list string) ([]int, error) {
	cpus, err := parseCPUs(list)
	if err != nil {
		return nil, err
	}
	for _, cpu := range cpus {
		if !slices.Contains(m.has, cpu) {
			return nil, fmt.Errorf("this machine has no CPU %d; it has %s", cpu, cpuText(m.has))
		}
		if !slices.Contains(m.allowed, cpu) && !slices.Contains(m.isolated, cpu) {
			return nil, fmt.Errorf("CPU %d is outside this process's affinity; it may use %s, or widen its cpuset",
				cpu, cpuText(m.allowed))
		}
	}
	return cpus, nil
}

// workers returns the CPUs of the workers where no flag names them: all but
// the lowest, which is left to control; the only one where there is one.
func (m machine) workers() []int {
	all := m.allowed
	if len(all) > 1 {
		all = all[1:]
	}
	return slices.Clone(all[:min(len(all), MaxWorkers)])
}

// control returns the CPUs of control where no flag names them: all that are
// no workers', or all where none is left.
func (m machine) control(workers []int) []int {
	rest := slices.DeleteFunc(slices.Clone(m.allowed), func(cpu int) bool { return slices.Contains(workers, cpu) })
	if len(rest) == 0 {
		return slices.Clone(m.allowed)
	}
	return rest
}
