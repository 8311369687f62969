package control

import (
	"net/netip"
	"slices"
	"time"

	"linedirector/conf"
	"linedirector/control/kernel"
	"linedirector/control/synretry"
	"linedirector/lcore/ruleset"
)

// describe makes the source of a snapshot from the objects, the kernel's state and the configuration.
func (d *Director) describe(c *conf.Config, state *kernel.State) *ruleset.Source {
	src := &ruleset.Source{
		TransitRoute: c.Transit == conf.TransitRoute,
		Secure:       c.Secure,
		Routes:       d.routes(state),
		Reals:        make(map[uint16]ruleset.Real, len(d.objects.reals)),
		Tables:       &d.tables,
	}
	for i, p := range d.ports {
		src.Ports[p.Device] = ruleset.Port{MAC: mac48(p.MAC)}
		if a := c.Ports[i].Addresses; len(a) > 0 {
			src.Ports[p.Device].Address = ipv4(a[0].Addr())
		}
		for _, a := range c.Ports[i].Addresses {
			src.Local = append(src.Local, ipv4(a.Addr()))
		}
	}
	virtuals := make(map[netip.Addr]bool, len(c.Virtuals)) // whose addresses the kernel has, too, so that ARP is answered
	for i := range c.Virtuals {
		virtuals[c.Virtuals[i].Address] = true
	}
	for _, a := range state.Addresses {
		if !virtuals[a.Prefix.Addr()] {
			src.Local = append(src.Local, ipv4(a.Prefix.Addr()))
		}
	}
	for _, r := range d.objects.reals {
		src.Reals[r.slot] = d.realRules(r)
	}
	classes := make(map[string]uint16, len(c.Classes))
	for i, class := range c.Classes {
		classes[class.Name] = uint16(i + 1)
		for _, p := range class.Clients {
			src.Classes = append(src.Classes, ruleset.Class{Prefix: ipv4(p.Addr()), Bits: uint8(p.Bits()), Class: uint16(i + 1)})
		}
	}
	src.Virtuals, d.guarded, d.measured = make([]ruleset.VirtualSource, 0, len(d.objects.virtuals)), 0, 0
	for _, v := range d.objects.virtuals {
		src.Virtuals = append(src.Virtuals, d.virtualRules(v, classes))
		if v.conf.Synguard.Limit > 0 {
			d.guarded = max(d.guarded, uint32(v.slot))
		}
	}
	return src
}

// realRules are one real's. One that takes no new connections needs no threshold: it would only be raised in vain.
func (d *Director) realRules(r *real) ruleset.Real {
	rules := ruleset.Real{Address: ipv4(r.conf.Address), Port: r.conf.Port, Flush: r.flush.on}
	if r.draining {
		return rules
	}
	rules.Retry = ruleset.Retry{SYNs: uint8(r.conf.Reassign), After: d.beats(r.conf.ReassignAfter)}
	rules.MaxConns, rules.Load, rules.Watched = uint32(r.maxConns), uint32(r.load), r.machine.Watched()
	if r.machine.State().Serves() {
		rules.Threshold = r.machine.Threshold
	}
	rules.Unavailable = r.machine.State() == synretry.Failed || r.machine.State() == synretry.ExternallyFailed
	if r.machine.Ramping() {
		rules.Since, rules.Ramp = r.ramped, d.clock.ticks(r.conf.SlowStart)
	}
	return rules
}

// beats is a duration in beats, at least one; 0 stays 0.
func (d *Director) beats(t time.Duration) uint32 {
	if t == 0 {
		return 0
	}
	return max(1, d.clock.beats(t))
}

func (d *Director) virtualRules(v *virtual, classes map[string]uint16) ruleset.VirtualSource {
	c := &v.conf
	rules := ruleset.VirtualSource{
		Slot: v.slot, Address: ipv4(c.Address), Port: c.Port, Protocol: uint8(c.Protocol),
		Reset: c.Unknown == conf.RST, Refuse: c.NoReal == conf.RST, PassReset: c.ResetAnswer == conf.ResetPass,
		Draining: v.draining, IdleReset: c.Expiry == conf.ExpiryReset, Flush: v.flush.on, Class: classes[c.Class],
		Retry: ruleset.Retry{SYNs: uint8(c.Reassign), After: d.beats(c.ReassignAfter)},
		Guard: ruleset.Guard{Limit: uint32(c.Synguard.Limit), Drop: c.Synguard.Above == conf.AboveDrop},
		Timers: ruleset.Timers{
			HalfOpen: d.clock.ticks(c.Timers.HalfOpen), Idle: d.clock.ticks(c.Timers.Idle),
			CloseDelay: d.clock.ticks(c.Timers.CloseDelay), UDPIdle: d.clock.ticks(c.Timers.UDPIdle),
		},
		Members: v.members(),
		Keepers: v.keepers(),
		Tiers:   make([]ruleset.TierSource, 0, len(v.tiers)),
	}
	if v.group != nil {
		rules.Sticky = ruleset.Sticky{Group: v.group.slot, Bits: uint8(c.Sticky.Bits), Timer: d.clock.ticks(c.Sticky.Timer)}
	}
	for i := range v.tiers {
		if t := v.tiers[i].rules(); len(t.Members) > 0 {
			d.predict(&t, v.tiers[i].of)
			rules.Tiers = append(rules.Tiers, t)
		}
	}
	if c.Protocol != conf.UDP {
		rules.Trials = v.trials()
	}
	return rules
}

// members are all bindings: a packet of a live flow must be known for one, so that the worker that it comes to hands it
// to its owner.
func (v *virtual) members() []ruleset.Member {
	members := make([]ruleset.Member, len(v.bindings))
	for i, b := range v.bindings {
		if members[i] = b.member(0); !b.draining {
			members[i].Weight = uint16(b.real.weight)
		}
	}
	return members
}

// routes are the kernel's, with gateways as next-hop slots. The kernel lists those of one destination in its order of
// preference; Build takes the first. One whose gateway can have no slot leads nowhere: a wider one must not take over.
func (d *Director) routes(state *kernel.State) []ruleset.Route {
	out := make([]ruleset.Route, 0, len(state.Routes))
	for _, r := range state.Routes {
		route := ruleset.Route{
			Prefix: ipv4(r.Dst.Addr()), Bits: uint8(r.Dst.Bits()), Port: d.ports[r.Port].Device,
		}
		if r.Gateway.Is4() {
			route.Hop = d.hops.slot(hopKey{r.Port, r.Gateway})
		}
		if r.Gateway.IsValid() && route.Hop == 0 {
			route.Port = ruleset.NoPort
		}
		out = append(out, route)
	}
	return out
}

// need lists the next hops that must be known before a packet asks for them: gateways, and reals on a link.
func (d *Director) need(state *kernel.State, rules *ruleset.Snapshot) (needed map[hopKey]string, unreachable []string) {
	needed = map[hopKey]string{}
	for _, r := range state.Routes {
		if r.Gateway.Is4() {
			needed[hopKey{r.Port, r.Gateway}] = "route to " + r.Dst.String()
		}
	}
	for _, r := range d.objects.reals {
		switch at := rules.Route(ipv4(r.conf.Address)); {
		case at.Hop != 0:
		case at.Port == ruleset.NoPort:
			unreachable = append(unreachable, r.conf.Name)
		default:
			needed[hopKey{d.place(at.Port), r.conf.Address}] = "real " + r.conf.Name
		}
	}
	slices.Sort(unreachable)
	return needed, unreachable
}

// place is a device's place in the configuration.
func (d *Director) place(device uint16) int {
	return slices.IndexFunc(d.ports, func(p Port) bool { return p.Device == device })
}

// clock converts between durations and workers' ticks and beats.
type clock struct {
	ticks, beats      func(time.Duration) uint32
	elapsed, response func(uint32) time.Duration
}
