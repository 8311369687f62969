package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"text/tabwriter"

	"linedirector/dpdk"
	"linedirector/perf/generator/traffic"
	"linedirector/perf/histogram"
)

// report is what was measured. Its JSON is for programs: fields are added, not renamed.
type report struct {
	Version     string       `json:"version"`
	Settings    inputs       `json:"settings"`
	Seconds     float64      `json:"seconds"`  // that were measured
	Requests    direction    `json:"requests"` // from clients, at the servers
	Answers     *direction   `json:"answers,omitempty"`
	Connections *connections `json:"connections,omitempty"`
	Flows       flowCounts   `json:"flows"`
	Errors      errorCounts  `json:"errors"`
}

type inputs struct {
	Mode         string   `json:"mode"`
	ClientDevice string   `json:"client_device"`
	ServerDevice string   `json:"server_device"`
	Virtuals     []string `json:"virtuals"`
	Clients      string   `json:"clients"`
	Servers      string   `json:"servers"`
	NextHop      string   `json:"next_hop"`
	Flows        int      `json:"flows"`
	Distribution string   `json:"distribution"`
	Skew         float64  `json:"skew"`
	Rate         uint64   `json:"rate"`
	Lengths      string   `json:"lengths"`
	Echo         bool     `json:"echo"`
	Requests     int      `json:"requests"`
	Seed         uint64   `json:"seed"`
	Burst        int      `json:"burst"`
}

// direction is frames with a stamp, one way, or for answers the way there and back.
type direction struct {
	Sent              uint64  `json:"sent"`
	SentPerSecond     float64 `json:"sent_per_second"`
	BitsPerSecond     float64 `json:"bits_per_second,omitempty"` // of frames without FCS, preamble and gap
	Received          uint64  `json:"received"`
	ReceivedPerSecond float64 `json:"received_per_second"`
	Lost              uint64  `json:"lost"`
	LossRatio         float64 `json:"loss_ratio"`
	Duplicates        uint64  `json:"duplicates"`
	Reordered         uint64  `json:"reordered"`
	Late              uint64  `json:"late"`
	Latency           times   `json:"latency_us"`
}

// times are microseconds.
type times struct {
	Count  uint64  `json:"count"`
	Mean   float64 `json:"mean"`
	P50    float64 `json:"p50"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	P999   float64 `json:"p99_9"`
	P9999  float64 `json:"p99_99"`
	P99999 float64 `json:"p99_999"`
	Max    float64 `json:"max"`
}

type connections struct {
	Opened             uint64  `json:"opened"`
	OpenedPerSecond    float64 `json:"opened_per_second"`
	Completed          uint64  `json:"completed"` // those that were opened before, and that ended after the time measured, included
	CompletedPerSecond float64 `json:"completed_per_second"`
	Failed             uint64  `json:"failed"`
	Reset              uint64  `json:"reset"`
	TimedOut           uint64  `json:"timed_out"`
	Unanswered         uint64  `json:"unanswered"` // of those timed out: no SYN-ACK
	Repeated           uint64  `json:"repeated"`   // segments
	Stale              uint64  `json:"stale"`      // segments
	MostOpen           uint64  `json:"most_open"`
	Cut                uint64  `json:"cut"`
	Connect            times   `json:"connect_us"`  // SYN to SYN-ACK
	Complete           times   `json:"complete_us"` // SYN to the server's FIN
}

type flowCounts struct {
	Asked    int    `json:"asked"`
	Seen     uint64 `json:"seen_by_servers"`
	Unopened uint64 `json:"unopened"`
}

type errorCounts struct {
	Behind       uint64 `json:"behind"` // frames or connections that the rate asked for and the generator did not send
	BadChecksum  uint64 `json:"bad_checksum"`
	Malformed    uint64 `json:"malformed"`
	Unstamped    uint64 `json:"unstamped"`
	Misdelivered uint64 `json:"misdelivered"`
	Other        uint64 `json:"other"`
	Resets       uint64 `json:"resets"`
	Unreachable  uint64 `json:"icmp_unreachable"`
	AnswersFull  uint64 `json:"answers_tx_full"` // answers that the device did not take
	RxMissed     uint64 `json:"rx_missed"`       // by the devices, since they were started
	RxNoMbuf     uint64 `json:"rx_no_mbuf"`
}

// newReport reads a loop that ended.
func newReport(s *settings, d *devices, l *loop) *report {
	p := l.player
	c := &p.Counters
	cycles, atEnd := p.Measured()
	hz := float64(dpdk.TSCHz())
	r := &report{Version: version, Settings: s.inputs(p), Seconds: float64(cycles) / hz}
	there, latency := p.There()
	r.Requests = r.direction(c.Sent, there, atEnd.Sent, atEnd.There, latency, hz)
	r.Requests.BitsPerSecond = r.perSecond(8 * atEnd.SentBytes)
	if s.traffic.Echo || s.traffic.Mode == traffic.Churn {
		back, round := p.Back()
		a := r.direction(c.Sent, back, atEnd.Sent, atEnd.Back, round, hz)
		r.Answers = &a
	}
	if s.traffic.Mode == traffic.Churn {
		connect, complete := p.Times()
		r.Connections = &connections{
			Opened: c.Opened, OpenedPerSecond: r.perSecond(atEnd.Opened),
			Completed: c.Completed, CompletedPerSecond: r.perSecond(atEnd.Completed),
			Failed: c.Reset + c.TimedOut, Reset: c.Reset, TimedOut: c.TimedOut, Unanswered: c.Unanswered,
			Repeated: c.Repeated, Stale: c.Stale, MostOpen: c.MostOpen, Cut: c.Cut,
			Connect: newTimes(connect, hz), Complete: newTimes(complete, hz),
		}
	}
	r.Flows = flowCounts{s.traffic.Flows, c.FlowsSeen, c.Unopened}
	r.Errors = errorCounts{
		Behind: c.Behind, BadChecksum: c.BadChecksum, Malformed: c.Malformed, Unstamped: c.Unstamped, Misdelivered: c.Misdelivered,
		Other: c.Other, Resets: c.Resets, Unreachable: c.Unreachable,
	}
	stats := d.stats()
	for side, port := range d.all() {
		r.Errors.AnswersFull += d.exchange.Counters().TxFull[port.ID()]
		r.Errors.RxMissed += stats[side].RxMissed
		r.Errors.RxNoMbuf += stats[side].RxNoMbuf
	}
	return r
}

func (s *settings) inputs(p *traffic.Player) inputs {
	c := &s.traffic
	in := inputs{
		Mode: c.Mode.String(), ClientDevice: s.clientDevice, ServerDevice: s.serverDevice, Clients: c.Clients.String(), Servers: c.Servers.String(),
		NextHop: net.HardwareAddr(p.Hop[:]).String(),
		Flows:   c.Flows, Distribution: s.distribution, Skew: c.Skew, Rate: c.Rate, Lengths: s.lengths, Echo: c.Echo || c.Mode == traffic.Churn,
		Requests: c.Requests, Seed: c.Seed, Burst: s.burst,
	}
	for _, v := range c.Virtuals {
		in.Virtuals = append(in.Virtuals, v.String())
	}
	return in
}

// perSecond is 0 where nothing was measured.
func (r *report) perSecond(n uint64) float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(n) / r.Seconds
}

// direction is all that was sent and arrived, at rates of what was in time.
func (r *report) direction(sent uint64, a traffic.Arrivals, sentInTime uint64, inTime traffic.Arrivals, h *histogram.Histogram, hz float64) direction {
	d := direction{
		Sent: sent, SentPerSecond: r.perSecond(sentInTime), Received: a.Received, ReceivedPerSecond: r.perSecond(inTime.Received),
		Lost: sent - min(a.Received, sent), Duplicates: a.Duplicates, Reordered: a.Reordered, Late: a.Late, Latency: newTimes(h, hz),
	}
	if sent > 0 {
		d.LossRatio = float64(d.Lost) / float64(sent)
	}
	return d
}

func newTimes(h *histogram.Histogram, hz float64) times {
	us := func(cycles float64) float64 { return cycles / hz * 1e6 }
	at := func(q float64) float64 { return us(float64(h.Quantile(q))) }
	return times{
		Count: h.Count(), Mean: us(h.Mean()), P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), P9999: at(0.9999), P99999: at(0.99999),
		Max: us(float64(h.Max())),
	}
}

// writeFile writes JSON to a file, to stdout if it is -, or nothing if it is empty.
func (r *report) writeFile(name string, stdout io.Writer) error {
	if name == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if name == "-" {
		_, err = stdout.Write(text)
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// table is the report for people.
func (r *report) table() string {
	var b strings.Builder
	in := &r.Settings
	fmt.Fprintf(&b, "%s, %d flows, %s", in.Mode, in.Flows, in.Distribution)
	if in.Skew > 0 {
		fmt.Fprintf(&b, " (skew %v)", in.Skew)
	}
	fmt.Fprintf(&b, ", frames %s, %.3f s\n\n", in.Lengths, r.Seconds)

	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...any) {
		for _, c := range cells {
			fmt.Fprintf(w, "%v\t", c)
		}
		fmt.Fprintln(w)
	}
	row("", "sent", "a second", "received", "a second", "lost", "loss", "duplicates", "reordered")
	each := func(name string, d *direction) {
		row(name, d.Sent, short(d.SentPerSecond), d.Received, short(d.ReceivedPerSecond), d.Lost, percent(d.LossRatio), d.Duplicates, d.Reordered)
	}
	each("requests", &r.Requests)
	if r.Answers != nil {
		each("answers", r.Answers)
	}
	w.Flush()

	b.WriteString("\n")
	w = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row("µs", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "p99.999", "max")
	spread := func(name string, t *times) {
		cells := []any{name}
		for _, v := range []float64{t.Mean, t.P50, t.P90, t.P99, t.P999, t.P9999, t.P99999, t.Max} {
			cells = append(cells, fmt.Sprintf("%.1f", v))
		}
		row(cells...)
	}
	spread("to the server", &r.Requests.Latency)
	if r.Answers != nil {
		spread("and back", &r.Answers.Latency)
	}
	if c := r.Connections; c != nil {
		spread("SYN to SYN-ACK", &c.Connect)
		spread("SYN to FIN", &c.Complete)
	}
	w.Flush()

	b.WriteString("\n")
	if c := r.Connections; c != nil {
		fmt.Fprintf(&b, "connections: %d opened (%s/s), %d completed (%s/s), %d failed (%d by RST, %d timed out), at most %d open, %d cut at the end\n",
			c.Opened, short(c.OpenedPerSecond), c.Completed, short(c.CompletedPerSecond), c.Failed, c.Reset, c.TimedOut, c.MostOpen, c.Cut)
		fmt.Fprintf(&b, "segments: %d sent again, %d that fit no connection\n", c.Repeated, c.Stale)
	}
	fmt.Fprintf(&b, "flows: %d of %d seen by the servers", r.Flows.Seen, r.Flows.Asked)
	if r.Flows.Unopened > 0 {
		fmt.Fprintf(&b, ", %d could not be opened", r.Flows.Unopened)
	}
	b.WriteString("\n")
	r.Errors.list(&b)
	return b.String()
}

// list writes the errors that there were.
func (e *errorCounts) list(b *strings.Builder) {
	none := true
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{e.Behind, "that the rate asked for were not sent: this core, or the device, is too slow"},
		{e.BadChecksum, "frames with a wrong checksum"},
		{e.Malformed, "malformed frames"},
		{e.Unstamped, "TCP or UDP frames without this run's stamp"},
		{e.Misdelivered, "answers to a client that had not asked"},
		{e.Resets, "RSTs to clients"},
		{e.Unreachable, "ICMP errors"},
		{e.AnswersFull, "answers that the device did not take"},
		{e.RxMissed, "frames that the devices missed: the receive queue was full"},
		{e.RxNoMbuf, "frames for which there was no mbuf: raise --mbufs"},
		{e.Other, "frames of others"},
	} {
		if c.n > 0 {
			none = false
			fmt.Fprintf(b, "%d %s\n", c.n, c.what)
		}
	}
	if none {
		b.WriteString("no errors\n")
	}
}

func percent(ratio float64) string {
	if ratio == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.5f %%", ratio*100)
}
