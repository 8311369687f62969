package control

import (
	"linedirector/control/metrics"
	"linedirector/control/synretry"
)

// Read fills in what the director knows: bindings, virtuals and reals, draining ones included.
func (d *Director) Read(out *metrics.Readings) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s := range synretry.States {
		out.States = append(out.States, s.String())
	}
	counts, tick := d.workers.Counts(), d.workers.Now()
	for _, b := range d.objects.bindings {
		opened, open := b.counted(counts)
		out.Bindings = append(out.Bindings, metrics.Binding{
			Virtual: b.virtual.conf.Name, Real: b.real.conf.Name, Opened: opened, Open: open,
		})
	}
	for _, v := range d.objects.virtuals {
		n := seen(counts, v.slot)
		out.Virtuals = append(out.Virtuals, metrics.Virtual{Name: v.conf.Name, HalfOpen: uint64(n.HalfOpen), NoReal: n.NoReal - v.noReal})
	}
	probes := d.probes()
	for _, r := range d.objects.reals {
		t := tallied(counts, r.slot).minus(r.base)
		one := metrics.Real{
			Name: r.conf.Name, Draining: r.draining, State: r.machine.State().String(), Ditched: d.shared.Ditched(r.slot),
			Silent: t.silent, Refused: t.refused, Moved: t.moved, Response: d.response(r, counts, tick),
		}
		for s, n := range r.entered {
			if n > 0 {
				one.Transitions = append(one.Transitions, metrics.Named{Name: synretry.State(s).String(), Value: n})
			}
		}
		if s, ok := probes[r.conf.Name]; ok && !r.draining {
			one.ProbeUp = new(s.Up)
		}
		out.Reals = append(out.Reals, one)
	}
}
