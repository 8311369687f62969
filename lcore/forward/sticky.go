package forward

import (
	"cmp"
	"slices"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// How a client keeps its real (SPEC.md sections 3 and 4). A connection that opens looks for its client's entry:
//
//	its real keeps clients and is not full ──► it goes there, before predictor and trial, and counts on the entry
//	its real has its reply tuple in use ──► it goes there all the same, from another port of the client's
//	its real is full ──► it goes elsewhere, and the entry stays as it is
//	its real keeps no clients ──► it goes elsewhere, and takes the entry along
//	there is none ──► it goes where the predictor says, and makes one
//
// A connection that moves because its real did not take it takes the entry along as well. One that counts is marked in
// its record, and its count ends exactly where its real's does.

// sticks tells whether a virtual's clients have entries.
func (w *Worker) sticks(v *ruleset.Virtual) bool { return v.Sticky.Group != 0 && w.sticky != nil }

// stuck is a client as entries name it.
func stuck(client uint32, s ruleset.Sticky) uint32 { return client &^ (1<<(32-s.Bits) - 1) }

// keeper is the member by which a real keeps a virtual's clients, if it does.
func (w *Worker) keeper(v *ruleset.Virtual, real uint16) (at uint32, ok bool) {
	first, members := w.rules.Keepers(v)
	i, ok := slices.BinarySearchFunc(members, real, func(m ruleset.Member, slot uint16) int { return cmp.Compare(m.Real, slot) })
	return first + uint32(i), ok
}

// kept is the member that a client's entry names, if its real keeps clients.
func (w *Worker) kept(client uint32, v *ruleset.Virtual) (at uint32, ok bool) {
	if !w.sticks(v) {
		return 0, false
	}
	real, ok := w.sticky.Find(v.Sticky.Group, stuck(client, v.Sticky), w.now)
	if !ok {
		return 0, false
	}
	return w.keeper(v, real)
}

// reserveAt counts a connection on the real of the member at a place, if that is not full.
func (w *Worker) reserveAt(at uint32) bool {
	m := w.rules.Member(at)
	return w.counts.Reserve(m.Real, w.most(m))
}

// assign chooses the member that takes a client's connection, as schedule does, but for clients that have an entry.
func (w *Worker) assign(m *packet.Meta, slot uint16, v *ruleset.Virtual, except uint16) (uint32, bool) {
	if at, ok := w.kept(m.Src, v); ok && w.rules.Member(at).Real != except && w.reserveAt(at) {
		return at, true
	}
	return w.schedule(m, slot, v, except)
}

// replan has frame i, which opens a connection, go where its client's entry says by now: an earlier frame of the burst,
// or another worker, may have made it since the plan. It returns the slot of the real that keeps the client, 0 if none does.
func (w *Worker) replan(i int, v *ruleset.Virtual) (keeper uint16) {
	at, ok := w.kept(w.meta[i].Src, v)
	if !ok {
		return 0
	}
	keeper = w.rules.Member(at).Real
	if old := w.planned[i]; (old == unplanned || w.rules.Member(old).Real != keeper) && w.reserveAt(at) {
		w.unplan(i)
		w.planned[i] = at
	}
	return keeper
}

// stick counts a connection that has just opened, or moved away from the real in slot from, on its client's entry. If
// another connection of the client has made the entry meanwhile, on another worker, this one goes to that one's real, if
// it can: its packet was not sent yet. It returns the record's number, which may change.
func (w *Worker) stick(i int, n uint32, v *ruleset.Virtual, from uint16) (uint32, packet.DropCause) {
	if !w.sticks(v) {
		return n, packet.None
	}
	client := stuck(w.meta[i].Src, v.Sticky)
	for { // ends with the first holder whose real keeps clients: another worker can give the entry to it only so often
		r := w.table.Record(n)
		holder, joined := w.sticky.Open(v.Sticky.Group, client, r.RealSlot, from, w.now)
		if holder == r.RealSlot {
			r.Flags |= flowtable.Sticky
			if joined {
				w.live.stickyHits++
			}
			return n, packet.None
		}
		if holder == 0 {
			return n, packet.None
		}
		at, ok := w.keeper(v, holder)
		if !ok {
			from = holder
			continue
		}
		var cause packet.DropCause
		if n, ok, cause = w.follows(i, n, at); !ok || cause != packet.None {
			return n, cause
		}
	}
}

// follows takes a connection of which no packet was sent to another member's real, if it can have it. A trial stays.
func (w *Worker) follows(i int, n uint32, at uint32) (uint32, bool, packet.DropCause) {
	old := w.table.Record(n)
	to, syns := w.rules.Member(at), old.SYNs
	if old.Flags&flowtable.Trial != 0 {
		return n, false, packet.None
	}
	moved := w.record(i, old.VirtualSlot, to)
	reply := moved.ReplyKey()
	taken := w.table.Find(&reply, w.table.Hash(&reply))
	if taken != 0 && taken.Record() != n && !w.translate(&moved) || !w.reserveAt(at) {
		return n, false, packet.None
	}
	if old.Flags&flowtable.Translated != 0 { // nobody was shown that port
		w.live.translated--
	}
	w.remove(n)
	n, err := w.enterRecord(i, &moved)
	if err != nil { // there is a record, the one just freed; the index may find no place
		w.counts.Release(to.Real)
		return 0, false, packet.TableFull
	}
	w.table.Record(n).SYNs = syns
	return n, true, packet.None
}

// keepsOn tells whether a connection's real keeps its client, though it may take no others.
func (w *Worker) keepsOn(r *flowtable.Record, v *ruleset.Virtual) bool {
	at, ok := w.kept(r.Client, v)
	return ok && w.rules.Member(at).Real == r.RealSlot
}

// restore takes back that a connection was over: it counts again, on its client's entry only if that is still its real's.
func (w *Worker) restore(r *flowtable.Record) {
	w.counts.Restore(r.Binding, r.RealSlot)
	if r.Flags&flowtable.Sticky != 0 {
		s := w.rules.Virtual(r.VirtualSlot).Sticky
		if !w.sticky.Reopen(s.Group, stuck(r.Client, s), r.RealSlot, w.now) {
			r.Flags &^= flowtable.Sticky
		}
	}
}

// unstick ends what stick or restore counted. The record keeps its mark: the connection may be restored.
func (w *Worker) unstick(r *flowtable.Record) {
	if r.Flags&flowtable.Sticky != 0 {
		s := w.rules.Virtual(r.VirtualSlot).Sticky
		w.sticky.Close(s.Group, stuck(r.Client, s), r.RealSlot, w.now+s.Timer)
	}
}
