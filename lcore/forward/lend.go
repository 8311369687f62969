package forward

import "linedirector/flowtable"

// Where nothing steers, frames of a flow come to workers that do not own it. To hand each of them over costs more than to
// forward it. So a steady flow's owner lends its record (docs/design/0014-lending-flows.md):
//
//	worker: no flow ──► hands the frame over, with a ticket (ticket.go)
//	owner:  has had lendAfter of a flow that is steady ──► lends it: a copy of the record, for that ticket
//	worker: no later frame of the flow is on its way to the owner ──► hosts the copy, a guest (guest.go)
//	        data ──► forwarded, as a flow of its own; SYN, FIN, RST ──► handed over, as before
//	        the sweep ──► what the guest carried, or, where that was nothing for a while, forgotten
//	owner:  the flow ends ──► recalled, before its record may go
//
// They write notes to one another (notes.go). What is lent is read after the frames of that burst were sent, or later ones
// might overtake them; what is recalled before, or an answer to them might come first.

// lendAfter is how many frames of a steady flow a worker's peers hand over before it is lent. To lend it and recall it costs
// about as much as to hand over one or two; a client sends three to a server that it has but one short question for.
const lendAfter = 4

// loan is a flow that is to be lent when the burst's frames were sent.
type loan struct {
	record uint32
	handed uint32 // the handed-over frame's Hash
}

// chooseLoans notes the flows of this burst's frames that are to be lent: of which many were handed over.
func (w *Worker) chooseLoans() {
	for i := range w.flows {
		i &= MaxBurst - 1
		f, m, ref := w.frame(i), &w.meta[i], w.ref[i]
		if f.Flags&FlagHanded == 0 || w.steady[i] == flowtable.Free {
			continue
		}
		if r := w.table.Record(ref.Record()); r.Steady() && r.Matches(keyOf(m), ref.Direction()) && r.Handed(w.lendAfter) {
			w.loans[w.due&(MaxBurst-1)] = loan{ref.Record(), f.Hash}
			w.due++
		}
	}
}

// lend lends the flows that the last burst chose, unless the sweep has ended them since.
func (w *Worker) lend() {
	for _, l := range w.loans[:w.due] {
		if r := w.table.Record(l.record); r.Steady() {
			w.lendTo(l, r)
		}
	}
	w.due = 0
}

// lendTo lends a flow to the worker that handed a frame of it over. It is lent with each further frame until that worker
// has it: whether it takes it is not known here.
func (w *Worker) lendTo(l loan, r *flowtable.Record) {
	worker, ticket := handedBy(l.handed)
	p := w.peer(worker)
	if p == nil || !r.Lend(worker) {
		return
	}
	if note := p.write(lent); note != nil {
		note.ticket, note.record = ticket, *r
		note.record.Invite(l.record)
	}
}

// recall has others dismiss their guests of a flow that ends. It returns false if some could not be told yet.
func (w *Worker) recall(r *flowtable.Record) bool {
	for {
		worker, ok := r.Borrower()
		if !ok {
			return true
		}
		note := w.peer(worker).write(recalled)
		if note == nil {
			return false
		}
		note.record = *r
		r.Return()
	}
}

// merge adds what a guest carried to its flow, if that has not gone meanwhile.
func (w *Worker) merge(g *flowtable.Record) {
	r := w.table.Record(g.Binding)
	if r.Phase != flowtable.Free && !r.Phase.Opening() && r.ForwardKey() == g.ForwardKey() && r.ReplyKey() == g.ReplyKey() {
		r.Merge(g, w.now)
	}
}

// unheard is for how many ticks the guests of a flow may have carried what its owner does not know yet.
func (w *Worker) unheard(r *flowtable.Record) uint32 {
	if !r.Lent() {
		return 0
	}
	return 2 * w.sweep.round
}
