package control

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"linedirector/conf"
	"linedirector/control/api"
	"linedirector/control/synretry"
)

// Explain says what would become of a client's packet, and why. The worker that would get it is asked, so that it is what
// happens and not what should.
func (d *Director) Explain(q api.Question) (api.Explanation, error) {
	if !q.Client.Addr().Is4() || !q.Virtual.Addr().Is4() {
		return api.Explanation{}, &api.Error{
			Status: http.StatusBadRequest, Problem: "workers forward IPv4, these are IPv6 addresses", Mend: "ask for IPv4 addresses",
		}
	}
	protocol := conf.TCP
	if q.Protocol == conf.UDP.String() {
		protocol = conf.UDP
	}
	look, err := d.workers.Explain(Packet{Client: endpointOf(q.Client), To: endpointOf(q.Virtual), Protocol: uint8(protocol)})
	if err != nil {
		return api.Explanation{}, err
	}
	e := api.Explanation{
		Client: q.Client, To: q.Virtual, Protocol: protocol.String(), Worker: look.Worker, Reals: []api.Candidate{},
	}
	names, stickies := d.flowNames(), d.stickyNames()
	if look.Flow != nil {
		e.Flow = new(d.flow(look.Flow, look.Worker, names))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e.Class = classOf(d.conf, q.Client.Addr())
	v := d.objects.virtualAt(look.VirtualSlot)
	if v == nil {
		e.Rule = d.noVirtual(q.Virtual.Addr())
		e.Why = "no virtual is for this packet"
		return e, nil
	}
	e.Virtual, e.Rule = v.conf.Name, ruleOf(v)
	if entry, ok := d.stickyOf(v, q.Client.Addr()); ok {
		e.Sticky = new(d.stickyEntry(&entry, stickies, d.workers.Now()))
	}
	e.Real = of(names.reals, look.Real)
	e.Reals = d.candidates(v)
	e.Why = d.why(v, &e, &look)
	return e, nil
}

func endpointOf(a netip.AddrPort) Endpoint { return Endpoint{ipv4(a.Addr()), a.Port()} }

func (o *objects) virtualAt(slot uint16) *virtual {
	if slot == 0 {
		return nil
	}
	for _, v := range o.virtuals {
		if v.slot == slot {
			return v
		}
	}
	return nil
}

// classOf is the class of the longest prefix that holds a client, "" if none does.
func classOf(c *conf.Config, client netip.Addr) (name string) {
	bits := -1
	for i := range c.Classes {
		for _, p := range c.Classes[i].Clients {
			if p.Bits() > bits && p.Contains(client) {
				bits, name = p.Bits(), c.Classes[i].Name
			}
		}
	}
	return name
}

// ruleOf says by which of the look-up's steps a virtual was found (SPEC.md section 1).
func ruleOf(v *virtual) string {
	if v.draining {
		return "no longer configured, and drains"
	}
	rule := "by its port"
	if v.conf.Port == 0 {
		rule = "has every port that no other virtual has"
	}
	if v.conf.Class != "" {
		return rule + ", for clients of class " + v.conf.Class
	}
	return rule + ", for all clients whose class has none of its own here"
}

// noVirtual says what becomes of a packet that is for no virtual.
func (d *Director) noVirtual(to netip.Addr) string {
	switch {
	case slices.ContainsFunc(d.objects.liveVirtuals, func(v *virtual) bool { return v.conf.Address == to }):
		if d.conf.Secure {
			return "the address is a virtual's, none of its ports matches: dropped (secure)"
		}
		return "the address is a virtual's, none of its ports matches: handed to the kernel"
	case d.conf.Transit == conf.TransitRoute:
		return "no virtual has the address: routed, or the director's own"
	}
	return "no virtual has the address: dropped, or the director's own"
}

// stickyOf is a client's entry at a virtual.
func (d *Director) stickyOf(v *virtual, client netip.Addr) (StickyEntry, bool) {
	if v.group == nil {
		return StickyEntry{}, false
	}
	p, _ := client.Prefix(v.group.id.bits)
	e, ok := d.workers.Sticky().Find(v.group.slot, ipv4(p.Addr()))
	return e, ok && !e.expired(d.workers.Now())
}

// why puts the outlook into words.
func (d *Director) why(v *virtual, e *api.Explanation, look *Outlook) string {
	switch {
	case look.Flow != nil:
		return fmt.Sprintf("a flow is there, its packets go to %s until it ends", e.Flow.Real)
	case look.Real == 0:
		return "no real takes it: " + cmp.Or(look.Cause, "none is available")
	case e.Sticky != nil && e.Sticky.Real == e.Real:
		return fmt.Sprintf("client %v has a sticky entry", e.Sticky.Client)
	}
	text := fmt.Sprintf("predictor %v", v.conf.Predictor)
	if at := v.active(); at.Tier == api.TierBackup {
		text = fmt.Sprintf("backup virtual %s takes over; its predictor %v", at.Virtual, v.tiers[v.activeTier()].of.conf.Predictor)
	}
	if e.Sticky != nil {
		text += fmt.Sprintf(" chooses anew: %s, where the client's sticky entry leads, takes no connection of it", e.Sticky.Real)
	}
	return text
}

// candidates are all reals that a virtual may use, with what its predictor goes by, in the order in which they would be
// looked at.
func (d *Director) candidates(v *virtual) []api.Candidate {
	all, seen := []api.Candidate{}, map[*real]bool{}
	for i := range v.tiers {
		t := &v.tiers[i]
		t.each(func(b *binding, weight int) {
			if !seen[b.real] {
				seen[b.real] = true
				all = append(all, d.candidate(b.real, weight, t))
			}
		})
	}
	return all
}

func (d *Director) candidate(r *real, weight int, t *tier) api.Candidate {
	n := d.shared.Connections(r.slot)
	c := api.Candidate{
		Name: r.conf.Name, State: r.machine.State().String(), Weight: weight, Connections: uint64(n),
		Takes: r.machine.State().Serves() && weight > 0 && (r.maxConns == 0 || n < uint32(r.maxConns)),
	}
	switch {
	case weight == 0:
		c.Why = "weight 0"
	case r.machine.State() == synretry.Testing:
		c.Why = "waits for its trial"
	case !r.machine.State().Serves():
		c.Why = r.machine.Cause()
	case !c.Takes:
		c.Why = fmt.Sprintf("full: maxconns %d", r.maxConns)
	default:
		c.Score = d.score(r, n, weight, t)
	}
	return c
}

// score is what the predictor compares, the less the better; slow starts, which last for a while, are left out.
func (d *Director) score(r *real, conns uint32, weight int, t *tier) float64 {
	switch t.of.conf.Predictor {
	case conf.LeastConns, conf.P2C:
		return float64(conns) / float64(weight)
	case conf.Loaded:
		return (float64(conns) + float64(r.load)) / float64(weight)
	case conf.Fastest:
		counts, tick := d.workers.Counts(), d.workers.Now()
		beats, age := r.measured(counts, tick)
		return float64(conns+1)*d.clock.response(beats).Seconds() - d.clock.elapsed(age).Seconds()*t.of.conf.Aging.Seconds()
	}
	return 0
}
