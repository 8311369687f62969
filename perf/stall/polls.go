package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linedirector/perf/replay"
)

// polls are a worker's, by the time from one to the next: how many took less than so many seconds, and not less than the
// bucket before.
type polls []bucket

type bucket struct {
	Below float64 `json:"below"` // seconds
	Count float64 `json:"count"`
}

// pollsOf reads the worker's histogram. A poll beyond the last bound counts with it.
func pollsOf(s replay.Scraped) (p polls, err error) {
	const name = `linedirector_worker_poll_seconds_bucket{worker="0",le="`
	last := 0.0
	for line := range strings.Lines(s.Text) {
		rest, ours := strings.CutPrefix(line, name)
		if !ours {
			continue
		}
		bound, count, _ := strings.Cut(strings.TrimSpace(rest), `"} `)
		total, err := strconv.ParseFloat(count, 64)
		if err != nil {
			return nil, fmt.Errorf("not a bucket: %q", line)
		}
		if bound == "+Inf" && len(p) > 0 {
			p[len(p)-1].Count += total - last
			return p, nil
		}
		below, err := strconv.ParseFloat(bound, 64)
		if err != nil {
			return nil, fmt.Errorf("not a bucket: %q", line)
		}
		p = append(p, bucket{below, total - last})
		last = total
	}
	return nil, fmt.Errorf("the director's metrics lack %s", name)
}

// since is what was added to an earlier reading.
func (p polls) since(before polls) polls {
	out := slices.Clone(p)
	for i := range out {
		out[i].Count -= before[i].Count
	}
	return out
}

// plus adds up readings of the same buckets.
func (p polls) plus(other polls) polls {
	out := slices.Clone(p)
	for i := range other {
		if i == len(out) {
			out = append(out, other[i])
			continue
		}
		out[i].Count += other[i].Count
	}
	return out
}

// longest is the bound of the highest bucket that holds a poll: none took longer.
func (p polls) longest() float64 {
	for _, b := range slices.Backward(p) {
		if b.Count > 0 {
			return b.Below
		}
	}
	return 0
}

// quantile is what so large a part of the polls stayed below, taken as evenly spread within a bucket.
func (p polls) quantile(part float64) float64 {
	total := 0.0
	for _, b := range p {
		total += b.Count
	}
	from, wanted := 0.0, part*total
	for _, b := range p {
		if b.Count > 0 && wanted <= b.Count {
			return from + (b.Below-from)*wanted/b.Count
		}
		wanted -= b.Count
		from = b.Below
	}
	return p.longest()
}

// over is how many polls took as long as a time, or may have.
func (p polls) over(seconds float64) (n float64) {
	for _, b := range p {
		if b.Below > seconds {
			n += b.Count
		}
	}
	return n
}

// lost is how many packets of a steady rate would not have found a descriptor, at most: each poll counts as long as its
// bucket's bound, and begins with all of them free.
func (p polls) lost(rate, descriptors float64) (n float64) {
	for _, b := range p {
		n += b.Count * max(b.Below*rate-descriptors, 0)
	}
	return n
}
