package main

import (
	"linedirector/control"
	"linedirector/lcore/sticky"
)

// entries are the sticky entries, as control knows them.
type entries struct{ *sticky.Table }

// stickyParts is in how many calls of Expire the whole table is looked through: a part takes a tenth of a millisecond or two at
// the default size, and at a call a second all of them are done in a minute.
const stickyParts = 60

// Expire forgets idle entries whose time is up in a part of the table.
func (e *entries) Expire(now uint32) { e.Sweep(stickyParts, now) }

// Find is a client's entry.
func (e *entries) Find(group uint16, client uint32) (control.StickyEntry, bool) {
	one, ok := e.Entry(group, client)
	return entryOf(&one), ok
}

// Page lists entries in pieces.
func (e *entries) Page(from uint32, page []control.StickyEntry) (n int, next uint32) {
	piece := make([]sticky.Entry, len(page))
	n, more := e.Table.Page(int(from), piece)
	for i := range piece[:n] {
		page[i] = entryOf(&piece[i])
	}
	return n, uint32(more)
}

func entryOf(e *sticky.Entry) control.StickyEntry {
	return control.StickyEntry{Client: e.Client, Group: e.Group, Real: e.Real, Connections: e.Live, Until: e.Until}
}
