package forward

import (
	"sync/atomic"

	"linedirector/flowtable"
)

// PageLen is the most records that a worker copies at a time, and pageReach how many it looks at: a few microseconds.
const (
	PageLen   = 64
	pageReach = 256
)

// Listing is how control reads a worker's records, or asks what it would do: it asks, and the worker answers in its next
// burst, with a piece of them. Packets wait for one piece at most, however many flows there are.
type Listing struct {
	state   atomic.Uint32
	from    uint32
	most    int
	next    uint32
	count   int
	records [PageLen]flowtable.Record

	question Question
	answer   Answer
}

// States of a listing: who may touch it.
const (
	idle       = iota // control
	asked             // the worker
	questioned        // the worker
	answered          // control
)

// Ask asks for the records from a number on, at most so many, or PageLen. Control only, one goroutine, and not before
// the last answer was taken.
func (l *Listing) Ask(from uint32, most int) {
	l.from, l.most = max(from, 1), min(most, PageLen)
	l.state.Store(asked)
}

// Take is the answer, once there is one: records in use, and the number to go on with, 0 behind the last. It is valid until
// the next Ask. Control only.
func (l *Listing) Take() (records []flowtable.Record, next uint32, ok bool) {
	if l.state.Load() != answered {
		return nil, 0, false
	}
	l.state.Store(idle)
	return l.records[:l.count], l.next, true
}

// Question asks what the worker would do with a packet. As Ask.
func (l *Listing) Question(q Question) {
	l.question = q
	l.state.Store(questioned)
}

// Answer is the answer to Question, once there is one. As Take.
func (l *Listing) Answer() (Answer, bool) {
	if l.state.Load() != answered {
		return Answer{}, false
	}
	l.state.Store(idle)
	return l.answer, true
}

// Pending tells whether an answer is due, or was not taken. Control only.
func (l *Listing) Pending() bool { return l.state.Load() != idle }

// list answers.
func (w *Worker) list() {
	l := w.listing
	n, end := 0, w.table.Extent()
	at := l.from
	for reach := 0; at <= end && n < l.most && reach < pageReach; reach++ {
		if r := w.table.Record(at); r.Phase != flowtable.Free && !r.Guest() {
			l.records[n] = *r
			n++
		}
		at++
	}
	l.count, l.next = n, at
	if at > end {
		l.next = 0
	}
	l.state.Store(answered)
}
