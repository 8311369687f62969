package conf

import "fmt"

// checkGiven settles for each real what it did not say itself: its virtuals
// say it, if they agree, else the default holds.
func (d *draft) checkGiven() {
	var from []int32 // for each real and setting 1 + the virtual that says it; -1 where two differ
	for i := range d.virtuals {
		at := &d.virtuals[i]
		if at.given == nil || at.reals == nil {
			continue
		}
		if from == nil {
			from = make([]int32, len(d.reals)*int(settings))
		}
		for _, j := range at.reals.index {
			if j >= 0 {
				d.inherit(i, int(j), from[int(j)*int(settings):][:settings])
			}
		}
	}
	for j := range d.config.Reals {
		if from != nil {
			for s, i := range from[j*int(settings):][:settings] {
				if i > 0 {
					d.config.Reals[j].take(setting(s), d.virtuals[i-1].given)
				}
			}
		}
		if own := d.reals[j].given; own != nil {
			for s, v := range own.at {
				if v.node != nil {
					d.config.Reals[j].take(setting(s), own)
				}
			}
		}
		d.checkProbePort(j, from)
	}
}

// inherit notes what virtual i says for real j.
func (d *draft) inherit(i, j int, from []int32) {
	says, own := d.virtuals[i].given, d.reals[j].given
	for s := range settings {
		if says.at[s].node == nil || says.wrong[s] || own != nil && own.at[s].node != nil {
			continue
		}
		switch first := from[s]; {
		case first == 0:
			from[s] = int32(i) + 1
		case first > 0 && !says.same(s, d.virtuals[first-1].given):
			from[s] = -1
			d.fail(says.at[s], fmt.Sprintf("virtuals %s (at %v) and %s say different things for the real %s",
				d.virtualLabel(int(first-1)), d.virtuals[first-1].given.at[s].pos().text(), d.virtualLabel(i), d.realLabel(j)),
				fmt.Sprintf("give %v at the real %s", s, d.realLabel(j)))
		}
	}
}

// same reports whether g and h say the same of setting s.
func (g *given) same(s setting, h *given) bool {
	switch s {
	case threshold:
		return g.threshold == h.threshold
	case retry:
		return g.retry == h.retry
	case slowStart:
		return g.slowStart == h.slowStart
	}
	return g.probe.Equal(h.probe)
}

// take gives r setting s as g says it.
func (r *Real) take(s setting, g *given) {
	switch s {
	case threshold:
		r.Threshold = g.threshold
	case retry:
		r.Retry = g.retry
	case slowStart:
		r.SlowStart = g.slowStart
	case probe:
		r.Probe = g.probe
	}
}

// checkProbePort refuses a probe that has no port to go to.
func (d *draft) checkProbePort(j int, from []int32) {
	r := &d.config.Reals[j]
	if r.Probe == nil || r.Probe.Type == ProbeICMP || r.Probe.Port != 0 || r.Port != 0 || !r.Address.IsValid() {
		return
	}
	says := d.reals[j].given
	if says == nil || says.at[probe].node == nil {
		says = d.virtuals[from[j*int(settings)+int(probe)]-1].given
	}
	d.fail(says.at[probe], fmt.Sprintf("the %v probe of the real %s has no port, and the real has none",
		r.Probe.Type, d.realLabel(j)), "add port to the probe or to the real")
}
