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
// They write notes to one another (notes.go), which are read after the frames of that burst were sent: so frames stay in
// their order.

// lendAfter is how many frames of a steady flow a worker's peers hand over before it is lent. To lend it and recall it costs
// about as much as to hand over one or two; a client sends three to a server that it has but one short question for.
const lendAfter = 4

// lend lends flows to the workers that handed frames of this burst over, if they did so often.
func (w *Worker) lend() {
	for i := range w.flows {
		i &= MaxBurst - 1
		f, m, ref := w.frame(i), &w.meta[i], w.ref[i]
		if f.Flags&FlagHanded == 0 || w.steady[i] == flowtable.Free {
			continue
		}
		if r := w.table.Record(ref.Record()); r.Steady() && r.Matches(keyOf(m), ref.Direction()) && r.Handed(w.lendAfter) {
			w.lendTo(f, r, ref.Record())
		}
	}
}

// lendTo lends record n to the worker that handed a frame of its flow over. It is lent with each further frame until that
// worker has it: whether it takes it is not known here.
func (w *Worker) lendTo(f *Frame, r *flowtable.Record, n uint32) {
	worker, ticket := handedBy(f)
	p := w.peer(worker)
	if p == nil || !r.Lend(worker) {
		return
	}
	if note := p.write(lent); note != nil {
		note.ticket, note.record = ticket, *r
		note.record.Invite(n)
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
