package control

import (
	"slices"
	"time"

	"linedirector/conf"
	"linedirector/control/kernel"
	"linedirector/lcore/ruleset"
)

// predictors are the configuration's, as workers number them.
var predictors = map[conf.Predictor]ruleset.Predictor{
	conf.LeastConns: ruleset.LeastConns,
	conf.RoundRobin: ruleset.RoundRobin,
	conf.Weighted:   ruleset.Weighted,
}

// describe makes the source of a snapshot from the objects, the kernel's state and the configuration.
func (d *Director) describe(c *conf.Config, state *kernel.State) *ruleset.Source {
	src := &ruleset.Source{
		TransitRoute: c.Transit == conf.TransitRoute,
		Routes:       d.routes(state),
		Reals:        make(map[uint16]ruleset.Real, len(d.objects.reals)),
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
	for _, a := range state.Addresses {
		src.Local = append(src.Local, ipv4(a.Prefix.Addr()))
	}
	for _, r := range d.objects.reals {
		src.Reals[r.slot] = ruleset.Real{Address: ipv4(r.conf.Address), Port: r.conf.Port}
	}
	members := d.members()
	for _, v := range d.objects.virtuals {
		src.Virtuals = append(src.Virtuals, ruleset.VirtualSource{
			Slot: v.slot, Address: ipv4(v.conf.Address), Port: v.conf.Port, Protocol: uint8(v.conf.Protocol),
			Predictor: predictors[v.conf.Predictor], Reset: v.conf.Unknown == conf.RST, Draining: v.draining,
			Timers: ruleset.Timers{
				HalfOpen: d.ticks(v.conf.Timers.HalfOpen), Idle: d.ticks(v.conf.Timers.Idle),
				CloseDelay: d.ticks(v.conf.Timers.CloseDelay), UDPIdle: d.ticks(v.conf.Timers.UDPIdle),
			},
			Members: members[v],
		})
	}
	return src
}

// members are the bindings by virtual, in a stable order. Draining ones have weight 0: they take nothing new, but a
// packet of a live flow must still be known for one, so that the worker that it comes to hands it to its owner.
func (d *Director) members() map[*virtual][]ruleset.Member {
	members := map[*virtual][]ruleset.Member{}
	for _, b := range d.objects.bindings {
		m := ruleset.Member{Binding: b.slot, Real: b.real.slot}
		if !b.draining {
			m.Weight = uint16(b.real.conf.Weight)
		}
		members[b.virtual] = append(members[b.virtual], m)
	}
	for _, m := range members {
		slices.SortFunc(m, func(a, b ruleset.Member) int { return int(a.Binding) - int(b.Binding) })
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

// ticker converts a duration to workers' ticks.
type ticker func(time.Duration) uint32
