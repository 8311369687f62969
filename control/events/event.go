// Package events is the journal of what happened to reals: the last few thousand transitions, numbered, for the
// control socket to show and to follow.
package events

import (
	"fmt"
	"strings"
	"time"
)

// Kind says what an event tells of.
type Kind string

const (
	// State is a real's transition from one state to another.
	State Kind = "state"
	// TakeOver is that control died and was started again, as Cause says; it names no real and no states.
	TakeOver Kind = "takeover"
)

// Event is one thing that happened. Its JSON is what the control socket shows, see docs/api.md. Strings are shared,
// never copied.
type Event struct {
	Seq     uint64    `json:"seq"` // counts from 1 when the director starts; Journal.Add sets it
	Time    time.Time `json:"time"`
	Kind    Kind      `json:"kind"`
	Real    string    `json:"real"`  // name
	From    string    `json:"from"`  // state
	To      string    `json:"to"`    // state
	Cause   string    `json:"cause"` // in words: "8 consecutive connections ditched", "operator"
	Numbers Numbers   `json:"numbers"`
}

// Numbers are the real's counts at the moment of an event, before a transition sets any of them back.
type Numbers struct {
	Ditched     uint32 `json:"ditched"`    // consecutive ones
	Threshold   uint32 `json:"threshold"`  // that many of them fail the real
	BySilence   uint32 `json:"by_silence"` // of the ditched: no answer to the client's SYNs
	ByReset     uint32 `json:"by_reset"`   // of the ditched: a RST or an ICMP unreachable
	Connections uint64 `json:"connections"`
}

// String is empty where nothing was ditched and nothing is open.
func (n Numbers) String() string {
	var parts []string
	if n.Ditched > 0 {
		parts = append(parts, fmt.Sprintf("ditched %d/%d: %d by silence, %d by reset", n.Ditched, n.Threshold, n.BySilence, n.ByReset))
	}
	switch {
	case n.Connections == 1:
		parts = append(parts, "1 connection open")
	case n.Connections > 1:
		parts = append(parts, fmt.Sprintf("%d connections open", n.Connections))
	}
	return strings.Join(parts, "; ")
}

// Text is the event as a sentence of one line, for logs. It allocates.
func (e Event) Text() string {
	if e.Kind == TakeOver {
		return e.Cause
	}
	var b strings.Builder
	fmt.Fprintf(&b, "real %s: %s → %s", e.Real, e.From, e.To)
	if e.Cause != "" {
		b.WriteString(": " + e.Cause)
	}
	if n := e.Numbers.String(); n != "" {
		b.WriteString(" (" + n + ")")
	}
	return b.String()
}
