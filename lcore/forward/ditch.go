package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// How a real's failure is seen in the traffic itself (US 6,104,717; SPEC.md section 4).
//
//	client's SYN again ──► unanswered often or long enough? ──► ditched by silence ──► move to another real
//	RST or ICMP unreachable for the SYN ──► ditched by refusal, withheld ──► the client's next SYN moves
//	SYN-ACK ──► the run of ditched connections is over

// retried settles a client's SYN of a connection that is not open yet.
func (w *Worker) retried(i int, r *flowtable.Record) step {
	if r.SYNs == 0 { // the one that opened the flow
		r.SYNs = 1
		return goesOn
	}
	if packet.Seq(w.frame(i).Bytes(), &w.meta[i]) != r.ISN() {
		return reopened // the client gave that attempt up
	}
	v := w.rules.Virtual(r.VirtualSlot)
	switch {
	case r.Flags&flowtable.SYNACK != 0 || r.Phase == flowtable.HalfOpen && !w.overdue(r, v):
	case !v.Draining:
		return moves
	case w.replaced(r):
		if r.Phase == flowtable.HalfOpen {
			w.ditch(r, false)
		}
		return reopened
	}
	r.CountSYN()
	return goesOn
}

// replaced tells whether another virtual takes what would be new at a draining one's endpoint: that one's reals are
// no others for a connection to move to, but its client may begin anew.
func (w *Worker) replaced(r *flowtable.Record) bool {
	slot := w.rules.FindVirtual(r.Client, r.Virtual, r.VirtualPort, r.Protocol)
	return slot != 0 && !w.rules.Virtual(slot).Draining
}

// overdue tells whether the next SYN of an unanswered attempt goes to another real. Copies of a SYN that come all at once
// leave the real a quarter of a second to answer: no client waits less, and a flood of them fails nobody.
func (w *Worker) overdue(r *flowtable.Record, v *ruleset.Virtual) bool {
	real := w.rules.Real(r.RealSlot)
	syns, after := v.Retry.SYNs, v.Retry.After
	if real.Retry.SYNs != 0 {
		syns = real.Retry.SYNs
	}
	if real.Retry.After != 0 {
		after = real.Retry.After
	}
	waited := w.beat - r.FirstSYN()
	return syns != 0 && r.SYNs >= syns && waited >= w.second<<w.tickShift/4 || after != 0 && waited >= after || real.Unavailable
}

// ditch counts a connection that its real did not take. It counts on the real no more, until it is moved or answered
// after all. Silence while the director itself lost frames may be its own fault: it fails no real, and decides no trial.
func (w *Worker) ditch(r *flowtable.Record, refused bool) {
	w.counts.Ditch(r.RealSlot, refused)
	result := ruleset.TrialSilent
	switch {
	case refused:
		result = ruleset.TrialRefused
	case w.counts.Shared.LostSince(w.beats - uint64(w.beat-r.FirstSYN())):
		result = ruleset.TrialVanished
	}
	if result != ruleset.TrialVanished {
		w.counts.Shared.Ditch(r.RealSlot, w.rules.Real(r.RealSlot).Threshold)
	}
	w.tried(r, result)
	w.uncount(r)
	r.Phase = flowtable.Ditched
}

// move gives an opening connection to another real, by the client's own SYN, and returns its record's number, which
// changes. Where no other real takes it, the SYN goes to the same one again, if that one takes new connections; else
// the client gets what the virtual says (0, and why the frame is dropped).
func (w *Worker) move(i int, n uint32) (uint32, packet.DropCause) {
	r := w.table.Record(n)
	slot := r.VirtualSlot
	v := w.rules.Virtual(slot)
	if r.Phase == flowtable.HalfOpen {
		w.ditch(r, false)
	}
	from := r.RealSlot
	if at, ok := w.assign(&w.meta[i], slot, v, from); ok {
		to, cause := w.moveTo(i, n, w.rules.Member(at))
		if cause == packet.None {
			return w.stick(i, to, v, from)
		}
		w.counts.Release(w.rules.Member(at).Real)
		if cause != packet.TupleTaken {
			return 0, cause
		}
	}
	if w.takesNew(v, from) || w.keepsOn(r, v) {
		r.CountSYN()
		return n, packet.None
	}
	w.counts.NoReal(slot)
	if v.Refuse {
		w.remove(n)
	}
	return 0, packet.NoReal
}

// moveTo is move, to a member on whose real the connection is reserved. Where the reply tuple there is another flow's, the
// client's port is translated, whether or not it was; where it cannot be, nothing is changed.
func (w *Worker) moveTo(i int, n uint32, to *ruleset.Member) (uint32, packet.DropCause) {
	old := w.table.Record(n)
	moved := w.record(i, old.VirtualSlot, to)
	reply := moved.ReplyKey()
	if taken := w.table.Find(&reply, w.table.Hash(&reply)); taken != 0 && taken.Record() != n && !w.translate(&moved) {
		return 0, packet.TupleTaken
	}
	moved.SYNs = 1
	from := old.RealSlot
	w.delist(old)
	w.counts.Remove(old.Binding)
	w.table.Remove(n)
	n, err := w.table.Insert(&moved)
	if err != nil { // there is a record, the one just freed; the index may find no place
		w.live.closed++
		return 0, packet.TableFull
	}
	w.enlist(n, w.table.Record(n))
	w.counts.Insert(moved.Binding)
	w.counts.Begin(moved.Binding)
	w.counts.Move(from)
	w.countTranslated(&moved)
	return n, packet.None
}

// refusedBy settles a RST, or what stands for one, that answers a connection's SYN, and tells whether it is withheld: so
// that the client tries again, and another real takes it.
func (w *Worker) refusedBy(r *flowtable.Record) (withheld bool) {
	if r.Phase == flowtable.HalfOpen {
		w.ditch(r, true)
	}
	v := w.rules.Virtual(r.VirtualSlot)
	return !v.PassReset && w.others(v, r.RealSlot)
}

// answered notes a real's SYN-ACK, the first one of an attempt.
func (w *Worker) answered(r *flowtable.Record) {
	if r.Phase == flowtable.Ditched { // it answered after all, before another real was found
		r.Phase = flowtable.HalfOpen
		w.restore(r)
	}
	r.Flags |= flowtable.SYNACK
	w.counts.Shared.Answered(r.RealSlot)
	if r.SYNs == 1 { // else nobody knows which SYN it answers (Karn's rule)
		w.counts.Measure(r.RealSlot, w.beat-r.FirstSYN(), w.now)
	}
	w.tried(r, ruleset.TrialAnswered)
}

// tried tells control how a connection ended that is its real's trial, if it is.
func (w *Worker) tried(r *flowtable.Record, result ruleset.Signal) {
	if r.Flags&flowtable.Trial != 0 {
		r.Flags &^= flowtable.Trial
		w.counts.Shared.Raise(r.RealSlot, result)
	}
}

// unreachable settles an ICMP error by which a real, its host or a router before it says that a client's SYN was not
// delivered: it counts as a RST. Only an error that quotes the SYN's own sequence number does (RFC 5927 §4). It returns
// false for what is no such error.
func (w *Worker) unreachable(f *Frame, m *packet.Meta) bool {
	var about packet.Meta
	seq, ok := packet.Unreachable(f.Bytes(), m, &about)
	if !ok || about.Src != m.Dst || w.rules.FindReal(about.Dst, about.DstPort, about.Protocol) == 0 {
		return false
	}
	if owner := w.steering.Owner(about.Src, about.SrcPort); owner != w.self {
		w.hand(f, owner)
		return true
	}
	k := flowtable.Key{Src: about.Dst, Dst: about.Src, SrcPort: about.DstPort, DstPort: about.SrcPort, Protocol: about.Protocol}
	ref := w.table.Find(&k, w.table.Hash(&k))
	if ref == 0 || ref.Direction() != flowtable.Reply {
		return false
	}
	r := w.table.Record(ref.Record())
	if !r.Phase.Opening() || r.Flags&flowtable.SYNACK != 0 || seq != r.ISN() {
		return false
	}
	if !w.refusedBy(r) {
		w.resetClient(r)
		w.reset(r, flowtable.Reply)
	}
	w.drop(packet.Withheld)
	return true
}
