package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"linedirector/perf/record"
)

// report is all that a run showed.
type report struct {
	Machine   record.Machine `json:"machine"`
	Settings  *settings      `json:"settings"`
	Bounds    []bound        `json:"bounds"`
	Balancers []summary      `json:"medians"`
	Rounds    []measured     `json:"rounds"`
}

// columns are a table's, behind the balancer's name.
func columns(l load) []string {
	each := strings.TrimSuffix(cmp.Or(map[string]string{connections.name: l.name}[l.name], requests.name), "s")
	return []string{
		each + "s/s", "linedirector's ratio", "p50 µs", "p99 µs", "p99.9 µs", "balancer's CPU, µs a " + each, "machine's CPU, µs a " + each,
		"CPU 0, 1 busy", "lost", "failed",
	}
}

// row is a balancer's cells under a load.
func (r *report) row(b summary, l load) []string {
	f := b.Loads[l.name]
	program := "–"
	if f.Program > 0 {
		program = fmt.Sprintf("%.1f", f.Program)
	}
	times := "–"
	if against := ratio(r.Rounds, l.name, "linedirector", b.Balancer); against > 0 {
		times = fmt.Sprintf("%.2f", against)
	}
	return []string{
		fmt.Sprintf("%.0f", f.Rate), times, fmt.Sprintf("%.0f", f.P50), fmt.Sprintf("%.0f", f.P99), fmt.Sprintf("%.0f", f.P999), program,
		fmt.Sprintf("%.1f", f.Machine), fmt.Sprintf("%.0f %%, %.0f %%", 100*f.CPU0, 100*f.CPU1), strconv.Itoa(f.Lost), strconv.Itoa(f.Failed),
	}
}

// says is a bound in words.
func (b bound) says() string {
	verdict := "reached"
	switch {
	case b.Ratio == 0:
		verdict = "not measured"
	case b.Ratio < b.AtLeast:
		verdict = "missed"
	}
	return fmt.Sprintf("%.2f | ≥ %.2f | %s", b.Ratio, b.AtLeast, verdict)
}

// text is all tables for a terminal.
func (r *report) text() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, l := range loads {
		fmt.Fprintf(w, "%s: %s\n", l.name, l.says)
		fmt.Fprintf(w, "balancer\t%s\n", strings.Join(columns(l), "\t"))
		for _, b := range r.Balancers {
			fmt.Fprintf(w, "%s\t%s\n", b.Balancer, strings.Join(r.row(b, l), "\t"))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
	for _, b := range r.Bounds {
		fmt.Fprintf(&out, "%s, %s to %s: %s\n", b.Load, b.Of, b.To, b.says())
	}
	return out.String()
}

// markdown is what stands in docs/performance.md between its two marks.
func (r *report) markdown() string {
	var out strings.Builder
	m := r.Machine
	if r.Settings.note != "" {
		fmt.Fprintf(&out, "**%s**\n\n", r.Settings.note)
	}
	out.WriteString(m.Markdown())
	fmt.Fprintf(&out, "%s, Linux %s, %d CPUs (%s), DPDK %s. %s; %s; %s. Medians of %d rounds, %v a load; load average before and after: %s, %s.\n\n",
		m.System, m.Kernel, m.CPUs, m.CPU, m.Versions["dpdk"], m.Versions["haproxy"], m.Versions["nftables"], m.Versions["go"],
		r.Settings.Rounds, r.Settings.Window, m.LoadBefore, m.LoadAfter)
	for _, b := range r.Settings.balancers {
		fmt.Fprintf(&out, "- **%s**: %s\n", b.name, b.says)
	}
	out.WriteString("\n| load | ratio of rates | measured | aim | |\n|---|---|--:|--:|---|\n")
	for _, b := range r.Bounds {
		fmt.Fprintf(&out, "| %s | %s / %s | %s |\n", b.Load, b.Of, b.To, b.says())
	}
	for _, l := range loads {
		fmt.Fprintf(&out, "\n**%s**: %s\n\n", strings.ToUpper(l.name[:1])+l.name[1:], l.says)
		heads := columns(l)
		fmt.Fprintf(&out, "| balancer | %s |\n|---|%s\n", strings.Join(heads, " | "), strings.Repeat("--:|", len(heads)))
		for _, b := range r.Balancers {
			fmt.Fprintf(&out, "| %s | %s |\n", b.Balancer, strings.Join(r.row(b, l), " | "))
		}
	}
	fmt.Fprintf(&out, "\n![Requests and connections a second, by balancer and round](images/%s)\n", plotted)
	return out.String()
}
