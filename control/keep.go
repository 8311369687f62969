package control

import (
	"go.uber.org/zap"

	"linedirector/lcore/ruleset"
)

// keeping is how a Director writes its ledger: with memory that it uses again, since it writes all of it each time.
type keeping struct {
	ledger Ledger // nil: nothing is kept
	book   book
	bytes  []byte
	due    bool // something changed of which workers are not told
}

// send has workers use the next rules, once what a successor must know of them is kept.
func (d *Director) send(rules *ruleset.Snapshot) {
	d.save()
	d.workers.Publish(rules)
}

// save keeps what a successor must know.
func (d *Director) save() {
	k := &d.kept
	k.due = false
	if k.ledger == nil {
		return
	}
	d.write(&k.book)
	b, err := k.book.write(k.bytes)
	if err != nil {
		d.log.Error("what is kept for a successor of control is old", zap.Error(err))
		return
	}
	k.bytes = b
	k.ledger.Store(b)
}

// write fills in the book.
func (d *Director) write(k *book) {
	k.Generation, k.RouteGeneration, k.Hop, k.Event = d.generation, d.routeGen, d.hops.slots.highest, d.journal.Last()
	k.InForce, k.Before = bookedConf(&d.inForce), bookConf{}
	if d.before != nil {
		k.Before = bookedConf(d.before)
	}
	k.Reals = k.Reals[:0]
	for _, r := range d.objects.liveReals {
		k.Reals = append(k.Reals, r.booked())
	}
	for _, r := range d.objects.reals {
		if r.draining {
			k.Reals = append(k.Reals, r.booked())
		}
	}
	k.Virtuals = k.Virtuals[:0]
	k.Bindings.clear()
	for _, v := range d.objects.liveVirtuals {
		k.add(v)
	}
	for _, v := range d.objects.virtuals {
		if v.draining {
			k.add(v)
		}
	}
	k.Purges = k.Purges[:0]
	for _, p := range d.purges {
		k.Purges = append(k.Purges, bookPurge{p.real, p.after})
	}
}

func bookedConf(a *applied) bookConf {
	return bookConf{a.conf.Name, a.conf.Text, a.at.UnixNano(), a.generation}
}

func (f *flush) booked() bookFlush { return bookFlush{f.on, f.after} }

func (t tally) booked() bookTally { return bookTally{t.silent, t.refused, t.moved} }

func (k knobs) booked() bookKnobs { return bookKnobs{k.weight, k.maxConns, k.load} }

func (r *real) booked() bookReal {
	b := bookReal{
		Slot: r.slot, Added: r.added, File: r.file.booked(), Holds: r.knobs.booked(), Flush: r.flush.booked(),
		Base: r.base.booked(), Run: r.run.booked(), Admin: r.admin, Machine: r.machine.Keep(), Ramped: r.ramped, Entered: r.entered,
	}
	if r.draining {
		b.Drains, b.Gone = true, drainingReal{r.conf.Name, r.conf.Backup, r.conf.Address, r.conf.Port, r.conf.Threshold}
	}
	return b
}

// add writes down a virtual and its bindings.
func (k *book) add(v *virtual) {
	b := bookVirtual{Slot: v.slot, Flush: v.flush.booked(), NoReal: v.noReal}
	if v.group != nil {
		b.Group = v.group.slot
	}
	if v.draining {
		b.Drains, b.Gone = true, v.conf
		b.Gone.Reals, b.Gone.Weights = nil, nil // it sends nobody there any more
	}
	k.Virtuals = append(k.Virtuals, b)
	all := &k.Bindings
	all.Each = append(all.Each, uint32(len(v.bindings)))
	for _, b := range v.bindings {
		state, since := byte(0), uint32(0)
		if b.named {
			state |= bindingNamed
		}
		if b.draining {
			state |= bindingDrains
			since = b.since
		}
		all.Slot, all.Real, all.State = append(all.Slot, b.slot), append(all.Real, b.real.slot), append(all.State, state)
		all.Since, all.Base = append(all.Since, since), append(all.Base, b.base)
	}
}

func (b *bookBindings) clear() {
	*b = bookBindings{b.Each[:0], b.Slot[:0], b.Real[:0], b.State[:0], b.Since[:0], b.Base[:0]}
}
