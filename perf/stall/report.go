package main

import (
	"fmt"
	"strings"

	"linedirector/perf/record"
	"linedirector/perf/replay"
)

// descriptors of the receive queue that packets would wait in.
const descriptors = 4096

// report is all that a run showed.
type report struct {
	Machine     record.Machine `json:"machine"`
	Flows       int            `json:"flows"`
	Descriptors int            `json:"descriptors"`
	Alone       []alone        `json:"alone"`
	Phases      []phase        `json:"phases"`
}

// phase is what one showed.
type phase struct {
	Name        string  `json:"name"`
	Title       string  `json:"title"`
	Seconds     float64 `json:"seconds"`
	Rate        float64 `json:"rate"`        // packets a second that the worker received
	Dropped     float64 `json:"dropped"`     // packets
	Allocated   float64 `json:"allocated"`   // bytes a second
	Collections float64 `json:"collections"` // of control's process
	Stops       float64 `json:"stops"`       // collections of the workers'
	Done        done    `json:"done"`
	Polls       polls   `json:"polls"`
}

// fill takes the differences of two readings.
func (p *phase) fill(before, after replay.Scraped) error {
	p.Seconds = after.At.Sub(before.At).Seconds()
	passed := func(name, label string) float64 { return after.Value(name, label) - before.Value(name, label) }
	p.Rate = passed("linedirector_port_packets_total", `direction="rx"`) / p.Seconds
	p.Dropped = passed("linedirector_drops_total", "")
	p.Allocated = passed("linedirector_control_allocated_bytes_total", "") / p.Seconds
	p.Collections = passed("linedirector_control_collections_total", "")
	p.Stops = passed("linedirector_workers_collections_total", "")
	first, err := pollsOf(before)
	if err != nil {
		return err
	}
	last, err := pollsOf(after)
	if err != nil {
		return err
	}
	p.Polls = last.since(first)
	return nil
}

// line is the phase in short, for who watches.
func (p *phase) line() string {
	q := func(part float64) string { return micros(p.Polls.quantile(part)) }
	return fmt.Sprintf("%-12s %4.0f s %5.2f Mpps  p50 %s p99 %s p99.9 %s p99.99 %s p99.999 %s longest %s µs; over 100 µs %.0f, over 400 µs %.0f; %.1f MB/s, %.0f collections; %d reloads, %d shows, %d scrapes, %.0f dropped",
		p.Name, p.Seconds, p.Rate/1e6, q(0.5), q(0.99), q(0.999), q(0.9999), q(0.99999), micros(p.Polls.longest()), p.Polls.over(100e-6), p.Polls.over(400e-6),
		p.Allocated/1e6, p.Collections, p.Done.Reloads, p.Done.Shows, p.Done.Scrapes, p.Dropped)
}

// micros writes seconds in microseconds.
func micros(seconds float64) string {
	if us := seconds * 1e6; us < 100 {
		return fmt.Sprintf("%.1f", us)
	}
	return fmt.Sprintf("%.0f", seconds*1e6)
}

// idle is all idle phases together.
func (r *report) idle() phase {
	all := phase{Name: "idle", Title: "nothing to do"}
	packets, bytes := 0.0, 0.0
	for i := range r.Phases {
		p := &r.Phases[i]
		if p.Name != "idle" {
			continue
		}
		all.Polls = all.Polls.plus(p.Polls)
		packets += p.Rate * p.Seconds
		bytes += p.Allocated * p.Seconds
		all.Seconds += p.Seconds
		all.Dropped += p.Dropped
		all.Collections += p.Collections
		all.Stops += p.Stops
	}
	all.Rate, all.Allocated = packets/all.Seconds, bytes/all.Seconds
	return all
}

// markdown is what stands in docs/performance.md between its two marks.
func (r *report) markdown() string {
	var out strings.Builder
	m := r.Machine
	idle := r.idle()
	half := idle.Rate / 2
	out.WriteString(m.Markdown())
	fmt.Fprintf(&out, "%s, Linux %s, %d CPUs (%s), %s. Load average before and after: %s, %s. %d flows open; %.2f Mpps with control idle.\n\n",
		m.System, m.Kernel, m.CPUs, m.CPU, m.Versions["go"], m.LoadBefore, m.LoadAfter, r.Flows, idle.Rate/1e6)
	fmt.Fprintf(&out, "| control | s | p50 | p99 | p99.9 | p99.99 | to idle | longest, µs | > 200 µs, a second | lost at %.2f Mpps, ‰ | MB/s | collections: control's, workers' |\n", half/1e6)
	out.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i := range r.Alone {
		a := &r.Alone[i]
		fmt.Fprintf(&out, "| *the machine: the loop in C, the other CPU %s* | %.0f | | | | | | %s | %.2f | %.3f | | |\n", a.Beside, a.Seconds, micros(a.longest()),
			float64(a.over(200e-6))/a.Seconds, 1000*a.lost(half, descriptors)/(half*a.Seconds))
	}
	row := func(p *phase) {
		fmt.Fprintf(&out, "| %s | %.0f | %s | %s | %s | %s | %.2f | %s | %.2f | %.3f | %.1f | %.0f, %.0f |\n", p.Title, p.Seconds,
			micros(p.Polls.quantile(0.5)), micros(p.Polls.quantile(0.99)), micros(p.Polls.quantile(0.999)), micros(p.Polls.quantile(0.9999)),
			p.Polls.quantile(0.9999)/idle.Polls.quantile(0.9999), micros(p.Polls.longest()), p.Polls.over(200e-6)/p.Seconds,
			1000*p.Polls.lost(half, descriptors)/(half*p.Seconds), p.Allocated/1e6, p.Collections, p.Stops)
	}
	row(&idle)
	for i := range r.Phases {
		if p := &r.Phases[i]; p.Name != "idle" {
			row(p)
		}
	}
	fmt.Fprintf(&out, "\n![Time between two polls, control idle and under load](images/%s)\n", plotted)
	return out.String()
}

// write writes record, picture and table.
func (r *report) write(publish bool) error {
	svg, err := r.plot()
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return output.Write(publish, &r.Machine, r, []record.Picture{{Name: plotted, SVG: svg}}, r.markdown())
}
