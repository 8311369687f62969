package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// lost is the time of a connection that never got there. It sorts behind all others.
const lost = time.Duration(math.MaxInt64)

// span is a time in nanoseconds; in JSON a lost one is null.
type span time.Duration

// MarshalJSON writes nanoseconds.
func (s span) MarshalJSON() ([]byte, error) {
	if time.Duration(s) == lost {
		return []byte("null"), nil
	}
	return fmt.Append(nil, int64(s)), nil
}

// String is the time in three digits, as a table wants it.
func (s span) String() string {
	d := time.Duration(s)
	switch {
	case d == lost:
		return "lost"
	case d == 0:
		return "–"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}

// spread is how times are distributed over all connections of a case, the lost ones as the longest. Worst is the
// longest of those that got there, 0 if none did.
type spread struct {
	P50   span `json:"p50_ns"`
	P99   span `json:"p99_ns"`
	P999  span `json:"p999_ns"`
	Worst span `json:"worst_ns"`
}

// summary is what one case showed. Its times have no digit that a reader could use left out.
type summary struct {
	On          time.Duration         `json:"fault_on_ns"`
	Off         time.Duration         `json:"fault_off_ns"`
	Connections int                   `json:"connections"`
	Lost        int                   `json:"lost"`
	LostBefore  int                   `json:"lost_before_fault"`
	LostAfter   int                   `json:"lost_after_recovery"` // of those that began after it
	LastLost    time.Duration         `json:"last_lost_began_ns"`  // 0 if none was
	Outcomes    map[outcome]int       `json:"outcomes"`
	Connect     spread                `json:"connect"`
	Answer      spread                `json:"answer"`
	Answered    map[string]phaseCount `json:"answered_by"`
	LateStarts  span                  `json:"worst_late_start_ns"` // how far behind its rate the client was, at worst
}

// phaseCount counts connections by when they began: before, during, and after the fault.
type phaseCount [3]int

// summarise puts samples in figures. The fault lasted from on to off, since the client's begin.
func summarise(samples []sample, on, off time.Duration) (summary, error) {
	s := summary{
		On: on, Off: off, Connections: len(samples),
		Outcomes: map[outcome]int{}, Answered: map[string]phaseCount{},
	}
	if len(samples) < 2 {
		return s, errors.New("fewer than two connections")
	}
	interval := (samples[len(samples)-1].Start - samples[0].Start) / time.Duration(len(samples)-1)
	connects, answers := make([]time.Duration, 0, len(samples)), make([]time.Duration, 0, len(samples))
	for i, c := range samples {
		s.Outcomes[c.Outcome]++
		s.LateStarts = max(s.LateStarts, span(c.Start-samples[0].Start-time.Duration(i)*interval))
		connected, answered := c.Connect, c.Total
		if c.Connect == 0 {
			connected = lost
		}
		if c.Outcome == ok {
			count := s.Answered[c.Real]
			count[phase(c.Start, on, off)]++
			s.Answered[c.Real] = count
		} else {
			answered = lost
			s.Lost++
			s.LastLost = c.Start
			switch phase(c.Start, on, off) {
			case 0:
				s.LostBefore++
			case 2:
				s.LostAfter++
			}
		}
		connects, answers = append(connects, connected), append(answers, answered)
	}
	s.Connect, s.Answer = spreadOf(connects), spreadOf(answers)
	if n := s.Outcomes[failed]; n > 0 {
		return s, fmt.Errorf("%d connections failed on the client's own machine", n)
	}
	return s, nil
}

// phase is 0 before the fault, 1 during, 2 after it.
func phase(start, on, off time.Duration) int {
	switch {
	case start < on:
		return 0
	case start < off:
		return 1
	default:
		return 2
	}
}

// spreadOf sorts the times.
func spreadOf(times []time.Duration) spread {
	slices.Sort(times)
	s := spread{P50: percentile(times, 0.5), P99: percentile(times, 0.99), P999: percentile(times, 0.999)}
	if there, _ := slices.BinarySearch(times, lost); there > 0 {
		s.Worst = span(times[there-1])
	}
	return s
}

// percentile returns, of sorted times, the smallest that a share p of them does not exceed.
func percentile(sorted []time.Duration, p float64) span {
	// The product may come out a hair above a whole number.
	rank := int(math.Ceil(p*float64(len(sorted)) - 1e-9))
	return span(sorted[max(rank, 1)-1])
}

// line is the summary in a line of progress.
func (s summary) line() string {
	return fmt.Sprintf("%d connections, %d lost%s, worst connect %v, worst answer %v",
		s.Connections, s.Lost, s.how(" (", ")"), s.Connect.Worst, s.Answer.Worst)
}

// how says as what connections were lost, the most frequent first, between before and behind; nothing if none was.
func (s summary) how(before, behind string) string {
	kinds := slices.SortedFunc(maps.Keys(s.Outcomes), func(a, b outcome) int {
		if s.Outcomes[a] != s.Outcomes[b] {
			return s.Outcomes[b] - s.Outcomes[a]
		}
		return strings.Compare(string(a), string(b))
	})
	var parts []string
	for _, kind := range kinds {
		if kind != ok {
			parts = append(parts, fmt.Sprintf("%d %s", s.Outcomes[kind], kind))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return before + strings.Join(parts, ", ") + behind
}
