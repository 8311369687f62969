package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"linedirector/dpdk"
	"linedirector/perf/generator/traffic"
)

// watch waits for the loop, passes an interrupt on, and shows progress.
func watch(s *settings, l *loop, interrupted <-chan os.Signal, to io.Writer) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var before reading
	for {
		select {
		case <-l.done:
			return
		case <-interrupted:
			l.stop.Store(true)
		case <-ticker.C:
			if !s.progress {
				continue
			}
			now := new(reading)
			select {
			case l.asked <- now:
			default: // the last question is not answered yet
				continue
			}
			select {
			case <-l.told:
				fmt.Fprintln(to, progressLine(s, &before, now, dpdk.TSCHz()))
				before = *now
			case <-l.done:
				return
			}
		}
	}
}

// progressLine is what happened between two readings.
func progressLine(s *settings, before, now *reading, hz uint64) string {
	phase := now.counters.Phase
	if before.counters.Phase != phase { // its counters began anew
		*before = reading{at: before.at, counters: traffic.Counters{Phase: phase}}
	}
	seconds := float64(now.at-before.at) / float64(hz)
	rate := func(a, b uint64) string {
		if before.at == 0 || b < a {
			return "      –"
		}
		return fmt.Sprintf("%7s", short(float64(b-a)/seconds))
	}
	line := fmt.Sprintf("%-10s  sent %s/s  received %s/s", phase, rate(before.counters.Frames, now.counters.Frames), rate(before.counters.Received, now.counters.Received))
	if s.traffic.Mode == traffic.Churn {
		c, b := &now.counters, &before.counters
		return line + fmt.Sprintf("  opened %s/s  completed %s/s  open %d  failed %d", rate(b.Opened, c.Opened), rate(b.Completed, c.Completed),
			c.Open, c.Reset+c.TimedOut)
	}
	if n := now.delays - before.delays; now.delays > before.delays {
		mean := float64(now.delay-before.delay) / float64(n) / float64(hz) * 1e6
		line += fmt.Sprintf("  latency %.1f µs", mean)
	}
	if phase == traffic.Measuring || phase == traffic.Draining {
		line += fmt.Sprintf("  outstanding or lost %d", now.counters.Sent-min(now.there.Received, now.counters.Sent))
	}
	return line
}

// short writes a number with three digits and a unit.
func short(v float64) string {
	for _, unit := range []string{"", "k", "M", "G"} {
		if v < 999.5 || unit == "G" {
			switch {
			case v < 9.995 && unit != "":
				return fmt.Sprintf("%.2f %s", v, unit)
			case v < 99.95 && unit != "":
				return fmt.Sprintf("%.1f %s", v, unit)
			}
			return fmt.Sprintf("%.0f %s", v, unit)
		}
		v /= 1000
	}
	return ""
}
