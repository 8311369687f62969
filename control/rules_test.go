package control

import (
	"strings"
	"testing"

	"linedirector/control/kernel"
	"linedirector/lcore/ruleset"
)

const tcp, udp = 6, 17

// members are those of a virtual's first tier.
func members(s *ruleset.Snapshot, address string, port uint16, protocol uint8) []ruleset.Member {
	tiers := s.Tiers(s.Virtual(s.FindVirtual(0, ip(address), port, protocol)))
	if len(tiers) == 0 {
		return nil
	}
	return s.Members(&tiers[0])
}

// What twoPorts becomes, with what the kernel knows.
func TestRulesOfAConfiguration(t *testing.T) {
	r := newRig(t, 1)
	s := r.first
	if s.Generation != 1 || s.RouteGeneration != 1 || s.TransitRoute {
		t.Errorf("generation %d, of routes %d, transit %v", s.Generation, s.RouteGeneration, s.TransitRoute)
	}
	if p := s.Ports[3]; p.MAC != 0x0300_0000_0002 || p.Address != ip("192.0.2.1") {
		t.Errorf("outside is %+v", p)
	}
	if p := s.Ports[5]; p.MAC != 0x0500_0000_0002 || p.Address != ip("10.0.0.1") {
		t.Errorf("inside is %+v", p)
	}

	web, dns := s.FindVirtual(0, ip("192.0.2.10"), 80, tcp), s.FindVirtual(0, ip("192.0.2.10"), 53, udp)
	if web == 0 || dns == 0 || s.FindVirtual(0, ip("192.0.2.10"), 80, udp) != 0 {
		t.Fatalf("web has slot %d, dns %d", web, dns)
	}
	v := s.Virtual(web)
	if s.Tiers(v)[0].Predictor != ruleset.Weighted || !v.Reset || !v.Refuse || v.PassReset || v.Timers.Idle != 5000 || v.Timers.HalfOpen != 30000 {
		t.Errorf("web is %+v", v)
	}
	if s.Virtual(dns).Reset || s.Tiers(s.Virtual(dns))[0].Predictor != ruleset.LeastConns || s.Virtual(dns).Timers.UDPIdle != 60000 {
		t.Errorf("dns is %+v", s.Virtual(dns))
	}
	weights := map[uint32]uint16{}
	for _, m := range members(s, "192.0.2.10", 80, tcp) {
		real := *s.Real(m.Real)
		weights[real.Address] = m.Weight
		if want := (ruleset.Real{Address: real.Address, Port: 8080, Threshold: 8}); real != want {
			t.Errorf("%+v, want %+v", real, want)
		}
	}
	if want := (ruleset.Retry{SYNs: 3, After: 2_500_000}); v.Retry != want || v.Guard != (ruleset.Guard{}) {
		t.Errorf("web is %+v", v)
	}
	if len(weights) != 2 || weights[ip("10.0.0.11")] != 3 || weights[ip("10.9.0.12")] != 1 {
		t.Errorf("members of web: %v", weights)
	}
	if s.FindReal(ip("10.0.0.11"), 8080, udp) == 0 || s.FindReal(ip("10.9.0.12"), 8080, udp) != 0 || s.FindReal(ip("10.9.0.12"), 8080, tcp) == 0 {
		t.Error("reals are not known by endpoint and protocol")
	}
	for _, own := range []string{"192.0.2.1", "10.0.0.1", "192.0.2.10", "198.51.100.7"} {
		if !s.Local(ip(own)) {
			t.Errorf("%s is not the director's own", own)
		}
	}
	if s.Local(ip("10.0.0.11")) {
		t.Error("a real's address is the director's own")
	}

	if at := s.Route(ip("10.0.0.200")); at.Port != 5 || at.Hop != 0 {
		t.Errorf("on the link: %+v", at)
	}
	if at := s.Route(ip("10.9.1.1")); at.Port != 5 || at.Hop != r.table.Neighbour(5, ip("10.0.0.254")) || at.Hop == 0 {
		t.Errorf("behind the gateway: %+v", at)
	}
	if at := s.Route(ip("8.8.8.8")); at.Port != ruleset.NoPort {
		t.Errorf("nowhere: %+v", at)
	}
	equal(t, "kept", r.keeper.asked(), []string{"keep 8 10.0.0.11", "keep 8 10.0.0.254"})
}

func TestTransit(t *testing.T) {
	r := newRig(t, 1)
	if err := r.Reload(parse(t, twoPorts+"transit: route\n")); err != nil {
		t.Fatal(err)
	}
	if s, _ := r.workers.last(); !s.TransitRoute {
		t.Error("transit is not routed")
	}
}

// The kernel's order of preference among routes of one destination holds; IPv6 gateways (of IPv4 routes) and
// gateways without a slot lead nowhere, rather than another way.
func TestRoutes(t *testing.T) {
	r := newRig(t, 1)
	state := kernelOf()
	state.Routes = append(state.Routes,
		kernel.Route{Dst: prefix("172.16.0.0/12"), Port: 0, Gateway: addr("192.0.2.254"), Priority: 10},
		kernel.Route{Dst: prefix("172.16.0.0/12"), Port: 1, Gateway: addr("10.0.0.254"), Priority: 20},
		kernel.Route{Dst: prefix("172.16.1.0/24"), Port: 1, Gateway: addr("fe80::1")},
		kernel.Route{Dst: prefix("0.0.0.0/0"), Port: 0, Gateway: addr("192.0.2.254")},
	)
	r.hops.slots.limit = r.hops.slots.highest + 1 // the next gateway takes the last slot
	state.Routes = append(state.Routes, kernel.Route{Dst: prefix("10.8.0.0/16"), Port: 1, Gateway: addr("10.0.0.253")})
	r.mirror.set(state)
	r.publish()
	s, _ := r.workers.last()
	hop := r.table.Neighbour(3, ip("192.0.2.254"))
	if at := s.Route(ip("172.16.0.1")); hop == 0 || at.Hop != hop || at.Port != 3 {
		t.Errorf("two routes: %+v, want hop %d", at, hop)
	}
	for _, nowhere := range []string{"172.16.1.1", "10.8.0.1"} {
		if at := s.Route(ip(nowhere)); at.Port != ruleset.NoPort {
			t.Errorf("%s leads to %+v", nowhere, at)
		}
	}
	if at := s.Route(ip("8.8.8.8")); at.Hop != hop {
		t.Errorf("default: %+v", at)
	}
}

// Live flows of what was removed come to any worker: each must still tell that they are flows.
func TestRulesKeepWhatDrains(t *testing.T) {
	r := newRig(t, 2)
	old := r.first
	web, a := old.FindVirtual(0, ip("192.0.2.10"), 80, tcp), old.FindReal(ip("10.0.0.11"), 8080, tcp)
	binding := members(old, "192.0.2.10", 80, tcp)[0]
	r.workers.counts[0].Insert(binding.Binding)
	open(r.workers.counts[0], binding.Binding, binding.Real)

	// The virtual goes, the real stays with another one.
	c := strings.Replace(twoPorts, "{name: web, address: 192.0.2.10", "{name: other, address: 192.0.2.11", 1)
	if err := r.Reload(parse(t, c)); err != nil {
		t.Fatal(err)
	}
	s, _ := r.workers.last()
	if s.FindVirtual(0, ip("192.0.2.10"), 80, tcp) != web {
		t.Error("packets of live flows to a removed virtual are for nobody")
	}
	if !s.Virtual(web).Draining {
		t.Error("the removed virtual does not drain")
	}
	if v := s.Virtual(web); len(s.Tiers(v)) != 0 || v.Timers.Idle != 5000 {
		t.Errorf("the removed virtual takes new connections, or has other timers: %+v", v)
	}

	// The real goes, too.
	c = strings.NewReplacer("  - {name: a, address: 10.0.0.11, port: 8080, weight: 3}\n", "", "reals: [a, b]", "reals: [b]", "reals: [a]", "reals: [b]").Replace(c)
	if err := r.Reload(parse(t, c)); err != nil {
		t.Fatal(err)
	}
	s, _ = r.workers.last()
	if s.FindReal(ip("10.0.0.11"), 8080, tcp) != a || *s.Real(a) != (ruleset.Real{Address: ip("10.0.0.11"), Port: 8080}) {
		t.Error("replies of a removed real belong to nobody: they would be dropped, or show its address")
	}
	if other := members(s, "192.0.2.11", 80, tcp); len(other) != 1 {
		t.Errorf("%d reals take new connections, want 1", len(other))
	}

	// The flow ends: all of it goes, once workers use rules without it.
	r.workers.counts[0].Close(binding.Binding, binding.Real)
	r.workers.counts[0].Remove(binding.Binding)
	r.workers.acknowledge(old.Generation)
	r.tidyNow()
	if last, _ := r.workers.last(); last.FindVirtual(0, ip("192.0.2.10"), 80, tcp) == 0 {
		t.Error("gone before all workers use the rules in which it drains")
	}
	r.workers.acknowledge(s.Generation)
	r.tidyNow()
	last, _ := r.workers.last()
	if last.FindVirtual(0, ip("192.0.2.10"), 80, tcp) != 0 || last.FindReal(ip("10.0.0.11"), 8080, tcp) != 0 {
		t.Error("drained, and still in the rules")
	}
}

func TestWeightZeroTakesNothing(t *testing.T) {
	r := newRig(t, 1)
	if err := r.Reload(parse(t, strings.Replace(twoPorts, "weight: 3", "weight: 0", 1))); err != nil {
		t.Fatal(err)
	}
	s, _ := r.workers.last()
	if len(members(s, "192.0.2.10", 53, udp)) != 0 {
		t.Error("a real of weight 0 takes new connections")
	}
	if s.FindReal(ip("10.0.0.11"), 8080, udp) == 0 {
		t.Error("its replies belong to nobody")
	}
}

// Secure is for virtuals' addresses, though the kernel has those, too: not for the director's own.
func TestSecureRules(t *testing.T) {
	r := newRigOf(t, 1, twoPorts+"secure: true\n")
	for address, secured := range map[string]bool{"192.0.2.10": true, "192.0.2.1": false, "198.51.100.7": false, "10.0.0.1": false} {
		if got := r.first.Secured(ip(address)); got != secured {
			t.Errorf("%s: %v, want %v", address, got, secured)
		}
	}
	if newRig(t, 1).first.Secured(ip("192.0.2.10")) {
		t.Error("secured though nobody asked for it")
	}
}
