package forward

import "linedirector/flowtable"

// guestSeconds is how long a guest may carry nothing before it is forgotten.
const guestSeconds = 10

// Guests live on what the worker's own flows leave: no more come when an eighth of the table is free, and those that there
// are go when a sixteenth is. lossShare is how much of a second the order of frames does not matter after some were lost.
const (
	keptFree   = 8
	neededFree = 16
	lossShare  = 64
)

// host takes a guest in, unless a frame of its flow may still be on its way to the owner, which the next one would overtake.
func (w *Worker) host(g *flowtable.Record, ticket uint32) {
	if !w.free(keptFree) || !w.inOrder(g, ticket) {
		return
	}
	g.Last = w.now
	if _, err := w.table.Insert(g); err == nil { // else it is here already
		w.guests++
	}
}

// inOrder tells whether none of a flow's frames overtakes another if it is not handed over any more, the frame with that
// ticket having been sent. Where frames get lost all the same nobody asks: a flow that always has some on their way would stay
// as it is, and it may be what the rings are full of.
func (w *Worker) inOrder(g *flowtable.Record, ticket uint32) bool {
	forward, reply := g.ForwardKey(), g.ReplyKey()
	return w.tickets.latest(w.table.Hash(&forward), ticket) && w.tickets.latest(w.table.Hash(&reply), ticket) ||
		w.counts.Shared.LostSince(w.beats-uint64(w.second)<<w.tickShift/lossShare)
}

// free tells whether that share of the table is.
func (w *Worker) free(share uint32) bool {
	s := w.table.Stats()
	return s.Capacity-s.Used > s.Capacity/share
}

// dismiss forgets the guest of a flow that was recalled, if it is here.
func (w *Worker) dismiss(flow *flowtable.Record) {
	key := flow.ForwardKey()
	if ref := w.table.Find(&key, w.table.Hash(&key)); ref != 0 && w.table.Record(ref.Record()).Guest() {
		w.forget(ref.Record())
	}
}

// forget removes guest n. Its owner may go on to take it for one: that costs a note in the end.
func (w *Worker) forget(n uint32) {
	w.report(w.table.Record(n))
	w.table.Remove(n)
	w.guests--
}

// report tells the owner of a guest's flow what the guest carried since it was told last. Where there is no room for that
// now, the next visit tells it.
func (w *Worker) report(g *flowtable.Record) {
	if g.Idles() {
		return
	}
	if note := w.peer(w.ownerOf(g)).write(carried); note != nil {
		note.record = *g
		g.Settle()
	}
}

// ownerOf is the worker that owns a guest's flow.
func (w *Worker) ownerOf(g *flowtable.Record) uint16 { return w.steering.Owner(g.Client, g.ClientPort) }

// visitGuest is the sweep's visit to guest n: its flow's timers are the owner's business.
func (w *Worker) visitGuest(n uint32, g *flowtable.Record) {
	if !w.free(neededFree) || g.Idles() && w.now-g.Last >= guestSeconds*w.second {
		w.forget(n)
		return
	}
	w.report(g)
	w.watchFor(g)
}
