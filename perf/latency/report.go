package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"linedirector/perf/record"
)

// report is all that a run showed.
type report struct {
	Machine  record.Machine `json:"machine"`
	Flows    int            `json:"flows"`
	Window   float64        `json:"window_s"`
	Most     []float64      `json:"most_requests_per_s,omitempty"` // as fast as it goes, a round each
	Rate     uint64         `json:"rate"`
	Programs []measured     `json:"programs"`
}

// measured is a program, and what its rounds showed.
type measured struct {
	Name   string   `json:"name"`
	Rounds []result `json:"rounds"`
}

// columns are the latencies of a row: on the way to the server, and there and back. Some are of the quietest round.
var columns = []struct {
	name  string
	of    func(*result) float64
	least bool
}{
	{"p50", func(r *result) float64 { return r.Requests.Latency.P50 }, false},
	{"p90", func(r *result) float64 { return r.Requests.Latency.P90 }, false},
	{"p99", func(r *result) float64 { return r.Requests.Latency.P99 }, false},
	{"p99.9", p999, false},
	{"least p99.9", p999, true},
	{"back, p50", func(r *result) float64 { return r.Answers.Latency.P50 }, false},
	{"p99", func(r *result) float64 { return r.Answers.Latency.P99 }, false},
	{"p99.9", func(r *result) float64 { return r.Answers.Latency.P999 }, false},
	{"least p99.9", func(r *result) float64 { return r.Answers.Latency.P999 }, true},
}

func p999(r *result) float64 { return r.Requests.Latency.P999 }

// figures are what a program's rounds showed.
func (m *measured) figures(of func(*result) float64) (all []float64) {
	for i := range m.Rounds {
		all = append(all, of(&m.Rounds[i]))
	}
	return all
}

// figure is the median of the rounds, or the least.
func (m *measured) figure(of func(*result) float64, least bool) float64 {
	if least {
		return slices.Min(m.figures(of))
	}
	return record.Median(m.figures(of))
}

// added is the median of what the rounds of one program showed beyond those of another; or what the quietest round of the
// one, whichever it was, showed beyond the quietest of the other.
func (m *measured) added(other *measured, of func(*result) float64, least bool) float64 {
	if least {
		return m.figure(of, true) - other.figure(of, true)
	}
	mine, theirs := m.figures(of), other.figures(of)
	for i := range mine {
		mine[i] -= theirs[i]
	}
	return record.Median(mine)
}

// compared are the two whose difference is the worker's.
func (r *report) compared() (ours, theirs *measured) {
	return &r.Programs[slices.IndexFunc(programs, func(p program) bool { return p.quiet })], &r.Programs[len(r.Programs)-1]
}

// rows are the table, its head first.
func (r *report) rows() [][]string {
	head := []string{"µs"}
	for _, c := range columns {
		head = append(head, c.name)
	}
	rows := [][]string{append(head, "lost", "unsent")}
	for i := range r.Programs {
		m := &r.Programs[i]
		row := []string{m.Name}
		for _, c := range columns {
			row = append(row, fmt.Sprintf("%.1f", m.figure(c.of, c.least)))
		}
		rows = append(rows, append(row,
			m.share(func(one *result) uint64 { return one.Answers.Lost }), m.share(func(one *result) uint64 { return one.Errors.Behind })))
	}
	ours, theirs := r.compared()
	row := []string{fmt.Sprintf("%s, beyond %s", ours.Name, theirs.Name)}
	for _, c := range columns {
		row = append(row, fmt.Sprintf("%.1f", ours.added(theirs, c.of, c.least)))
	}
	return append(rows, append(row, "", ""))
}

// share is a count's of all requests, in percent.
func (m *measured) share(of func(*result) uint64) string {
	var sum, sent uint64
	for i := range m.Rounds {
		sum += of(&m.Rounds[i])
		sent += m.Rounds[i].Requests.Sent
	}
	return fmt.Sprintf("%.3f %%", float64(sum)/float64(sent)*100)
}

// text is the table for a terminal.
func (r *report) text() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, row := range r.rows() {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
	return out.String()
}

// What a worker may add on one way, in µs.
const (
	mostP50  = 10
	mostP999 = 100
)

// markdown is what stands in docs/performance.md between its two marks.
func (r *report) markdown() string {
	var out strings.Builder
	out.WriteString(r.Machine.Markdown() + r.Machine.Place())
	fmt.Fprintf(&out, "%.2f M requests a second, each answered, of %d flows; medians of %d rounds of %.0f s, all programs by turns.", float64(r.Rate)/1e6, r.Flows, len(r.Programs[0].Rounds), r.Window)
	if len(r.Most) > 0 {
		fmt.Fprintf(&out, " This is half of what the director forwarded as fast as the generator sent, %.2f M.", record.Median(r.Most)/1e6)
	}
	out.WriteString(" The first five figures are of the way to the server, the others of the way there and back; *least* is of the quietest round.\n\n")
	for i := range programs {
		fmt.Fprintf(&out, "- **%s**: %s\n", programs[i].name, programs[i].says)
	}
	rows := r.rows()
	fmt.Fprintf(&out, "\n| %s |\n|---%s|\n", strings.Join(rows[0], " | "), strings.Repeat("|--:", len(rows[0])-1))
	for _, row := range rows[1:] {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
	}
	ours, theirs := r.compared()
	p50, tail := ours.added(theirs, columns[0].of, false), ours.added(theirs, p999, true)
	fmt.Fprintf(&out, "\nAdded on one way: p50 %.1f µs (must: at most %d, %s), p99.9 in the quietest rounds %.1f µs (must: at most %d, %s).\n",
		p50, mostP50, reached(p50 <= mostP50), tail, mostP999, reached(tail <= mostP999))
	fmt.Fprintf(&out, "\n![Latency of each program beside testpmd's](images/%s)\n", plotted)
	return out.String()
}

func reached(is bool) string {
	if is {
		return "reached"
	}
	return "missed"
}
