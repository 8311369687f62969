package control

import (
	"fmt"
	"slices"
	"time"

	"linedirector/conf"
	"linedirector/control/health"
)

// Prober probes reals (health.Prober).
type Prober interface {
	// Set is told all targets, every time.
	Set([]health.Target)
	// Status is what is known of each target.
	Status() []health.Status
	// Close ends it, and waits for a report that is under way.
	Close()
}

// probeTypes are the configuration's, as health names them.
var probeTypes = map[conf.ProbeType]health.Type{
	conf.ProbeICMP: health.ICMP, conf.ProbeTCP: health.TCP, conf.ProbeHTTP: health.HTTP, conf.ProbeHTTPS: health.HTTPS,
	conf.ProbeUDP: health.UDP, conf.ProbeDNS: health.DNS,
}

// setTargets has those reals probed whose state wants it, if it is not done yet.
func (d *Director) setTargets() {
	if !d.targetsChanged || !d.probing {
		return
	}
	if len(d.anew) > 0 {
		d.prober.Set(d.targets(d.anew))
	}
	d.targetsChanged, d.anew = false, nil
	d.prober.Set(d.targets(nil))
}

// probe begins to probe, or ends it.
func (d *Director) probe(on bool) {
	d.probing, d.targetsChanged = on, on
	if d.setTargets(); !on {
		d.prober.Set(nil)
	}
}

// targets are all but some.
func (d *Director) targets(but []*real) []health.Target {
	var all []health.Target
	for _, r := range d.objects.liveReals {
		if r.conf.Probe == nil || !r.machine.State().Probed() || slices.Contains(but, r) {
			continue
		}
		all = append(all, health.Target{
			Real: r.conf.Name, Address: r.conf.Address, Spec: spec(&r.conf), Down: r.machine.HeldByProbe(),
		})
	}
	return all
}

// spec is a real's probe, as health wants it.
func spec(r *conf.Real) health.Spec {
	p := r.Probe
	s := health.Spec{
		Type: probeTypes[p.Type], Port: p.Port, Interval: p.Interval, Timeout: p.Timeout,
		Jitter: float64(p.Jitter) / 100, Rise: p.Rise, Fall: p.Fall,
		Path: p.Path, Host: p.Host, Body: p.Body, SNI: p.SNI, Verify: p.Verify, Roots: p.Roots,
		Send: p.Send, Expect: p.Expect, Query: p.Query, Record: p.Record, Answer: p.Answer,
	}
	if s.Port == 0 && p.Type != conf.ProbeICMP {
		s.Port = r.Port
	}
	for _, status := range p.Status {
		s.Status = append(s.Status, health.StatusRange(status))
	}
	return s
}

// probed acts upon a probe's rise or fall. The prober calls it, from a goroutine of its own.
func (d *Director) probed(c health.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.Stale() || !d.probing {
		return
	}
	for _, r := range d.objects.liveReals {
		if r.conf.Name != c.Real {
			continue
		}
		now, cause := time.Now(), fmt.Sprintf("%v probe: %s, %d in a row", c.Type, c.Cause, c.Row)
		changed := false
		if c.Up {
			changed = d.probeUp(now, r, cause)
		} else if t, ok := r.machine.ProbeDown(now, cause); ok {
			d.move(now, r, t)
			changed = true
		}
		if changed {
			d.publish()
		}
	}
}

// probeUp frees a real from what a probe did, and says whether rules must change.
func (d *Director) probeUp(now time.Time, r *real, cause string) bool {
	t, ok := r.machine.ProbeUp(now, cause)
	if ok {
		d.move(now, r, t)
	}
	return ok
}
