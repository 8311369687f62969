package forward

import "linedirector/lcore/ruleset"

// advance is the virtual's next place in a round of n.
func (w *Worker) advance(slot uint16, n uint32) uint32 {
	at := w.turn[slot]
	if at >= n {
		at %= n
	}
	w.turn[slot] = at + 1
	return at
}

func (w *Worker) roundRobin(slot uint16, members []ruleset.Member) uint32 {
	first := w.advance(slot, uint32(len(members)))
	for at := first; ; at = w.advance(slot, uint32(len(members))) {
		if w.admits(&members[at]) {
			return at
		}
		if w.turn[slot]%uint32(len(members)) == first { // nobody did: it is the first one's turn after all
			w.turn[slot] = first + 1
			return first
		}
	}
}

// weighted asks a whole round for who admits: a heavy member has many turns in a row.
func (w *Worker) weighted(slot uint16, t *ruleset.Tier, members []ruleset.Member) uint32 {
	turns := w.rules.Turns(t)
	n := uint32(len(turns))
	first := w.advance(slot, n)
	for turn := first; ; turn = w.advance(slot, n) {
		if at := turns[turn]; w.admits(&members[at]) {
			return at
		}
		if w.turn[slot]%n == first {
			w.turn[slot] = first + 1
			return turns[first]
		}
	}
}
