package control

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"linedirector/conf"
	"linedirector/lcore/ruleset"
)

// What virtuals and reals are known by across reloads: a name may change, an identity makes it another. Which sticky
// entries a virtual's connections count on is part of what it is: those that are open then go on counting on the same.
type (
	realID    netip.AddrPort
	virtualID struct {
		address  netip.Addr
		port     uint16
		protocol conf.Protocol
		class    string
		sticky   stickyID
	}
)

// pair is a binding: slots of a virtual and of a real.
type pair struct{ virtual, real uint16 }

// virtual, real and binding are objects with a slot. One that the configuration no longer has drains until its last
// record is gone.
type virtual struct {
	slot     uint16
	conf     conf.Virtual
	draining bool
	bindings []*binding
	tiers    []tier // who takes its connections; none while it drains
	group    *group // nil: it is not sticky
	flush    flush
	noReal   uint64 // what its slot's count of connections without a real is more than its own
}

// tier is the reals that one virtual names, as another one that has it for a backup, or it itself, may use them.
type tier struct {
	of     *virtual
	places []place
}

// place is for a real that a virtual names, or who stands in for it.
type place struct {
	*binding
	own     int        // weight that the virtual gives it; ownWeight: the real's
	backups []*binding // the nearest first
}

type real struct {
	slot     uint16
	conf     conf.Real
	draining bool
	bindings int
	fresh    bool   // not in the configuration before
	added    uint32 // tick at which its slot became its own
	tcp      bool   // some virtual's TCP may come to it: else nothing can fail or try it
	file     knobs  // what the configuration says
	knobs           // what holds
	were     knobs  // what held before the configuration was read last
	flush    flush
	base     tally
	condition
}

// tally is what workers saw a real do, over all of them.
type tally struct{ silent, refused, moved uint64 }

func (t tally) minus(o tally) tally {
	return tally{t.silent - o.silent, t.refused - o.refused, t.moved - o.moved}
}

type binding struct {
	slot     uint32
	virtual  *virtual
	real     *real
	named    bool // the virtual itself names the real
	draining bool
	since    uint32 // generation of the first rules without it
	base     uint64 // what its slot's count of opened connections is more than its own
	gone     bool
	seat     int // while a tier is made: its place there, counted from 1
}

// names are what metrics know a binding by.
type names struct{ virtual, real string }

// counted is what a binding counts over all workers: connections opened since it was made, and those of them that are open.
func (b *binding) counted(counts []*ruleset.Counts) (opened, open uint64) {
	n := sum(counts, b.slot)
	return n.Opened - b.base, n.Opened - n.Closed
}

func (b *binding) names() names { return names{b.virtual.conf.Name, b.real.conf.Name} }

// objects are all virtuals, reals and bindings, live and draining.
type objects struct {
	virtuals     map[virtualID]*virtual
	reals        map[realID]*real
	bindings     map[pair]*binding
	groups       map[stickyID]*group
	virtualSlots slots
	realSlots    slots
	bindingSlots slots
	groupSlots   slots

	// In the order of the configuration.
	liveVirtuals []*virtual
	liveReals    []*real
}

func newObjects() *objects {
	return &objects{
		virtuals: map[virtualID]*virtual{}, reals: map[realID]*real{}, bindings: map[pair]*binding{}, groups: map[stickyID]*group{},
		virtualSlots: slots{what: "virtuals", limit: ruleset.MaxVirtuals},
		realSlots:    slots{what: "reals", limit: ruleset.MaxReals},
		bindingSlots: slots{what: "bindings of reals to virtuals", limit: ruleset.MaxBindings},
		groupSlots:   slots{what: "groups of sticky virtuals", limit: ruleset.MaxVirtuals},
	}
}

// fits tells whether a configuration's new objects find slots beside those that are there, draining ones included.
// Only then may adopt be called: it would stop half way.
func (o *objects) fits(c *conf.Config) error {
	newReals, newVirtuals, newBindings, newGroups := 0, 0, 0, 0
	reals := make([]*real, len(c.Reals))
	for i, want := range c.Reals {
		if reals[i] = o.reals[realKey(want)]; reals[i] == nil {
			newReals++
		}
	}
	plan := newLayout(c)
	for i, want := range c.Virtuals {
		v := o.virtuals[virtualKey(want)]
		if v == nil {
			newVirtuals++
		}
		if id := stickyKey(&want); id != (stickyID{}) && o.groups[id] == nil {
			newGroups++ // counted for each of its virtuals: there are as many slots as for virtuals
		}
		plan.bound(i, func(real int) bool {
			if r := reals[real]; v == nil || r == nil || o.bindings[pair{v.slot, r.slot}] == nil {
				newBindings++
			}
			return newBindings <= ruleset.MaxBindings
		})
	}
	if err := cmp.Or(
		o.realSlots.room(newReals, len(o.reals)),
		o.virtualSlots.room(newVirtuals, len(o.virtuals)),
		o.bindingSlots.room(newBindings, len(o.bindings)),
		o.groupSlots.room(newGroups, len(o.groups)),
	); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	return nil
}

func realKey(r conf.Real) realID { return realID(netip.AddrPortFrom(r.Address, r.Port)) }

func virtualKey(v conf.Virtual) virtualID {
	return virtualID{v.Address, v.Port, v.Protocol, v.Class, stickyKey(&v)}
}

// adopt makes the objects those of c: new ones get slots, missing ones begin to drain, and those that came back stop
// draining. generation is that of the first rules without the missing ones.
func (o *objects) adopt(c *conf.Config, counts []*ruleset.Counts, generation uint32) error {
	for _, v := range o.virtuals {
		v.draining, v.tiers = true, nil
	}
	left := make(map[*real]bool, len(o.reals))
	for _, r := range o.reals {
		left[r] = r.draining
		r.draining, r.tcp = true, false
	}
	was := map[*binding]bool{}
	for _, b := range o.bindings {
		was[b] = b.draining
		b.draining = true
	}
	o.liveReals = make([]*real, len(c.Reals))
	for i, want := range c.Reals {
		r, err := o.real(want, counts)
		if err != nil {
			return err
		}
		drained, known := left[r]
		if r.fresh = drained || !known; r.fresh {
			r.file, r.knobs = knobsOf(&r.conf), knobsOf(&r.conf)
		}
		o.liveReals[i] = r
	}
	o.liveVirtuals = make([]*virtual, len(c.Virtuals))
	for i, want := range c.Virtuals {
		v, err := o.virtual(want, counts)
		if err != nil {
			return err
		}
		o.liveVirtuals[i] = v
	}
	plan := newLayout(c)
	for i := range c.Virtuals {
		if err := o.place(plan, i, counts); err != nil {
			return err
		}
	}
	for _, b := range o.bindings {
		if b.draining && !was[b] {
			b.since = generation
		}
	}
	return nil
}

func (o *objects) real(want conf.Real, counts []*ruleset.Counts) (*real, error) {
	key := realKey(want)
	r := o.reals[key]
	if r == nil {
		slot, err := o.realSlots.take()
		if err != nil {
			return nil, err
		}
		r = &real{slot: uint16(slot), base: tallied(counts, uint16(slot))}
		o.reals[key] = r
	}
	r.conf, r.draining = want, false
	r.configure()
	return r, nil
}

func (o *objects) virtual(want conf.Virtual, counts []*ruleset.Counts) (*virtual, error) {
	key := virtualKey(want)
	v := o.virtuals[key]
	if v == nil {
		slot, err := o.virtualSlots.take()
		if err != nil {
			return nil, err
		}
		group, err := o.join(want)
		if err != nil {
			o.virtualSlots.release(slot)
			return nil, err
		}
		v = &virtual{slot: uint16(slot), group: group, noReal: seen(counts, uint16(slot)).NoReal}
		o.virtuals[key] = v
	}
	v.conf, v.draining = want, false
	return v, nil
}

// place binds virtual i to all reals that its connections may go to, and notes in which order they may.
func (o *objects) place(plan *layout, i int, counts []*ruleset.Counts) (err error) {
	v := o.liveVirtuals[i]
	bound := func(real int) (b *binding) {
		if err == nil {
			b, err = o.bind(v, o.liveReals[real], counts)
		}
		return b
	}
	for _, of := range plan.tiers(i) {
		c := &plan.conf.Virtuals[of]
		t := tier{of: o.liveVirtuals[of], places: make([]place, 0, len(c.Reals))}
		for k, name := range c.Reals {
			first := plan.reals[name]
			at := place{binding: bound(first), own: ownWeight(c, k)}
			for _, real := range plan.chains[first] {
				at.backups = append(at.backups, bound(real))
			}
			if err != nil {
				return err
			}
			at.named = at.named || of == i
			t.places = append(t.places, at)
		}
		v.tiers = append(v.tiers, t)
	}
	return nil
}

func (o *objects) bind(v *virtual, r *real, counts []*ruleset.Counts) (*binding, error) {
	key := pair{v.slot, r.slot}
	b := o.bindings[key]
	if b == nil {
		slot, err := o.bindingSlots.take()
		if err != nil {
			return nil, err
		}
		b = &binding{slot: slot, virtual: v, real: r, base: sum(counts, slot).Opened}
		o.bindings[key] = b
		v.bindings = append(v.bindings, b)
		r.bindings++
	}
	if b.draining {
		b.draining, b.named = false, false
	}
	r.tcp = r.tcp || v.conf.Protocol != conf.UDP
	return b, nil
}

// reap lets go of what drained to its last record, once every worker uses rules without it, and returns how many
// objects that were. Virtuals and reals follow their last binding.
func (o *objects) reap(counts []*ruleset.Counts, table Sticky, acknowledged uint32) (gone int) {
	left, shrunk := newLegacy(), map[*virtual]bool{}
	for key, b := range o.bindings {
		if !b.draining || int32(acknowledged-b.since) < 0 {
			continue
		}
		n := sum(counts, b.slot)
		if n.Inserted != n.Removed {
			continue
		}
		left.opened[b.names()] += n.Opened - b.base
		delete(o.bindings, key)
		o.bindingSlots.release(b.slot)
		b.gone, shrunk[b.virtual] = true, true
		b.real.bindings--
		gone++
	}
	for v := range shrunk {
		v.bindings = slices.DeleteFunc(v.bindings, func(b *binding) bool { return b.gone })
	}
	for key, v := range o.virtuals {
		if v.draining && len(v.bindings) == 0 {
			left.noReal[v.conf.Name] += seen(counts, v.slot).NoReal - v.noReal
			delete(o.virtuals, key)
			o.virtualSlots.release(uint32(v.slot))
			o.leave(v.group, table)
			gone++
		}
	}
	for key, r := range o.reals {
		if r.draining && r.bindings == 0 {
			left.add(r, tallied(counts, r.slot).minus(r.base))
			delete(o.reals, key)
			table.Purge(r.slot)
			o.realSlots.release(uint32(r.slot))
			gone++
		}
	}
	if gone > 0 {
		o.inherit(left)
	}
	return gone
}
