package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/ruleset"
)

// opening lists a virtual's opening connections on this worker, oldest first. The records are its links.
type opening struct{ oldest, newest uint32 }

// enlist appends an opening connection to its virtual's list.
func (w *Worker) enlist(n uint32, r *flowtable.Record) {
	l := &w.opening[r.VirtualSlot]
	r.SetNeighbours(l.newest, 0)
	if l.newest == 0 {
		l.oldest = n
	} else {
		before := w.table.Record(l.newest)
		older, _ := before.Neighbours()
		before.SetNeighbours(older, n)
	}
	l.newest = n
	w.counts.HalfOpen(r.VirtualSlot, 1)
}

// delist takes a connection out of the list.
func (w *Worker) delist(r *flowtable.Record) {
	l := &w.opening[r.VirtualSlot]
	older, newer := r.Neighbours()
	if older == 0 {
		l.oldest = newer
	} else {
		before := w.table.Record(older)
		first, _ := before.Neighbours()
		before.SetNeighbours(first, newer)
	}
	if newer == 0 {
		l.newest = older
	} else {
		behind := w.table.Record(newer)
		_, last := behind.Neighbours()
		behind.SetNeighbours(older, last)
	}
	w.counts.HalfOpen(r.VirtualSlot, -1)
}

// opened ends a connection's opening, however it went on: the record's union is free for counters. A trial that was not
// decided has vanished.
func (w *Worker) opened(r *flowtable.Record) {
	w.delist(r)
	w.tried(r, ruleset.TrialVanished)
}

// guard makes way for another half-open connection of a virtual, and tells whether it could (SPEC.md section 4,
// synguard). The oldest is the one that an attacker's SYN most likely opened: a client that is there has answered long
// since.
func (w *Worker) guard(slot uint16, v *ruleset.Virtual) bool {
	if !w.crowded(slot, v) {
		return true
	}
	if !w.yields(slot, v) {
		return false
	}
	oldest := w.opening[slot].oldest
	if r := w.table.Record(oldest); r.Flags&flowtable.SYNACK != 0 { // else its real knows nothing of it yet
		w.resetReal(r)
	}
	w.remove(oldest)
	w.live.gaveWay++
	return true
}

// crowded tells whether a virtual has as many half-open connections as it may.
func (w *Worker) crowded(slot uint16, v *ruleset.Virtual) bool {
	return v.Guard.Limit != 0 && w.counts.AllHalfOpen(slot) >= v.Guard.Limit
}

// yields tells whether there is one that gives way.
func (w *Worker) yields(slot uint16, v *ruleset.Virtual) bool {
	return !v.Guard.Drop && w.opening[slot].oldest != 0
}
