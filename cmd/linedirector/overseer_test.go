package main

import (
	"slices"
	"testing"
	"time"
)

// Who dies at once waits ever longer; who lived a while is followed at once.
func TestRevival(t *testing.T) {
	now := time.Now()
	o := &overseer{born: now}
	var waits []time.Duration
	for range 8 {
		waits = append(waits, o.revival(now.Add(time.Second)))
	}
	ms := time.Millisecond
	if want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms}; !slices.Equal(waits, want) {
		t.Errorf("%v, want %v", waits, want)
	}
	if wait := o.revival(now.Add(longLife)); wait != firstRevival {
		t.Errorf("after a long life %v, want %v", wait, firstRevival)
	}
}
