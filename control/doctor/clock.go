package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// timeStamps: all timers run by the time stamp counter.
func (e *examination) timeStamps() {
	flags := strings.Fields(e.root.field("proc/cpuinfo", "flags"))
	if len(flags) == 0 {
		return // not x86: the counter is the architecture's own, and steady
	}
	var missing []string
	for _, flag := range []string{"constant_tsc", "nonstop_tsc"} {
		if !slices.Contains(flags, flag) {
			missing = append(missing, flag)
		}
	}
	source := e.root.text("sys/devices/system/clocksource/clocksource0/current_clocksource")
	switch {
	case len(missing) > 0:
		e.problem("clock", "the CPU lacks "+strings.Join(missing, " and "),
			"use another machine, or in a virtual one pass the host's CPU through (host-passthrough, invtsc): timers and response times follow this counter")
	case source == "hpet" || source == "acpi_pm" || source == "jiffies":
		e.advice("clock", "the kernel's clock is "+source+", since it does not trust the time stamp counter",
			"see dmesg | grep -i tsc; tsc=reliable on the kernel command line if firmware is at fault: workers' timers follow that counter")
	default:
		e.ok("clock", "the time stamp counter is steady")
	}
}

func cpuFile(cpu int, name string) string {
	return fmt.Sprintf("sys/devices/system/cpu/cpu%d/%s", cpu, name)
}

// governor and turbo.
func (e *examination) governor() {
	slow := map[string][]int{}
	known := false
	for _, cpu := range e.Flags.Lcores {
		g := e.root.text(cpuFile(cpu, "cpufreq/scaling_governor"))
		if known = known || g != ""; g != "" && g != "performance" {
			slow[g] = append(slow[g], cpu)
		}
	}
	switch {
	case !known:
		e.ok("governor", "the kernel does not set these CPUs' frequency (the host or firmware does)")
	case len(slow) > 0:
		var parts []string
		for name, cpus := range slow {
			parts = append(parts, fmt.Sprintf("%s on %s", name, cpuWord(cpus)))
		}
		slices.Sort(parts)
		e.advice("governor", strings.Join(parts, ", "), "cpupower frequency-set -g performance: a clock that must first rise makes the first bursts slow")
	default:
		e.ok("governor", "performance")
	}
	if noTurbo, _ := e.root.number("sys/devices/system/cpu/intel_pstate/no_turbo"); noTurbo == 1 {
		e.ok("turbo", "off: steadier, and slower")
	} else if boost, ok := e.root.number("sys/devices/system/cpu/cpufreq/boost"); ok && boost == 0 {
		e.ok("turbo", "off: steadier, and slower")
	}
}

// deepest is how long waking up may take, in microseconds, before it is worth a word.
const deepest = 50

// idleStates matter to workers that nap.
func (e *examination) idleStates() {
	if !e.Adaptive {
		e.ok("idle states", "workers poll without a pause, so their CPUs never sleep")
		return
	}
	var worst int64
	var name string
	for _, cpu := range e.Flags.Lcores {
		for _, state := range e.root.list(cpuFile(cpu, "cpuidle")) {
			folder := cpuFile(cpu, "cpuidle/"+state)
			latency, ok := e.root.number(folder + "/latency")
			if off, _ := e.root.number(folder + "/disable"); ok && off == 0 && latency > worst {
				worst, name = latency, e.root.text(folder+"/name")
			}
		}
	}
	if worst >= deepest {
		e.advice("idle states", fmt.Sprintf("workers nap, and %s takes %d µs to wake from", name, worst),
			fmt.Sprintf("cpupower -c %s idle-set -D %d, or --poll busy: the first packets after a pause wait that long", writeList(e.Flags.Lcores), deepest))
		return
	}
	e.ok("idle states", "workers nap; their CPUs wake at once")
}
