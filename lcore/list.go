package lcore

import (
	"errors"
	"sync"
	"time"

	"linedirector/flowtable"
	"linedirector/lcore/forward"
)

// lister lets several goroutines ask a worker, one at a time.
type lister struct {
	sync.Mutex
	forward.Listing
	late bool // an answer that nobody waits for any more is due
}

// listPatience is how long a worker may take to answer; it does so in its next burst, which a nap may delay. listPace is
// how often it is looked for.
const (
	listPatience = time.Second
	listPace     = 20 * time.Microsecond
)

var errNoAnswer = errors.New("the worker does not answer; is its CPU overcommitted?")

// Flows copies records of a worker's connections, from a number on, into page, of which forward.PageLen are used at most:
// it returns how many, and the number to go on with, 0 behind the last. A page may be empty and yet not be the last. Any
// goroutine may call it, while the workers run; it waits for the worker, some microseconds.
func (l *Lcores) Flows(worker int, from uint32, page []flowtable.Record) (n int, next uint32, err error) {
	list := l.lists[worker]
	err = list.ask(func() { list.Ask(from, len(page)) }, func() bool {
		records, behind, ok := list.Take()
		n, next = copy(page, records), behind
		return ok
	})
	return n, next, err
}

// Explain asks a worker what it would do with a packet of a client whose flows it owns, see Owner. As Flows.
func (l *Lcores) Explain(worker int, q forward.Question) (a forward.Answer, err error) {
	list := l.lists[worker]
	err = list.ask(func() { list.Question(q) }, func() (ok bool) {
		a, ok = list.Answer()
		return ok
	})
	return a, err
}

// Owner is the worker that owns the flows of a client's endpoint, host byte order. Any goroutine.
func (l *Lcores) Owner(address uint32, port uint16) int {
	return int(l.steers.Owner(address, port))
}

// ask puts a question and waits until take has the answer.
func (l *lister) ask(question func(), take func() bool) error {
	l.Lock()
	defer l.Unlock()
	patience, look := time.NewTimer(listPatience), time.NewTicker(listPace)
	defer patience.Stop()
	defer look.Stop()
	if l.late {
		if err := l.await(take, patience, look); err != nil {
			return err
		}
	}
	question()
	return l.await(take, patience, look)
}

// await looks for the worker's answer until patience ends.
func (l *lister) await(take func() bool, patience *time.Timer, look *time.Ticker) error {
	for {
		if take() {
			l.late = false
			return nil
		}
		select {
		case <-look.C:
		case <-patience.C:
			l.late = true
			return errNoAnswer
		}
	}
}
