package main

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"linedirector/perf/record"
)

// counted are a run's instructions.
type counted struct {
	total uint64
	by    map[place]uint64 // nil if nobody knows whose they are
}

type place struct{ file, function string }

// report is what both programs took.
type report struct {
	Machine  record.Machine `json:"machine"`
	Refused  string         `json:"hardware_refused,omitempty"`
	Programs []measured     `json:"programs"`
}

// measured is a program's instructions a packet.
type measured struct {
	Name   string             `json:"name"`
	Loop   float64            `json:"loop"`              // with the loop that writes packets and draws flows
	Path   float64            `json:"path,omitempty"`    // without
	ByFile map[string]float64 `json:"by_file,omitempty"` // the path's
}

// until is what a longer run took beyond this one, a packet.
func (c counted) until(more counted, p *tested) measured {
	const packets = long - short
	m := measured{Name: p.name, Loop: float64(more.total-c.total) / packets}
	for at, n := range more.by {
		if a := float64(int64(n-c.by[at])) / packets; p.path(at.file, at.function) {
			if m.ByFile == nil {
				m.ByFile = map[string]float64{}
			}
			m.Path += a
			m.ByFile[filepath.Base(filepath.Dir(at.file))+"/"+filepath.Base(at.file)] += a
		}
	}
	return m
}

// files are the path's, those that take most first, without those that take less than one a packet.
func (m *measured) files() string {
	names := slices.SortedFunc(maps.Keys(m.ByFile), func(a, b string) int {
		return cmp.Or(cmp.Compare(m.ByFile[b], m.ByFile[a]), strings.Compare(a, b))
	})
	var said []string
	for _, name := range names {
		if m.ByFile[name] >= 1 {
			said = append(said, fmt.Sprintf("`%s` %.0f", name, m.ByFile[name]))
		}
	}
	return strings.Join(said, ", ")
}

// figure is a count, or that it is not known.
func figure(n float64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", n)
}

// text is the table for a terminal.
func (r *report) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-20s  %10s  %s\n", "instructions a packet", "path alone", "with the loop")
	for i := range r.Programs {
		p := &r.Programs[i]
		fmt.Fprintf(&out, "%-20s  %10s  %s\n", p.Name, figure(p.Path), figure(p.Loop))
	}
	return out.String()
}

// markdown is what stands in docs/performance.md between its two marks.
func (r *report) markdown() string {
	var out strings.Builder
	out.WriteString(r.Machine.Markdown() + r.Machine.Place())
	by := "the CPU's own counters (`perf stat`)"
	if r.Refused != "" {
		by = "valgrind's cachegrind, in software, since this machine counts none (" + strings.TrimSpace(r.Refused) + ")"
	}
	fmt.Fprintf(&out, "Instructions a packet of %d flows, counted by %s.\n\n| | the path alone | with the loop around it |\n|---|--:|--:|\n", flows, by)
	for i := range r.Programs {
		p := &r.Programs[i]
		fmt.Fprintf(&out, "| %s | %s | %s |\n", p.Name, figure(p.Path), figure(p.Loop))
	}
	for i := range r.Programs {
		if files := r.Programs[i].files(); files != "" {
			fmt.Fprintf(&out, "\nOf the path's, %s, by file: %s.\n", r.Programs[i].Name, files)
		}
	}
	return out.String()
}
