package control

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"linedirector/control/api"
	"linedirector/control/synretry"
)

// SetReal turns knobs of a real of the configuration, all or none.
func (d *Director) SetReal(name string, s api.RealSettings) error {
	var to synretry.State
	if s.State != nil {
		var ok bool
		if to, ok = synretry.Named(*s.State); !ok || !to.Settable() {
			return &api.Error{
				Status: http.StatusBadRequest, Problem: fmt.Sprintf("state '%s' cannot be set", *s.State),
				Mend: "set in-service, maintenance, sticky-only, out-of-service or externally-failed",
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.objects.liveReals, func(r *real) bool { return r.conf.Name == name })
	if i < 0 {
		return gone("real", name)
	}
	r, now := d.objects.liveReals[i], time.Now()
	changed := d.turn(now, r, &s)
	if s.State != nil && d.set(now, r, to, "operator") {
		changed = true
	}
	if changed {
		d.publish()
	} else {
		d.save() // the operator may have taken over from a probe
	}
	d.setTargets()
	return nil
}

// turn turns the knobs that have a number, and says whether rules must change. A real that had weight 0 comes as one that
// returns: slowly.
func (d *Director) turn(now time.Time, r *real, s *api.RealSettings) bool {
	was := r.knobs
	for _, k := range []struct {
		to   *int
		knob *int
	}{{s.Weight, &r.weight}, {s.MaxConns, &r.maxConns}, {s.Load, &r.load}} {
		if k.to != nil {
			*k.knob = *k.to
		}
	}
	if r.knobs == was {
		return false
	}
	d.weigh(now, r, was)
	r.machine.MaxConns = uint32(r.maxConns)
	if r.maxConns > 0 && !slices.Contains(d.limited, r) {
		d.limited = append(d.limited, r)
	}
	return true
}

// weigh has a real begin slowly that had weight 0.
func (d *Director) weigh(now time.Time, r *real, was knobs) {
	if was.weight == 0 && r.weight > 0 && r.machine.Ramp(now) {
		r.ramped = d.workers.Now()
		d.time(r)
	}
}
