package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// Question asks what a worker would do with a client's packet that may open a connection. Host byte order.
type Question struct {
	Client, Virtual         uint32
	ClientPort, VirtualPort uint16
	Protocol                uint8
}

// Answer is what it would do at this moment.
type Answer struct {
	Found       bool             // there is a flow: the packet follows it, whatever a new one would get
	Record      flowtable.Record // of that flow
	VirtualSlot uint16           // whose the packet is; 0: of none that takes new connections
	Sticky      uint16           // slot of the real of the client's sticky entry; 0: it has none
	Real        uint16           // slot of the real that a new connection would get, if its reply tuple is free there; 0: of none
	Cause       packet.DropCause // why of none
}

// explain answers a question.
func (w *Worker) explain() {
	w.listing.answer = w.wouldDo(&w.listing.question)
	w.listing.state.Store(answered)
}

// wouldDo is the answer. Asking changes nothing: no count, and no later choice.
func (w *Worker) wouldDo(q *Question) (a Answer) {
	m := packet.Meta{Src: q.Client, Dst: q.Virtual, SrcPort: q.ClientPort, DstPort: q.VirtualPort, Protocol: q.Protocol}
	hash := w.table.Hash(keyOf(&m))
	if ref := w.table.Find(keyOf(&m), hash); ref != 0 {
		a.Found, a.Record = true, *w.table.Record(ref.Record())
	}
	slot := w.rules.FindVirtual(m.Src, m.Dst, m.DstPort, m.Protocol)
	v := w.rules.Virtual(slot)
	if slot == 0 || v.Draining {
		return a
	}
	a.VirtualSlot = slot
	if w.sticks(v) {
		a.Sticky, _ = w.sticky.Find(v.Sticky.Group, stuck(m.Src, v.Sticky), w.now)
	}
	if m.Protocol == packet.ProtocolTCP && w.crowded(slot, v) && !w.yields(slot, v) {
		a.Cause = packet.Synguard
		return a
	}
	at, ok := w.wouldChoose(&m, slot, v)
	switch table := w.table.Stats(); {
	case !ok:
		a.Cause = packet.NoReal
	case table.Used == table.Capacity && w.table.GivesWay(hash, w.sweep.next, w.now) == 0:
		a.Cause = packet.TableFull
	default:
		a.Real = w.rules.Member(at).Real
	}
	return a
}

// wouldChoose is the place of the member that a new connection would get. It counts there for a moment only, and the
// predictors' memory is what it was.
func (w *Worker) wouldChoose(m *packet.Meta, slot uint16, v *ruleset.Virtual) (uint32, bool) {
	kept, ok := w.kept(m.Src, v)
	if ok && w.reserveAt(kept) {
		w.counts.Release(w.rules.Member(kept).Real)
		return kept, true
	}
	if at, ok := w.trial(m, v, ok); ok {
		real := w.rules.Member(at).Real
		w.counts.Release(real)
		w.counts.Shared.ReturnTrial(real)
		return at, true
	}
	turn, spread, chance := w.turn[slot], w.spread, w.chance
	at, ok := w.schedule(m, slot, v, 0)
	w.turn[slot], w.spread, w.chance = turn, spread, chance
	if ok {
		w.counts.Release(w.rules.Member(at).Real)
	}
	return at, ok
}
