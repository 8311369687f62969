package control

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"linedirector/conf"
	"linedirector/control/api"
	"linedirector/control/events"
	"linedirector/control/health"
	"linedirector/lcore/ruleset"
)

// Journal is where all transitions are.
func (d *Director) Journal() *events.Journal { return d.journal }

// Workers lists all workers by number.
func (d *Director) Workers() []api.Worker {
	if d.showWorkers == nil {
		return nil
	}
	return d.showWorkers()
}

// Ports lists the devices in the configuration's order.
func (d *Director) Ports() []api.Port {
	if d.showPorts == nil {
		return nil
	}
	ports, c := d.showPorts(), d.Conf()
	for i := range ports {
		p := &c.Ports[i]
		ports[i].Name, ports[i].Side, ports[i].Addresses = p.Name, p.Side.String(), append([]netip.Prefix{}, p.Addresses...)
	}
	return ports
}

// Neighbours lists the next hops on the ports' links, by port and address.
func (d *Director) Neighbours() []api.Neighbour {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]api.Neighbour, 0, len(d.hops.known))
	for key, n := range d.hops.known {
		one := api.Neighbour{Address: key.address, Port: d.ports[key.port].Name, Kept: n.kept, For: d.needed[key]}
		if hop, ok := d.hops.table.Get(n.slot); ok {
			one.MAC = hop.Destination().String()
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b api.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), a.Address.Compare(b.Address))
	})
	return all
}

// shown is what Reals and Virtuals gather in one go over all bindings.
type shown struct {
	opened, open uint64
	virtuals     []string // of a real, as it is listed
}

// add counts a binding in.
func (s *shown) add(b *binding, counts []*ruleset.Counts) {
	opened, open := b.counted(counts)
	s.opened += opened
	s.open += open
}

// Reals lists all reals in the configuration's order, then those that drain.
func (d *Director) Reals() []api.Real {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, tick, counts := time.Now(), d.workers.Now(), d.workers.Counts()
	d.measure(now)
	gathered := make(map[*real]*shown, len(d.objects.reals))
	for _, b := range d.objects.sortedBindings() {
		s := gathered[b.real]
		if s == nil {
			s = &shown{}
			gathered[b.real] = s
		}
		s.add(b, counts)
		if b.named {
			s.virtuals = append(s.virtuals, b.virtual.conf.Name)
		}
	}
	probes := d.probes()
	all := make([]api.Real, 0, len(d.objects.reals))
	for _, r := range d.objects.sortedReals() {
		m, t := &r.machine, tallied(counts, r.slot).minus(r.base)
		one := api.Real{
			Name: r.conf.Name, Address: r.conf.Address, Port: r.conf.Port,
			State: m.State().String(), Since: m.Since(), Cause: m.Cause(), Draining: r.draining,
			Weight: r.weight, MaxConns: uint64(r.maxConns), Load: r.load, Overrides: r.overrides(),
			Ditched: d.shared.Ditched(r.slot), Threshold: uint32(r.conf.Threshold),
			DitchedBySilenceTotal: t.silent, DitchedByResetTotal: t.refused, ReassignedTotal: t.moved,
			ResponseTimeSeconds: d.response(r, counts, tick),
			Backup:              r.conf.Backup, Virtuals: []string{},
		}
		if s := gathered[r]; s != nil {
			one.Connections, one.OpenedTotal = s.open, s.opened
			one.Virtuals = append(one.Virtuals, s.virtuals...)
		}
		if left, ok := m.RetryIn(now); ok && !r.draining {
			one.RetryInSeconds = new(left.Seconds())
		}
		if left, ok := m.RampLeft(now); ok && !r.draining {
			one.SlowStartLeftSeconds = new(left.Seconds())
		}
		if r.conf.Probe != nil && !r.draining {
			one.Probe = &api.Probe{Type: probeTypes[r.conf.Probe.Type].String(), Up: !m.HeldByProbe()}
			if s, ok := probes[r.conf.Name]; ok {
				one.Probe.Up, one.Probe.Last, one.Probe.Cause = s.Up, s.At, s.Cause
			}
		}
		all = append(all, one)
	}
	return all
}

// probes are the targets' status by real.
func (d *Director) probes() map[string]health.Status {
	probes := map[string]health.Status{}
	for _, s := range d.prober.Status() {
		probes[s.Target.Real] = s
	}
	return probes
}

// response is a real's last response time in seconds, nil if none was measured since it is there.
func (d *Director) response(r *real, counts []*ruleset.Counts, tick uint32) *float64 {
	beats, _ := r.measured(counts, tick)
	if beats == 0 {
		return nil
	}
	return new(d.clock.response(beats).Seconds())
}

// measured is a real's newest response time over all workers, in beats, and its age in ticks; 0 beats if there is none.
func (r *real) measured(counts []*ruleset.Counts, tick uint32) (beats, newest uint32) {
	newest = tick - r.added
	for _, c := range counts {
		t := c.Tally(r.slot)
		if age := max(0, int32(tick-t.Answered)); t.Response != 0 && uint32(age) <= newest { // it may be newer than tick
			newest, beats = uint32(age), t.Response
		}
	}
	return beats, newest
}

// Virtuals lists all virtuals in the configuration's order, then those that drain.
func (d *Director) Virtuals() []api.Virtual {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := d.workers.Counts()
	d.measure(time.Now())
	gathered := make(map[*virtual]*shown, len(d.objects.virtuals))
	for _, b := range d.objects.bindings {
		s := gathered[b.virtual]
		if s == nil {
			s = &shown{}
			gathered[b.virtual] = s
		}
		s.add(b, counts)
	}
	all := make([]api.Virtual, 0, len(d.objects.virtuals))
	for _, v := range d.objects.sortedVirtuals() {
		n := seen(counts, v.slot)
		one := api.Virtual{
			Name: v.conf.Name, Address: v.conf.Address, Port: v.conf.Port, Protocol: v.conf.Protocol.String(),
			Class: v.conf.Class, Predictor: v.conf.Predictor.String(), Draining: v.draining,
			HalfOpen: uint64(n.HalfOpen), SynGuard: uint64(v.conf.Synguard.Limit),
			Reals: []api.VirtualReal{}, Backup: v.conf.Backup, Active: v.active(), NoRealTotal: n.NoReal - v.noReal,
		}
		if v.conf.Expiry != conf.ExpirySilent {
			one.Expiry = v.conf.Expiry.String()
		}
		if s := &v.conf.Sticky; s.Timer > 0 {
			one.Sticky = &api.StickyRule{TimerSeconds: s.Timer.Seconds(), Prefix: s.Bits, Buddies: s.Buddies}
		}
		if s := gathered[v]; s != nil {
			one.Connections, one.OpenedTotal = s.open, s.opened
		}
		if len(v.tiers) > 0 {
			for i := range v.tiers[0].places {
				p := &v.tiers[0].places[i]
				_, open := p.counted(counts)
				one.Reals = append(one.Reals, api.VirtualReal{
					Name: p.real.conf.Name, State: p.real.machine.State().String(), Weight: p.weight(), Connections: open,
				})
			}
		}
		all = append(all, one)
	}
	return all
}

// active says whose reals take a virtual's new connections.
func (v *virtual) active() api.Active {
	switch i := v.activeTier(); i {
	case -1:
		return api.Active{Tier: api.TierNone}
	case 0:
		return api.Active{Tier: api.TierOwn}
	default:
		return api.Active{Tier: api.TierBackup, Virtual: v.tiers[i].of.conf.Name}
	}
}

// activeTier is the first tier that takes connections, -1 if none does.
func (v *virtual) activeTier() int {
	return slices.IndexFunc(v.tiers, func(t tier) bool { return t.takes() })
}

// sortedReals are those of the configuration in its order, then those that drain.
func (o *objects) sortedReals() []*real {
	all := slices.Clone(o.liveReals)
	for _, r := range o.reals {
		if r.draining {
			all = append(all, r)
		}
	}
	slices.SortFunc(all[len(o.liveReals):], func(a, b *real) int {
		return cmp.Or(cmp.Compare(a.conf.Name, b.conf.Name), cmp.Compare(a.slot, b.slot))
	})
	return all
}

// sortedVirtuals are as sortedReals.
func (o *objects) sortedVirtuals() []*virtual {
	all := slices.Clone(o.liveVirtuals)
	for _, v := range o.virtuals {
		if v.draining {
			all = append(all, v)
		}
	}
	slices.SortFunc(all[len(o.liveVirtuals):], func(a, b *virtual) int {
		return cmp.Or(cmp.Compare(a.conf.Name, b.conf.Name), cmp.Compare(a.slot, b.slot))
	})
	return all
}

// sortedBindings are by virtual, in the order in which they came.
func (o *objects) sortedBindings() []*binding {
	all := make([]*binding, 0, len(o.bindings))
	for _, b := range o.bindings {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *binding) int {
		return cmp.Or(cmp.Compare(a.virtual.slot, b.virtual.slot), cmp.Compare(a.slot, b.slot))
	})
	return all
}
