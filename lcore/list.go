package lcore

import (
	"errors"
	"sync"
	"time"

	"linedirector/flowtable"
	"linedirector/lcore/forward"
)

// lister lets several goroutines list a worker's flows, one at a time.
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
	list.Lock()
	defer list.Unlock()
	patience, look := time.NewTimer(listPatience), time.NewTicker(listPace)
	defer patience.Stop()
	defer look.Stop()
	if list.late {
		if _, _, err := list.await(patience, look); err != nil {
			return 0, 0, err
		}
	}
	list.Ask(from, len(page))
	records, next, err := list.await(patience, look)
	return copy(page, records), next, err
}

// await looks for the worker's answer until patience ends.
func (l *lister) await(patience *time.Timer, look *time.Ticker) ([]flowtable.Record, uint32, error) {
	for {
		if records, next, ok := l.Take(); ok {
			l.late = false
			return records, next, nil
		}
		select {
		case <-look.C:
		case <-patience.C:
			l.late = true
			return nil, 0, errNoAnswer
		}
	}
}
