package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"linedirector/perf/record"
	"linedirector/perf/replay"
)

// report is all that a run showed.
type report struct {
	Machine record.Machine `json:"machine"`
	Rounds  int            `json:"rounds"`
	Window  float64        `json:"window_s"`
	Cases   []measured     `json:"cases"`
}

// mostDropped is the share of the frames that may be dropped for a rate to count.
const mostDropped = 0.0001

// dropped is an error if a case dropped too much. Where frames come to any worker, a source that never waits overflows
// the rings on which they are handed over, whenever their reader is held up: there the tables say how much was dropped.
func (r *report) dropped() error {
	for i := range r.Cases {
		if c := &r.Cases[i]; c.Dropped >= mostDropped && !c.Unsteered {
			return fmt.Errorf("%v: %.4f %% of the frames were dropped; less than %.2f %% may be", c, c.Dropped*100, mostDropped*100)
		}
	}
	return nil
}

// of are the cases in which one thing varies.
func (r *report) of(by string) (cases []*measured) {
	for i := range r.Cases {
		if r.Cases[i].By == by {
			cases = append(cases, &r.Cases[i])
		}
	}
	return cases
}

// varied is what a case varies.
func (c *measured) varied() string {
	said := fmt.Sprint(map[string]int{byFlows: c.Flows, byBurst: c.Burst, byWorkers: c.Workers, byConnections: c.Flows}[c.By])
	if c.Unsteered {
		said += ", unsteered"
	}
	return said
}

// programs are those that a table shows, by what it varies.
func programs(by string) []string {
	if by == byFlows {
		return []string{io, macswap, ceiling}
	}
	return []string{macswap, ceiling}
}

// rows are a table: its head, then a row for each case.
func (r *report) rows(by string) (rows [][]string) {
	cases := r.of(by)
	if len(cases) == 0 {
		return nil
	}
	if by == byConnections {
		return connectionRows(cases)
	}
	modes := programs(by)
	head := []string{by, director}
	for _, mode := range modes {
		head = append(head, "testpmd "+mode)
	}
	rows = append(rows, append(head, "of macswap", "of 5tswap"))
	for _, c := range cases {
		row := []string{c.varied()}
		if c.Left != "" {
			rows = append(rows, append(row, "left out: "+c.Left))
			continue
		}
		least, most := c.spread(director)
		row = append(row, fmt.Sprintf("%.1f (%.1f–%.1f)", c.median(director), least, most))
		for _, mode := range modes {
			row = append(row, fmt.Sprintf("%.1f", c.median(mode)))
		}
		rows = append(rows, append(row, ratio(c, macswap), ratio(c, ceiling)))
	}
	return rows
}

// connectionRows are the table of whole connections.
func connectionRows(cases []*measured) [][]string {
	rows := [][]string{{byConnections, "connections a second", "of 500,000", director, "testpmd 5tswap", "of 5tswap"}}
	for _, c := range cases {
		row := []string{c.varied()}
		if c.Left != "" {
			rows = append(rows, append(row, "left out: "+c.Left))
			continue
		}
		least, most := c.spread(director)
		rows = append(rows, append(row,
			fmt.Sprintf("%.0f (%.0f–%.0f)", record.Median(c.Opened), slices.Min(c.Opened), slices.Max(c.Opened)),
			fmt.Sprintf("%.2f", record.Median(c.Opened)/leastOpened),
			fmt.Sprintf("%.1f (%.1f–%.1f)", c.median(director), least, most), fmt.Sprintf("%.1f", c.median(ceiling)), ratio(c, ceiling)))
	}
	return rows
}

// leastOpened is how many connections a second a core must open and close.
const leastOpened = 500_000

// several says what several workers gain.
func (r *report) several() string {
	cases := r.of(byWorkers)
	i := slices.IndexFunc(cases, func(c *measured) bool { return c.Workers == 1 && c.Left == "" })
	var out strings.Builder
	for _, c := range cases {
		if c.Workers == 1 || c.Left != "" || i < 0 {
			continue
		}
		gain := c.median(director) / cases[i].median(director)
		if !c.Unsteered {
			fmt.Fprintf(&out, "\n%d workers forward %.2f times what one worker does (5tswap %.2f times)", c.Workers, gain, c.median(ceiling)/cases[i].median(ceiling))
			continue
		}
		fmt.Fprintf(&out, ", unsteered %.2f times: then frames come to any worker, and all but a few flows are lent to the one that does not own them: %.2f %% of the frames were handed over, "+
			"and up to %.4f %% dropped", gain, c.Handed*100, c.Dropped*100)
	}
	if out.Len() > 0 {
		out.WriteString(".\n")
	}
	return out.String()
}

func ratio(c *measured, program string) string {
	return fmt.Sprintf("%.2f", c.median(director)/c.median(program))
}

// text is the tables for a terminal.
func (r *report) text() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, by := range byAll {
		for _, row := range r.rows(by) {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
	}
	_ = w.Flush()
	return out.String()
}

// markdown is what stands in docs/performance.md between its two marks.
func (r *report) markdown() string {
	var out strings.Builder
	out.WriteString(r.Machine.Markdown() + r.Machine.Place())
	fmt.Fprintf(&out, "Millions of packets a second, medians of %d rounds of %.0f s, all programs by turns; in brackets the director's slowest and fastest round.\n", r.Rounds, r.Window)
	for _, t := range []struct{ by, says string }{
		{byFlows, fmt.Sprintf("One worker, bursts of %d:", usualBurst)},
		{byBurst, fmt.Sprintf("One worker, %d flows:", usualFlows)},
		{byWorkers, fmt.Sprintf("%d flows a worker, bursts of %d; the second worker shares its CPU with the director's control, or with testpmd's main thread:", usualFlows, usualBurst)},
		{byConnections, fmt.Sprintf("Whole connections, %d frames each, on one worker, bursts of %d (must: 500,000 a second, aim: 1,000,000); millions of packets a second beside them:", replay.Segments, usualBurst)},
	} {
		rows := r.rows(t.by)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&out, "\n%s\n\n| %s |\n|%s\n", t.says, strings.Join(rows[0], " | "), strings.Repeat("--:|", len(rows[0])))
		for _, row := range rows[1:] {
			for len(row) < len(rows[0]) {
				row = append(row, "")
			}
			fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
		}
		if t.by == byWorkers {
			out.WriteString(r.several())
		}
	}
	fmt.Fprintf(&out, "\n![Throughput through a device against flows, burst and workers](images/%s)\n", plotted)
	return out.String()
}
