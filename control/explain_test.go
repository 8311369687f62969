package control

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"linedirector/control/api"
)

func TestExplain(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		var asked Packet
		look := Outlook{Worker: 1}
		r.workers.explain = func(p Packet) (Outlook, error) { asked = p; return look, nil }
		ask := func(client, to, protocol string) api.Explanation {
			t.Helper()
			e, err := r.Explain(api.Question{Client: netip.MustParseAddrPort(client), Virtual: netip.MustParseAddrPort(to), Protocol: protocol})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		if e := ask("203.0.113.9:1024", "192.0.2.99:80", "tcp"); e.Virtual != "" || e.Rule == "" || e.Why == "" {
			t.Errorf("%+v", e)
		}
		look.VirtualSlot, look.Real = r.at("web").slot, r.slot("a")
		e := ask("203.0.113.9:1024", "192.0.2.10:80", "tcp")
		if asked != (Packet{Endpoint{ip("203.0.113.9"), 1024}, Endpoint{ip("192.0.2.10"), 80}, 6}) {
			t.Errorf("asked %+v", asked)
		}
		if e.Virtual != "web" || e.Class != "" || e.Worker != 1 || e.Real != "a" || e.Why != "predictor leastconns" || e.Flow != nil || e.Sticky != nil {
			t.Errorf("%+v", e)
		}
		if len(e.Reals) != 3 || e.Reals[0].Weight != 7 || !e.Reals[0].Takes || e.Reals[2].Takes || e.Reals[2].Why != "weight 0" {
			t.Errorf("%+v", e.Reals)
		}
		r.workers.sticky.entries = []StickyEntry{{Client: ip("203.0.113.0"), Group: r.rule("web").Sticky.Group, Real: r.slot("a"), Connections: 3}}
		if e := ask("203.0.113.9:1024", "192.0.2.10:80", "tcp"); e.Sticky == nil || e.Sticky.Connections != 3 || !strings.Contains(e.Why, "sticky") {
			t.Errorf("%+v", e)
		}
		r.workers.sticky.entries[0].Connections, r.workers.sticky.entries[0].Until = 0, r.workers.Now() // over, as workers take it
		if e := ask("203.0.113.9:1024", "192.0.2.10:80", "tcp"); e.Sticky != nil || strings.Contains(e.Why, "sticky") {
			t.Errorf("%+v", e)
		}
		r.workers.sticky.entries[0].Connections = 3
		look.Real = r.slot("b")
		if e := ask("203.0.113.9:1024", "192.0.2.10:80", "tcp"); !strings.Contains(e.Why, "chooses anew: a,") {
			t.Errorf("%+v", e)
		}
		look.VirtualSlot = r.at("lab").slot
		if e := ask("198.51.100.9:1024", "192.0.2.10:80", "tcp"); e.Class != "lab" || !strings.Contains(e.Rule, "class lab") {
			t.Errorf("%+v", e)
		}
		look.Flow = &Flow{RealSlot: r.slot("b"), VirtualSlot: r.at("lab").slot, Phase: "established", Protocol: 6}
		if e := ask("198.51.100.9:1024", "192.0.2.10:80", "tcp"); e.Flow == nil || e.Flow.Real != "b" || !strings.Contains(e.Why, "until it ends") {
			t.Errorf("%+v", e)
		}
		look = Outlook{VirtualSlot: r.at("web").slot, Cause: "no-real"}
		if e := ask("203.0.113.9:1024", "192.0.2.10:80", "tcp"); e.Real != "" || !strings.Contains(e.Why, "no real takes it") {
			t.Errorf("%+v", e)
		}
	})
}

func TestPortsAndNeighbours(t *testing.T) {
	r := newRig(t, 1)
	ports := r.Ports()
	if len(ports) != 2 || ports[0].Name != "outside" || ports[0].Side != "clients" || ports[0].Addresses[0] != prefix("192.0.2.1/24") || ports[1].Device != "net_null1" {
		t.Errorf("%+v", ports)
	}
	r.hops.learn(valid(1, "10.0.0.11", macOne))
	var shown []string
	for _, n := range r.Neighbours() {
		shown = append(shown, strings.TrimSpace(n.Address.String()+" "+n.Port+" "+n.MAC+" "+n.For))
	}
	equal(t, "neighbours", shown, []string{"10.0.0.11 inside " + net.HardwareAddr(macOne[:]).String() + " real a", "10.0.0.254 inside  route to 10.9.0.0/16"})
}
