package lcore

import (
	"errors"
	"runtime"
	"sync"
	"time"

	"linedirector/flowtable"
	"linedirector/lcore/forward"
)

// lister lets several goroutines ask a worker, one at a time.
type lister struct {
	sync.Mutex
	*forward.Listing
	late bool // an answer that nobody waits for any more is due
}

// newLister asks by a listing. Somebody who died may have asked by it before.
func newLister(l *forward.Listing) *lister { return &lister{Listing: l, late: l.Pending()} }

// listPatience is how long a worker may take to answer; it does so in its next burst, which a nap may delay. For listSpin its
// answer is looked for all the time, as timers of Go's are good to a millisecond; then once every listPace.
const (
	listPatience = time.Second
	listSpin     = 100 * time.Microsecond
	listPace     = 20 * time.Microsecond
)

var errNoAnswer = errors.New("the worker does not answer; is its CPU overcommitted?")

// Flows copies records of a worker's connections, from a number on, into page, of which forward.PageLen are used at most:
// it returns how many, and the number to go on with, 0 behind the last. A page may be empty and yet not be the last. Any
// goroutine may call it, while the workers run; it waits for the worker, some microseconds.
func (b *Board) Flows(worker int, from uint32, page []flowtable.Record) (n int, next uint32, err error) {
	list := b.lists[worker]
	err = list.ask(func() { list.Ask(from, len(page)) }, func() bool {
		records, behind, ok := list.Take()
		n, next = copy(page, records), behind
		return ok
	})
	return n, next, err
}

// Explain asks a worker what it would do with a packet of a client whose flows it owns, see Owner. As Flows.
func (b *Board) Explain(worker int, q forward.Question) (a forward.Answer, err error) {
	list := b.lists[worker]
	err = list.ask(func() { list.Question(q) }, func() (ok bool) {
		a, ok = list.Answer()
		return ok
	})
	return a, err
}

// ask puts a question and waits until take has the answer.
func (l *lister) ask(question func(), take func() bool) error {
	l.Lock()
	defer l.Unlock()
	if l.late {
		if err := l.await(take); err != nil {
			return err
		}
	}
	question()
	return l.await(take)
}

// await looks for the worker's answer until patience ends.
func (l *lister) await(take func() bool) error {
	for begin := time.Now(); ; {
		if take() {
			l.late = false
			return nil
		}
		switch waited := time.Since(begin); {
		case waited > listPatience:
			l.late = true
			return errNoAnswer
		case waited > listSpin:
			time.Sleep(listPace)
		default:
			runtime.Gosched()
		}
	}
}
