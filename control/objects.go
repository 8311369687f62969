package control

import (
	"cmp"
	"fmt"
	"net/netip"

	"linedirector/conf"
	"linedirector/lcore/ruleset"
)

// endpoint is what a virtual or real is known by across reloads: its name may change, its endpoint makes it another.
type endpoint struct {
	address  netip.Addr
	port     uint16
	protocol conf.Protocol // of a virtual
}

// pair is a binding: slots of a virtual and of a real.
type pair struct{ virtual, real uint16 }

// virtual, real and binding are objects with a slot. One that the configuration no longer has drains until its last
// record is gone.
type virtual struct {
	slot     uint16
	conf     conf.Virtual
	draining bool
	bindings int
}

type real struct {
	slot     uint16
	conf     conf.Real
	draining bool
	bindings int
}

type binding struct {
	slot     uint32
	virtual  *virtual
	real     *real
	draining bool
	since    uint32 // generation of the first rules without it
	base     uint64 // what its slot's count of opened connections is more than its own
}

// names are what metrics know a binding by.
type names struct{ virtual, real string }

func (b *binding) names() names { return names{b.virtual.conf.Name, b.real.conf.Name} }

// objects are all virtuals, reals and bindings, live and draining.
type objects struct {
	virtuals     map[endpoint]*virtual
	reals        map[endpoint]*real
	bindings     map[pair]*binding
	virtualSlots slots
	realSlots    slots
	bindingSlots slots
}

func newObjects() *objects {
	return &objects{
		virtuals: map[endpoint]*virtual{}, reals: map[endpoint]*real{}, bindings: map[pair]*binding{},
		virtualSlots: slots{what: "virtuals", limit: ruleset.MaxVirtuals},
		realSlots:    slots{what: "reals", limit: ruleset.MaxReals},
		bindingSlots: slots{what: "bindings of reals to virtuals", limit: ruleset.MaxBindings},
	}
}

// fits tells whether a configuration's new objects find slots beside those that are there, draining ones included.
// Only then may adopt be called: it would stop half way.
func (o *objects) fits(c *conf.Config) error {
	newReals, newVirtuals, newBindings := 0, 0, 0
	byName := make(map[string]*real, len(c.Reals))
	for _, want := range c.Reals {
		r := o.reals[endpoint{address: want.Address, port: want.Port}]
		if byName[want.Name] = r; r == nil {
			newReals++
		}
	}
	for _, want := range c.Virtuals {
		v := o.virtuals[endpoint{want.Address, want.Port, want.Protocol}]
		if v == nil {
			newVirtuals++
		}
		for _, name := range want.Reals {
			if r := byName[name]; v == nil || r == nil || o.bindings[pair{v.slot, r.slot}] == nil {
				newBindings++
			}
		}
	}
	if err := cmp.Or(
		o.realSlots.room(newReals, len(o.reals)),
		o.virtualSlots.room(newVirtuals, len(o.virtuals)),
		o.bindingSlots.room(newBindings, len(o.bindings)),
	); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	return nil
}

// adopt makes the objects those of c: new ones get slots, missing ones begin to drain, and those that came back stop
// draining. generation is that of the first rules without the missing ones.
func (o *objects) adopt(c *conf.Config, counts []*ruleset.Counts, generation uint32) error {
	for _, v := range o.virtuals {
		v.draining = true
	}
	for _, r := range o.reals {
		r.draining = true
	}
	was := map[*binding]bool{}
	for _, b := range o.bindings {
		was[b] = b.draining
		b.draining = true
	}
	byName := map[string]*real{}
	for _, want := range c.Reals {
		r, err := o.real(want)
		if err != nil {
			return err
		}
		byName[want.Name] = r
	}
	for _, want := range c.Virtuals {
		v, err := o.virtual(want)
		if err != nil {
			return err
		}
		for _, name := range want.Reals {
			if err := o.bind(v, byName[name], counts); err != nil {
				return err
			}
		}
	}
	for _, b := range o.bindings {
		if b.draining && !was[b] {
			b.since = generation
		}
	}
	return nil
}

func (o *objects) real(want conf.Real) (*real, error) {
	key := endpoint{address: want.Address, port: want.Port}
	r := o.reals[key]
	if r == nil {
		slot, err := o.realSlots.take()
		if err != nil {
			return nil, err
		}
		r = &real{slot: uint16(slot)}
		o.reals[key] = r
	}
	r.conf, r.draining = want, false
	return r, nil
}

func (o *objects) virtual(want conf.Virtual) (*virtual, error) {
	key := endpoint{want.Address, want.Port, want.Protocol}
	v := o.virtuals[key]
	if v == nil {
		slot, err := o.virtualSlots.take()
		if err != nil {
			return nil, err
		}
		v = &virtual{slot: uint16(slot)}
		o.virtuals[key] = v
	}
	v.conf, v.draining = want, false
	return v, nil
}

func (o *objects) bind(v *virtual, r *real, counts []*ruleset.Counts) error {
	key := pair{v.slot, r.slot}
	b := o.bindings[key]
	if b == nil {
		slot, err := o.bindingSlots.take()
		if err != nil {
			return err
		}
		b = &binding{slot: slot, virtual: v, real: r, base: sum(counts, slot).Opened}
		o.bindings[key] = b
		v.bindings++
		r.bindings++
	}
	b.draining = false
	return nil
}

// reap lets go of what drained to its last record, once every worker uses rules without it, and returns how many
// objects that were. Virtuals and reals follow their last binding.
func (o *objects) reap(counts []*ruleset.Counts, acknowledged uint32) (gone int) {
	left := map[names]uint64{}
	for key, b := range o.bindings {
		if !b.draining || int32(acknowledged-b.since) < 0 {
			continue
		}
		n := sum(counts, b.slot)
		if n.Inserted != n.Removed {
			continue
		}
		left[b.names()] += n.Opened - b.base
		delete(o.bindings, key)
		o.bindingSlots.release(b.slot)
		b.virtual.bindings--
		b.real.bindings--
		gone++
	}
	o.inherit(left)
	for key, v := range o.virtuals {
		if v.draining && v.bindings == 0 {
			delete(o.virtuals, key)
			o.virtualSlots.release(uint32(v.slot))
			gone++
		}
	}
	for key, r := range o.reals {
		if r.draining && r.bindings == 0 {
			delete(o.reals, key)
			o.realSlots.release(uint32(r.slot))
			gone++
		}
	}
	return gone
}

// inherit adds what bindings counted that are gone to others of the same names, so that no total falls where a real
// was given another endpoint.
func (o *objects) inherit(left map[names]uint64) {
	if len(left) == 0 {
		return
	}
	for _, b := range o.bindings {
		if opened, ok := left[b.names()]; ok {
			b.base -= opened
			delete(left, b.names())
		}
	}
}
