package conf

import (
	"math"
	"net/netip"
	"time"
)

// The keys of reals and of virtuals, those that both have at the end.
var (
	realKeys = append([]string{
		"name", "address", "port", "weight", "state", "maxconns", "load", "reassign", "reassign-after", "auto-return",
	}, givenKeys...)
	virtualKeys = append([]string{
		"name", "address", "port", "protocol", "class", "predictor", "fastest", "hash", "sticky", "timers", "expiry",
		"unknown", "reals", "reassign", "reassign-after", "reset", "no-real", "synguard",
	}, givenKeys...)
)

// usualReal is one that says nothing.
func usualReal() Real {
	return Real{Weight: 1, Threshold: DefaultThreshold, Retry: DefaultRetry, SlowStart: DefaultSlowStart}
}

// usualVirtual is one that says nothing.
func usualVirtual() Virtual {
	return Virtual{
		Protocol: TCP, Aging: DefaultAging, Timers: DefaultTimers(), Reassign: DefaultReassign, ReassignAfter: DefaultReassignAfter,
	}
}

func (d *draft) readReal(_ int, v value) {
	r := usualReal()
	var at realPlaces
	o, ok := d.object(v, realKeys...)
	if !ok {
		d.realsPartial = true
		return
	}
	r.Pos, at.entry = o.pos(), o.value
	if v, ok := o.need("name", "a"); ok {
		at.name = v
		r.Name = d.name(v)
	}
	if r.Name == "" {
		d.realsPartial = true
	}
	if v, ok := o.need("address", "10.0.0.11"); ok {
		at.address = v
		r.Address = d.address(v)
	}
	if v, ok := o.get("port"); ok {
		n, ok := d.number(v, 0, 65535)
		r.Port = uint16(n)
		if !ok {
			r.Address = netip.Addr{} // half an endpoint is compared with nothing
		}
	}
	if v, ok := o.get("weight"); ok {
		if n, ok := d.number(v, 0, 65535); ok {
			r.Weight = n
		}
	}
	if v, ok := o.get("state"); ok {
		choice(&d.walker, v, "state", stateWords, &r.State)
	}
	if v, ok := o.get("maxconns"); ok {
		r.MaxConns, _ = d.number(v, 0, math.MaxInt32)
	}
	if v, ok := o.get("load"); ok {
		r.Load, _ = d.number(v, 0, maxLoad)
	}
	if v, ok := o.get("auto-return"); ok {
		d.boolean(v, &r.AutoReturn)
	}
	d.readReassign(&o, &r.Reassign, &r.ReassignAfter)
	if at.given = d.readGiven(&o); at.given != nil {
		r.Backup = at.given.backup
	}
	d.config.Reals = append(d.config.Reals, r)
	d.reals = append(d.reals, at)
}

func (d *draft) readVirtual(_ int, v value) {
	x := usualVirtual()
	var at virtualPlaces
	o, ok := d.object(v, virtualKeys...)
	if !ok {
		d.virtualsPartial = true
		return
	}
	x.Pos, at.entry = o.pos(), o.value
	if v, ok := o.need("name", "web"); ok {
		at.name = v
		x.Name = d.name(v)
	}
	if x.Name == "" {
		d.virtualsPartial = true
	}
	if v, ok := o.need("address", "192.0.2.10"); ok {
		at.address = v
		x.Address = d.address(v)
	}
	if v, ok := o.need("port", "80"); !ok || !d.virtualPort(v, &x.Port) {
		at.half = true
	}
	if v, ok := o.get("protocol"); ok && !choice(&d.walker, v, "protocol", protocolWords, &x.Protocol) {
		at.half = true
	}
	if v, ok := o.get("class"); ok {
		at.class = v
		x.Class, ok = d.text(v, "the name of a class")
		at.half = at.half || !ok
	}
	d.readPredictor(&o, &x, &at)
	if v, ok := o.get("sticky"); ok {
		d.readSticky(v, &x.Sticky, &at)
	}
	if v, ok := o.get("timers"); ok {
		d.readTimers(v, &x.Timers)
	}
	if v, ok := o.get("expiry"); ok {
		choice(&d.walker, v, "expiry", expiryWords, &x.Expiry)
	}
	if v, ok := o.get("unknown"); ok {
		choice(&d.walker, v, "answer", unknownWords, &x.Unknown)
	}
	x.NoReal = x.Unknown
	if v, ok := o.get("no-real"); ok {
		choice(&d.walker, v, "answer", unknownWords, &x.NoReal)
	}
	if v, ok := o.get("reset"); ok {
		choice(&d.walker, v, "treatment", resetWords, &x.ResetAnswer)
	}
	if v, ok := o.get("synguard"); ok {
		d.readSynguard(v, &x.Synguard)
	}
	d.readReassign(&o, &x.Reassign, &x.ReassignAfter)
	if v, ok := o.get("reals"); ok {
		at.list = v
		if at.reals = d.readNames(v); at.reals != nil {
			x.Reals, x.Weights = at.reals.names, at.reals.weights
		}
	}
	if at.given = d.readGiven(&o); at.given != nil {
		x.Backup = at.given.backup
	}
	d.config.Virtuals = append(d.config.Virtuals, x)
	d.virtuals = append(d.virtuals, at)
}

// virtualPort reads a port, or any, which is written 0, too.
func (d *draft) virtualPort(v value, to *uint16) bool {
	if rawText(v) == "any" {
		return true
	}
	n, ok := d.number(v, 0, 65535)
	*to = uint16(n)
	return ok
}

func (d *draft) readTimers(v value, t *Timers) {
	o, ok := d.object(v, "half-open", "idle", "close-delay", "udp-idle")
	if !ok {
		return
	}
	for _, timer := range []struct {
		key string
		to  *time.Duration
	}{
		{"half-open", &t.HalfOpen},
		{"idle", &t.Idle},
		{"close-delay", &t.CloseDelay},
		{"udp-idle", &t.UDPIdle},
	} {
		if v, ok := o.get(timer.key); ok {
			d.timer(v, timer.to)
		}
	}
}
