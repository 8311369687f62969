package control

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"linedirector/conf"
	"linedirector/control/events"
	"linedirector/control/synretry"
	"linedirector/lcore/ruleset"
)

// A Director that finds its predecessor's ledger goes on where that one died. Workers went on all the time: every slot that
// they may hold stays what it was.

// predecessor is what a ledger says of a Director that died, nil if there was none.
func predecessor(l Ledger) (*book, error) {
	if l == nil {
		return nil, nil
	}
	b := l.Load()
	if b == nil {
		return nil, nil
	}
	return readBook(b)
}

// takeOver makes the objects again, in the states and under the numbers that they had.
func (d *Director) takeOver(b *book) error {
	c, err := conf.Parse(b.InForce.Name, b.InForce.Text)
	if err != nil {
		return fmt.Errorf("the configuration in force cannot be read again: %w", err)
	}
	if err := d.samePlaces(c); err != nil {
		return err
	}
	if err := d.objects.revive(b, c, d.workers.Counts(), time.Now()); err != nil {
		return fmt.Errorf("%w: %w%s", errLedger, err, mendLedger)
	}
	d.conf = c
	d.generation, d.routeGen = b.Generation+1, nextRoutes(b.RouteGeneration)
	d.journal = events.Continue(events.Kept, b.Event)
	d.inForce = applied{c, time.Unix(0, b.InForce.At), b.InForce.Generation}
	d.before = d.reread(&b.Before)
	if err := d.apply(c); err != nil {
		// It was applied before, and packets go on: control without it is better than none.
		d.log.Error("the kernel refuses the configuration in force", zap.Error(err))
	}
	d.settle(time.Now(), false)
	d.resume(b)
	return nil
}

// samePlaces refuses a configuration of other ports than those that are open.
func (d *Director) samePlaces(c *conf.Config) error {
	for i := range max(len(c.Ports), len(d.ports)) {
		if i >= len(c.Ports) || i >= len(d.ports) || c.Ports[i].Name != d.ports[i].Name {
			return fmt.Errorf("%w: port %d of %s is not the one that is open%s", errLedger, i, c.Name, mendLedger)
		}
	}
	return nil
}

// reread is the configuration before the one in force; nil if there was none, or it is good no more, as when a file that it
// names is gone.
func (d *Director) reread(b *bookConf) *applied {
	if len(b.Text) == 0 {
		return nil
	}
	c, err := conf.Parse(b.Name, b.Text)
	if err != nil {
		d.log.Warn("there is no way back to the configuration before, which cannot be read again", zap.Error(err))
		return nil
	}
	return &applied{c, time.Unix(0, b.At), b.Generation}
}

// resume goes on with what was under way.
func (d *Director) resume(b *book) {
	for _, r := range d.objects.liveReals {
		switch r.machine.State() {
		case synretry.Testing:
			d.shared.OpenTrial(r.slot) // nobody may have heard how the one that was under way ended
		case synretry.Failed:
			d.time(r)
		}
		if r.machine.Ramping() {
			d.time(r)
		}
	}
	for _, r := range d.objects.reals {
		if r.flush.on {
			d.flushing = append(d.flushing, &r.flush)
		}
	}
	for _, v := range d.objects.virtuals {
		if v.flush.on {
			d.flushing = append(d.flushing, &v.flush)
		}
	}
	for _, p := range b.Purges {
		d.purges = append(d.purges, purge{p.Real, p.After})
	}
}

// announce says that control is there again.
func (d *Director) announce() {
	o := d.objects
	d.log.Warn("control took over after its predecessor died",
		zap.Int("virtuals", len(o.liveVirtuals)), zap.Int("reals", len(o.liveReals)),
		zap.Int("draining", len(o.virtuals)-len(o.liveVirtuals)+len(o.reals)-len(o.liveReals)), zap.Uint32("generation", d.generation))
	d.journal.Add(events.Event{
		Time: time.Now(), Kind: events.TakeOver,
		Cause: fmt.Sprintf("control took over after its predecessor died: %d virtuals, %d reals", len(o.liveVirtuals), len(o.liveReals)),
	})
}

// revive makes the objects of a book, under a configuration that was in force when it was written.
func (o *objects) revive(b *book, c *conf.Config, counts []*ruleset.Counts, now time.Time) error {
	reals, err := o.reviveReals(b.Reals, c, counts[0], now)
	if err != nil {
		return err
	}
	virtuals, err := o.reviveVirtuals(b.Virtuals, c, counts[0])
	if err != nil {
		return err
	}
	if err := o.reviveBindings(&b.Bindings, virtuals, reals, counts[0]); err != nil {
		return err
	}
	for _, p := range b.Purges {
		if int(p.Real) >= len(counts[0].Reals) {
			return fmt.Errorf("a purge of real %d, which there cannot be", p.Real)
		}
	}
	were := o.size()
	if err := o.adopt(c, counts, b.Generation); err != nil {
		return err
	}
	if is := o.size(); is != were {
		return fmt.Errorf("%d objects are known, its configuration has %d", were, is)
	}
	return nil
}

// size is how many objects there are. It tells whether adopt found all that it needs.
func (o *objects) size() int {
	return len(o.virtuals) + len(o.reals) + len(o.bindings) + len(o.groups)
}

// reviveReals returns them by slot.
func (o *objects) reviveReals(all []bookReal, c *conf.Config, counts *ruleset.Counts, now time.Time) (map[uint16]*real, error) {
	bySlot := make(map[uint16]*real, len(all))
	taken := make([]bool, len(counts.Reals))
	for i := range all {
		b := &all[i]
		r := &real{slot: b.Slot, added: b.Added, base: b.Base.tally(), file: b.File.knobs(), knobs: b.Holds.knobs(), flush: b.Flush.flush()}
		switch {
		case b.Drains:
			g := &b.Gone
			r.draining = true
			r.conf = conf.Real{Name: g.Name, Address: g.Address, Port: g.Port, Backup: g.Backup, Threshold: g.Threshold}
		case i < len(c.Reals):
			r.conf = c.Reals[i]
		default:
			return nil, fmt.Errorf("real %d of %d is not in its configuration", i+1, len(c.Reals))
		}
		machine, err := synretry.Revive(synretry.Settings{}, b.Machine, now) // settle knows its settings
		if err != nil {
			return nil, fmt.Errorf("real %s: %w", r.conf.Name, err)
		}
		r.condition = condition{machine: machine, admin: b.Admin, ramped: b.Ramped, run: b.Run.tally(), entered: b.Entered, told: machine.State()}
		if err := o.realSlots.retake(uint32(b.Slot), taken); err != nil {
			return nil, err
		}
		key := realKey(r.conf)
		if o.reals[key] != nil {
			return nil, fmt.Errorf("real %s stands there twice", r.conf.Name)
		}
		o.reals[key], bySlot[r.slot] = r, r
	}
	o.realSlots.spare(taken)
	return bySlot, nil
}

// reviveVirtuals returns them in their order.
func (o *objects) reviveVirtuals(all []bookVirtual, c *conf.Config, counts *ruleset.Counts) ([]*virtual, error) {
	virtuals := make([]*virtual, len(all))
	taken, groups := make([]bool, len(counts.Virtuals)), make([]bool, ruleset.MaxVirtuals+1)
	for i := range all {
		b := &all[i]
		v := &virtual{slot: b.Slot, noReal: b.NoReal, flush: b.Flush.flush()}
		switch {
		case b.Drains:
			v.draining, v.conf = true, b.Gone
		case i < len(c.Virtuals):
			v.conf = c.Virtuals[i]
		default:
			return nil, fmt.Errorf("virtual %d of %d is not in its configuration", i+1, len(c.Virtuals))
		}
		if err := o.virtualSlots.retake(uint32(b.Slot), taken); err != nil {
			return nil, err
		}
		key := virtualKey(v.conf)
		if o.virtuals[key] != nil {
			return nil, fmt.Errorf("virtual %s stands there twice", v.conf.Name)
		}
		if err := o.rejoin(v, b.Group, groups); err != nil {
			return nil, err
		}
		o.virtuals[key], virtuals[i] = v, v
	}
	o.virtualSlots.spare(taken)
	o.groupSlots.spare(groups)
	return virtuals, nil
}

// rejoin is join, for a group of a known number.
func (o *objects) rejoin(v *virtual, slot uint16, taken []bool) error {
	id := stickyKey(&v.conf)
	if id == (stickyID{}) {
		return nil
	}
	g := o.groups[id]
	if g == nil {
		if err := o.groupSlots.retake(uint32(slot), taken); err != nil {
			return err
		}
		g = &group{slot: slot, id: id}
		o.groups[id] = g
	}
	if g.slot != slot {
		return fmt.Errorf("virtual %s is of group %d, others of the same group are of %d", v.conf.Name, slot, g.slot)
	}
	g.members++
	v.group = g
	return nil
}

func (o *objects) reviveBindings(all *bookBindings, virtuals []*virtual, reals map[uint16]*real, counts *ruleset.Counts) error {
	n := len(all.Slot)
	if len(all.Each) != len(virtuals) || len(all.Real) != n || len(all.State) != n || len(all.Since) != n || len(all.Base) != n {
		return fmt.Errorf("what it says of %d bindings is not whole", n)
	}
	taken := make([]bool, len(counts.Bindings))
	at := 0
	for i, v := range virtuals {
		if int(all.Each[i]) > n-at {
			return fmt.Errorf("virtual %s has more bindings than there are", v.conf.Name)
		}
		v.bindings = make([]*binding, 0, all.Each[i])
		for end := at + int(all.Each[i]); at < end; at++ {
			r := reals[all.Real[at]]
			if r == nil {
				return fmt.Errorf("virtual %s is bound to real %d, which there is not", v.conf.Name, all.Real[at])
			}
			if err := o.bindingSlots.retake(all.Slot[at], taken); err != nil {
				return err
			}
			b := &binding{
				slot: all.Slot[at], virtual: v, real: r, since: all.Since[at], base: all.Base[at],
				named: all.State[at]&bindingNamed != 0, draining: all.State[at]&bindingDrains != 0,
			}
			key := pair{v.slot, r.slot}
			if o.bindings[key] != nil {
				return fmt.Errorf("virtual %s is bound to real %s twice", v.conf.Name, r.conf.Name)
			}
			o.bindings[key] = b
			v.bindings = append(v.bindings, b)
			r.bindings++
		}
	}
	if at != n {
		return fmt.Errorf("%d bindings are no virtual's", n-at)
	}
	o.bindingSlots.spare(taken)
	return nil
}

// retake takes a slot that was given before, of those that workers have memory for.
func (s *slots) retake(slot uint32, taken []bool) error {
	if slot == 0 || slot > s.limit || int(slot) >= len(taken) {
		return fmt.Errorf("slot %d for %s, of which there are %d", slot, s.what, min(int(s.limit), len(taken)-1))
	}
	if taken[slot] {
		return fmt.Errorf("slot %d for %s is taken twice", slot, s.what)
	}
	taken[slot] = true
	s.highest = max(s.highest, slot)
	return nil
}

// spare sets the slots free that nobody took again.
func (s *slots) spare(taken []bool) {
	for slot := s.highest; slot > 0; slot-- {
		if !taken[slot] {
			s.release(slot)
		}
	}
}

func (b bookFlush) flush() flush { return flush{on: b.On, after: b.After} }

func (b bookTally) tally() tally { return tally{b[0], b[1], b[2]} }

func (b bookKnobs) knobs() knobs { return knobs{b[0], b[1], b[2]} }
