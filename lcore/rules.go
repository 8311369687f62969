package lcore

import (
	"sync/atomic"
	"time"

	"linedirector/lcore/ruleset"
)

// rulesPlaces is how many sets of rules there is room for: those that all workers use, and others on their way to them.
const rulesPlaces = 4

// published is where workers find the rules.
type published struct {
	current    atomic.Pointer[ruleset.Snapshot]
	generation [rulesPlaces]uint32 // in each place; 0: none ever
}

// publishPace is how often a full house is looked at: a worker takes its rules up in its next burst.
const publishPace = 100 * time.Microsecond

// Publish makes all workers use a copy of these rules from their next burst on. Generations count up from 1. It waits while a
// worker that stands still has older ones yet. One goroutine.
func (b *Board) Publish(rules *ruleset.Snapshot) {
	place := b.vacant()
	for ; place < 0; place = b.vacant() {
		time.Sleep(publishPace)
	}
	a := b.places[place]
	a.Reset()
	b.rules.generation[place] = rules.Generation
	b.rules.current.Store(rules.Copy(a))
}

// vacant is a place whose rules no worker uses, -1 if there is none: that of the current ones never is.
func (b *Board) vacant() int {
	oldest, current := b.Acknowledged(), uint32(0)
	if s := b.rules.current.Load(); s != nil {
		current = s.Generation
	}
	for i, g := range b.rules.generation {
		if g == 0 || g != current && int32(g-oldest) < 0 {
			return i
		}
	}
	return -1
}
