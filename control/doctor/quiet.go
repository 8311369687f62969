package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// isolation keeps other tasks, timer ticks and deferred kernel work off the workers' CPUs.
func (e *examination) isolation() {
	workers := e.Flags.Lcores
	if e.crowded() {
		return
	}
	if isolated := e.root.cpus("sys/devices/system/cpu/isolated"); len(isolated) > 0 && len(both(isolated, workers)) == 0 {
		e.advice("isolation", fmt.Sprintf("%s are isolated, and no worker is there", cpuWord(isolated)), e.suggest()+": nothing else runs on isolated CPUs")
		return
	}
	noHz := e.root.cpus("sys/devices/system/cpu/nohz_full")
	noCallbacks := noHz // nohz_full implies it
	if list, ok := e.root.kernelArgument("rcu_nocbs"); ok {
		noCallbacks = slices.Concat(noHz, parseList(list))
		if list == "all" {
			noCallbacks = workers
		}
	}
	var missing, why []string
	for _, part := range []struct {
		argument, why string
		has           []int
	}{
		{"isolcpus=managed_irq,domain,", "other tasks run there", e.root.cpus("sys/devices/system/cpu/isolated")},
		{"nohz_full=", "a timer tick interrupts them", noHz},
		{"rcu_nocbs=", "kernel callbacks run there", noCallbacks},
	} {
		if lacking := without(workers, part.has); len(lacking) > 0 {
			missing = append(missing, part.argument+writeList(workers))
			why = append(why, part.why)
		}
	}
	if len(missing) == 0 {
		e.ok("isolation", fmt.Sprintf("%s: no other tasks, no tick, no callbacks", cpuWord(workers)))
		return
	}
	e.advice("isolation", fmt.Sprintf("workers' %s: %s", cpuWord(workers), strings.Join(why, ", ")),
		fmt.Sprintf("kernel command line %s, and restart: each interruption is a stall that --rx-desc must bridge", strings.Join(missing, " ")))
}

// interrupt is one of a device.
type interrupt struct {
	number, name string
	counts       []int64 // by place of the CPU
}

// deviceInterrupts are the numbered ones of /proc/interrupts, and the CPUs of its columns.
func (e *examination) deviceInterrupts() (cpus []int, all []interrupt) {
	for line := range strings.Lines(e.root.text("proc/interrupts")) {
		fields := strings.Fields(line)
		if len(cpus) == 0 {
			for _, f := range fields {
				if n, err := strconv.Atoi(strings.TrimPrefix(f, "CPU")); err == nil {
					cpus = append(cpus, n)
				}
			}
			continue
		}
		if len(fields) < len(cpus)+2 {
			continue
		}
		number := strings.TrimSuffix(fields[0], ":")
		if _, err := strconv.Atoi(number); err != nil {
			continue // NMI, LOC …: the CPU's own
		}
		i := interrupt{number: number, name: fields[len(fields)-1]}
		for _, f := range fields[1 : 1+len(cpus)] {
			n, _ := strconv.ParseInt(f, 10, 64)
			i.counts = append(i.counts, n)
		}
		all = append(all, i)
	}
	return cpus, all
}

// interrupts that came to workers' CPUs and may come there again.
func (e *examination) interrupts() {
	cpus, all := e.deviceInterrupts()
	if len(cpus) == 0 || e.crowded() {
		return
	}
	var names []string
	for _, irq := range all {
		aimed := e.root.cpus("proc/irq/" + irq.number + "/effective_affinity_list")
		if len(aimed) == 0 {
			aimed = e.root.cpus("proc/irq/" + irq.number + "/smp_affinity_list")
		}
		here := both(e.Flags.Lcores, aimed)
		if slices.ContainsFunc(here, func(cpu int) bool { i := slices.Index(cpus, cpu); return i >= 0 && irq.counts[i] > 0 }) {
			names = append(names, fmt.Sprintf("%s (%s)", irq.number, irq.name))
		}
	}
	if len(names) == 0 {
		e.ok("interrupts", "no device's interrupts come to the workers' CPUs")
		return
	}
	const shown = 4
	what := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	e.advice("interrupts", fmt.Sprintf("%s of devices at the workers' CPUs: %s", counted(len(names), "interrupt"), what),
		fmt.Sprintf("echo %s > /proc/irq/N/smp_affinity_list for each, or irqaffinity=%[1]s on the kernel command line: each stops a worker for microseconds",
			writeList(e.Flags.ControlLcores)))
}

// balancing: irqbalance moves interrupts to idle-looking CPUs, unless it is told which are none of its business.
func (e *examination) balancing() {
	for _, pid := range e.root.list("proc") {
		if pid[0] < '0' || pid[0] > '9' || e.root.text("proc/"+pid+"/comm") != "irqbalance" {
			continue
		}
		environment := e.root.text("proc/" + pid + "/environ")
		workers := e.Flags.Lcores
		spared := len(without(workers, e.root.cpus("sys/devices/system/cpu/isolated"))) == 0 ||
			strings.Contains(environment, "IRQBALANCE_BANNED_CPU") // LIST, or S in older versions
		if spared {
			e.ok("irqbalance", "runs, and keeps away from some CPUs")
			return
		}
		e.advice("irqbalance", "runs, and may move interrupts to the workers' CPUs",
			fmt.Sprintf("IRQBALANCE_BANNED_CPULIST=%s in /etc/default/irqbalance, or stop it", writeList(workers)))
		return
	}
}

// Shares of a CPU's time, in percent since the machine's start, that other guests of its host took.
const (
	someSteal = 0.5
	muchSteal = 5
)

// steal is time that the hypervisor gave to others while a CPU of ours wanted to run.
func (e *examination) steal() {
	virtual := slices.Contains(strings.Fields(e.root.field("proc/cpuinfo", "flags")), "hypervisor")
	worst, at := 0.0, -1
	for line := range strings.Lines(e.root.text("proc/stat")) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.HasPrefix(fields[0], "cpu") {
			continue
		}
		cpu, err := strconv.Atoi(fields[0][3:])
		if err != nil || !slices.Contains(e.Flags.Lcores, cpu) {
			continue
		}
		var all, stolen float64
		for i, f := range fields[1:9] { // guest time behind them is part of user time
			n, _ := strconv.ParseFloat(f, 64)
			all += n
			if i == 7 {
				stolen = n
			}
		}
		if share := 100 * stolen / max(all, 1); at < 0 || share > worst {
			worst, at = share, cpu
		}
	}
	what := fmt.Sprintf("%.2g %% of CPU %d's time since the start went to others of the host", worst, at)
	const do = "have the host give each vCPU a core of its own (vcpupin, emulatorpin; a dedicated instance type): while it runs another guest, a worker stands still"
	switch {
	case at < 0 || !virtual && worst == 0:
	case worst >= muchSteal:
		e.problem("steal", what, do)
	case worst >= someSteal:
		e.advice("steal", what, do)
	default:
		e.ok("steal", "virtual machine; "+what)
	}
}

// Linux's scheduling policies in which a task that spins keeps all others off its CPU, up to a limit.
const (
	schedFIFO = "1"
	schedRR   = "2"
)

// realtime matters only to those who start the director under chrt.
func (e *examination) realtime() {
	_, rest, ok := strings.Cut(e.root.text("proc/self/stat"), ") ")
	fields := strings.Fields(rest)
	const policy = 41 - 3 // of proc(5), whose third field is the first behind the name
	if !ok || len(fields) <= policy || fields[policy] != schedFIFO && fields[policy] != schedRR {
		return
	}
	if limit, ok := e.root.number("proc/sys/kernel/sched_rt_runtime_us"); ok && limit >= 0 {
		e.problem("real-time priority", fmt.Sprintf("started with it, and kernel.sched_rt_runtime_us is %d", limit),
			"start without chrt: isolated CPUs need no priority, and the kernel stops a real-time worker for the rest of each second; or sysctl -w kernel.sched_rt_runtime_us=-1")
	}
}
