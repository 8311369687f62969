package conf

import (
	"math"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v4"
)

// The keys of reals and of virtuals, those that both have at the end.
var (
	realKeys = append([]string{
		"name", "address", "port", "weight", "state", "maxconns", "load", "reassign", "reassign-after", "auto-return",
	}, givenKeys...)
	virtualKeys = append([]string{
		"name", "address", "port", "protocol", "predictor", "fastest", "hash", "timers", "unknown", "reals",
		"reassign", "reassign-after", "reset", "no-real", "synguard",
	}, givenKeys...)
)

func (d *draft) readReal(_ int, v value) {
	r := Real{Weight: 1, Threshold: DefaultThreshold, Retry: DefaultRetry, SlowStart: DefaultSlowStart}
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
	x := Virtual{
		Protocol: TCP, Aging: DefaultAging, Timers: DefaultTimers(), Reassign: DefaultReassign, ReassignAfter: DefaultReassignAfter,
	}
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
	if v, ok := o.need("port", "80"); ok {
		n, _ := d.number(v, 1, 65535)
		x.Port = uint16(n)
	}
	if v, ok := o.get("protocol"); ok {
		if !choice(&d.walker, v, "protocol", protocolWords, &x.Protocol) {
			x.Port = 0 // half an endpoint is compared with nothing
		}
	}
	d.readPredictor(&o, &x, &at)
	if v, ok := o.get("timers"); ok {
		d.readTimers(v, &x.Timers)
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
			x.Reals = at.reals.names
		}
	}
	if at.given = d.readGiven(&o); at.given != nil {
		x.Backup = at.given.backup
	}
	d.config.Virtuals = append(d.config.Virtuals, x)
	d.virtuals = append(d.virtuals, at)
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

// readNames reads a list of reals, once for all the aliases that name it.
func (d *draft) readNames(v value) *nameList {
	l := &nameList{value: v}
	if v.node.Kind == yaml.AliasNode {
		l.node = v.node.Alias
	}
	if known := d.lists[l.node]; known != nil {
		return known
	}
	ok := d.list(v, MaxReals, "reals", func(_ int, v value) {
		s, _ := d.text(v, "the name of a real")
		l.names = append(l.names, s)
	})
	if !ok {
		return nil
	}
	d.lists[l.node] = l
	return l
}
