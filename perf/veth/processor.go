package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"linedirector/perf/lab"
	"linedirector/perf/record"
)

// hertz is the unit of times in /proc: USER_HZ, which Linux never changes.
const hertz = 100

// used is how much CPU time went by, or was spent.
type used struct {
	balancer time.Duration // by the program; 0 if the kernel is it
	cpus     [2]time.Duration
}

func (u used) minus(o used) used {
	return used{u.balancer - o.balancer, [2]time.Duration{u.cpus[0] - o.cpus[0], u.cpus[1] - o.cpus[1]}}
}

// readCPU reads how much was used since the machine's start.
func readCPU(balancer *lab.Process) (u used, err error) {
	if balancer != nil {
		if u.balancer, err = familyTime(balancer); err != nil {
			return u, err
		}
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u, err
	}
	for i := range u.cpus {
		if u.cpus[i], err = busyTime(string(text), i); err != nil {
			return u, err
		}
	}
	return u, nil
}

// familyTime is what a program spent, and the processes that it started.
func familyTime(balancer *lab.Process) (sum time.Duration, err error) {
	family, err := record.Family(balancer.PID())
	if err != nil {
		return 0, err
	}
	for _, pid := range family {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("%w: %w", err, balancer.Err())
		}
		spent, err := programTime(string(text))
		if err != nil {
			return 0, err
		}
		sum += spent
	}
	return sum, nil
}

// programTime is utime and stime, of all threads, in a line of /proc/PID/stat.
func programTime(stat string) (time.Duration, error) {
	// The second field is the program's name, in parentheses, which may hold anything.
	rest := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(rest) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat reads %q", stat)
	}
	return ticks(rest[11:13])
}

// busyTime is what a CPU did, idle and stolen time left out, in the text of /proc/stat.
func busyTime(stat string, cpu int) (time.Duration, error) {
	for line := range strings.Lines(stat) {
		// user nice system idle iowait irq softirq steal
		if f := strings.Fields(line); len(f) > 8 && f[0] == fmt.Sprintf("cpu%d", cpu) {
			return ticks([]string{f[1], f[2], f[3], f[6], f[7]})
		}
	}
	return 0, fmt.Errorf("/proc/stat has no cpu%d", cpu)
}

// ticks adds times.
func ticks(fields []string) (sum time.Duration, err error) {
	for _, field := range fields {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * time.Second / hertz
	}
	return sum, nil
}

// lost counts segments that machines sent again, since they were made, less those of which the receiver said that it had
// them already: a program or a CPU was late there, and nothing lost.
func lost(machines []lab.Namespace) (sum int, err error) {
	for _, n := range machines {
		err := n.In(func() error {
			again, err := counter("snmp", "Tcp:", "RetransSegs")
			if err != nil {
				return err
			}
			needless, err := counter("netstat", "TcpExt:", "TCPDSACKRecv")
			sum += again - needless
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// counter reads one from the calling thread's namespace: the process stands elsewhere.
func counter(file, group, name string) (int, error) {
	file = "/proc/thread-self/net/" + file
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	n, err := find(string(text), group, name)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}

// find looks a number up in a text in which each group has a line of names, followed by one of values.
func find(text, group, name string) (int, error) {
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] != group:
		case names == nil:
			names = f
		default:
			if i := slices.Index(names, name); i > 0 && i < len(f) {
				return strconv.Atoi(f[i])
			}
		}
	}
	return 0, fmt.Errorf("no %s in group %s", name, group)
}
