package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// longestTurn is how old a turn may be when a measurement begins in it.
const longestTurn = 45 * time.Second

// turn is when this run, among others on the machine, may measure: while it holds the file that --exclusive names.
type turn struct {
	file  *os.File // nil while others have theirs
	since time.Time
}

// begin returns when it is our turn, and has been for so short a time that there is room for a measurement.
func (t *turn) begin(ctx context.Context, s *settings) error {
	if s.exclusive == "" || t.file != nil && time.Since(t.since) < longestTurn {
		return nil
	}
	t.end()
	file, err := os.OpenFile(s.exclusive, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(file.Fd()), unix.LOCK_EX) }()
	select {
	case err := <-locked:
		if err != nil {
			return fmt.Errorf("lock %s: %w", s.exclusive, err)
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	t.file, t.since = file, time.Now()
	return nil
}

// end lets others have theirs.
func (t *turn) end() {
	if t.file != nil {
		_ = t.file.Close()
		t.file = nil
	}
}
