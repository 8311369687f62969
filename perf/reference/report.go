package main

import (
	"fmt"
	"strings"

	"linedirector/perf/record"
)

// text is the table for a terminal.
func (r *report) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-10s  %8s  %8s  %s\n", "flows", "Go, ns", "C, ns", "Go/C")
	for _, c := range r.Cases {
		ours, theirs := record.Median(c.Go), record.Median(c.C)
		fmt.Fprintf(&out, "%-10d  %8.1f  %8.1f  %.2f\n", c.Flows, ours, theirs, ours/theirs)
	}
	return out.String()
}

// markdown is what stands in docs/performance.md between its two marks.
func (r *report) markdown() string {
	var out strings.Builder
	out.WriteString(r.Machine.Markdown() + r.Machine.Place())
	fmt.Fprintf(&out, "Nanoseconds a packet, medians of %d rounds of %d packets, Go and C by turns.\n\n", len(r.Cases[0].Go), r.Packets)
	out.WriteString("| flows | Go: `lcore/forward` | C: gcc -O3 | Go/C |\n|--:|--:|--:|--:|\n")
	for _, c := range r.Cases {
		ours, theirs := record.Median(c.Go), record.Median(c.C)
		fmt.Fprintf(&out, "| %d | %.1f | %.1f | %.2f |\n", c.Flows, ours, theirs, ours/theirs)
	}
	return out.String()
}
