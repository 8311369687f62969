package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"linedirector/perf/record"
)

// report is all that a run showed. Times are in seconds, one for each round.
type report struct {
	Machine  record.Machine `json:"machine"`
	Rounds   int            `json:"rounds"`
	Reals    int            `json:"reals"`
	Virtuals int            `json:"virtuals"`
	Each     int            `json:"reals_of_a_virtual"`
	Small    []float64      `json:"start_small_s"`
	Start    []float64      `json:"start_s"`
	Reload   []float64      `json:"reload_s"`
	Apply    []float64      `json:"apply_s"`
	Resident int            `json:"resident_bytes"` // after all of it
	Tables   []table        `json:"tables"`
}

// table is a start with a flow table of a size, and the hugepages that the table took.
type table struct {
	Flows int       `json:"flows"`
	Start []float64 `json:"start_s"`
	Bytes int       `json:"bytes"`
}

// perFlow is the memory a connection, in bytes.
func (t *table) perFlow() float64 { return float64(t.Bytes) / float64(t.Flows-baseFlows) }

// rows are what was measured: what, the median, its aim.
func (r *report) rows() (rows [][3]string) {
	add := func(what string, took []float64, aim string) {
		rows = append(rows, [3]string{what, fmt.Sprintf("%.2f s", record.Median(took)), aim})
	}
	large := fmt.Sprintf("%d reals, %d virtuals of %d", r.Reals, r.Virtuals, r.Each)
	add("start, 2 reals, 1 virtual", r.Small, "")
	add("start, "+large, r.Start, "1 s")
	add("reload by SIGHUP, each real's weight changed", r.Reload, "1 s")
	add("`ldctl apply` of the same", r.Apply, "1 s")
	for _, t := range r.Tables {
		aim := ""
		if t.Flows == 10_000_000 {
			aim = "5 s"
		}
		add(fmt.Sprintf("start with --flows %d", t.Flows), t.Start, aim)
	}
	return rows
}

// last says what the last round showed.
func (r *report) last() string {
	end := func(v []float64) float64 { return v[len(v)-1] }
	return fmt.Sprintf("start %.2f s, reload %.2f s, apply %.2f s", end(r.Start), end(r.Reload), end(r.Apply))
}

// text is the tables for a terminal.
func (r *report) text() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, row := range r.rows() {
		fmt.Fprintln(w, strings.Join(row[:], "\t"))
	}
	for _, t := range r.Tables {
		fmt.Fprintf(w, "memory a connection, --flows %d\t%.1f bytes\t\n", t.Flows, t.perFlow())
	}
	fmt.Fprintf(w, "resident besides hugepages, large configuration\t%d MB\t\n", r.Resident>>20)
	_ = w.Flush()
	return out.String()
}

// markdown is what stands in docs/performance.md between its two marks.
func (r *report) markdown() string {
	var out strings.Builder
	out.WriteString(r.Machine.Markdown() + r.Machine.Place())
	fmt.Fprintf(&out, "Medians of %d rounds.\n\n| | took | aim |\n|---|--:|--:|\n", r.Rounds)
	for _, row := range r.rows() {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(row[:], " | "))
	}
	fmt.Fprintf(&out, "\nResident besides hugepages, with the large configuration, after both changes: %d MB.\n", r.Resident>>20)
	fmt.Fprintf(&out, "\n| `--flows` | hugepages of the table, MB | bytes a connection |\n|--:|--:|--:|\n")
	for _, t := range r.Tables {
		fmt.Fprintf(&out, "| %d | %d | %.1f |\n", t.Flows, t.Bytes>>20, t.perFlow())
	}
	fmt.Fprintf(&out, "\n![Memory a connection against the table's size](images/%s)\n", plotted)
	return out.String()
}
