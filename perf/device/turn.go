package main

import (
	"time"

	"linedirector/perf/record"
)

// turnLength is after how long the others have their turn, once a round is done.
const turnLength = 30 * time.Second

// turn is what a case holds while it measures, if --lock names a file.
type turn struct {
	file  string
	since time.Time
	done  func()
}

// alone does something in its turn, with hugepages enough for the case.
func (t *turn) alone(c *measured, do func() error) error {
	if t.done != nil && time.Since(t.since) > turnLength {
		t.end()
	}
	if t.done == nil {
		done, err := record.Turn(t.file)
		if err != nil {
			return err
		}
		t.done, t.since = done, time.Now()
	}
	restore, err := wantHugepages(pagesFor(c))
	if err != nil {
		return err
	}
	defer restore()
	return do()
}

// end lets others have their turn.
func (t *turn) end() {
	if t.done != nil {
		t.done()
		t.done = nil
	}
}
