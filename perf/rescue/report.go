package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// report is all that a run showed.
type report struct {
	Machine  machine    `json:"machine"`
	Settings *settings  `json:"settings"`
	Cases    []measured `json:"cases"`
}

// columns are the table's, behind the balancer's name.
var columns = []string{
	"connections", "lost", "lost after recovery", "worst connect", "worst answer", "answer p50", "p99", "p99.9", "lost as",
}

// row is a case's cells.
func row(c measured) []string {
	s := c.Summary
	return []string{
		strconv.Itoa(s.Connections), strconv.Itoa(s.Lost), strconv.Itoa(s.LostAfter), s.Connect.Worst.String(), s.Answer.Worst.String(),
		s.Answer.P50.String(), s.Answer.P99.String(), s.Answer.P999.String(), s.how("", ""),
	}
}

// of returns the cases of a scenario, in the order in which they ran.
func (r *report) of(sc scenario) []measured {
	return slices.DeleteFunc(slices.Clone(r.Cases), func(c measured) bool { return c.Scenario != sc.name })
}

// text is the table for a terminal.
func (r *report) text() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "scenario\tbalancer\t%s\n", strings.Join(columns, "\t"))
	for _, c := range r.Cases {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.Scenario, c.Balancer, strings.Join(row(c), "\t"))
	}
	_ = w.Flush()
	return out.String()
}

// markdown is what stands in docs/rescue.md between its two marks.
func (r *report) markdown(s *settings) string {
	var out strings.Builder
	m := r.Machine
	if s.note != "" {
		fmt.Fprintf(&out, "**%s**\n\n", s.note)
	}
	out.WriteString(m.Markdown())
	linear := "which this kernel does not have: SYNs are repeated as with 0"
	if m.HasLinear {
		linear = "set in the client only"
	}
	fmt.Fprintf(&out, "%s, Linux %s, %d CPUs (%s), %d MB. %s; %s; %s; %s. `tcp_syn_linear_timeouts` %d, %s. Load average before and after: %s, %s.\n\n",
		m.System, m.Kernel, m.CPUs, m.CPU, m.MemoryMB,
		m.Versions["linedirector"], m.Versions["haproxy"], m.Versions["nftables"], m.Versions["go"],
		s.Linear, linear, m.LoadBefore, m.LoadAfter)
	for _, b := range s.balancers {
		fmt.Fprintf(&out, "- **%s**: %s\n", b.name, b.says(s))
	}
	for _, sc := range s.scenarios {
		fmt.Fprintf(&out, "\n### %s: %s, from %v to %v\n\n", sc.name, sc.says, s.From, s.To)
		fmt.Fprintf(&out, "| balancer | %s |\n|---|%s---|\n", strings.Join(columns, " | "), strings.Repeat("--:|", len(columns)-1))
		for _, c := range r.of(sc) {
			fmt.Fprintf(&out, "| %s | %s |\n", c.Balancer, strings.Join(row(c), " | "))
		}
		fmt.Fprintf(&out, "\n![%s](images/%s)\n", sc.says, plotFile(sc))
	}
	return out.String()
}
