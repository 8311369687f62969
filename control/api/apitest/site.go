package apitest

import (
	"net/netip"
	"time"

	"linedirector/control/api"
)

func reals() []api.Real {
	return []api.Real{
		{
			Name: "web1", Address: netip.MustParseAddr("10.0.0.11"), Port: 8080, State: api.InService, Since: Now.Add(-26 * time.Hour),
			Weight: 3, Connections: 1204, MaxConns: 5000, OpenedTotal: 918273, Ditched: 1, Threshold: 8, DitchedBySilenceTotal: 31,
			DitchedByResetTotal: 2, ReassignedTotal: 33, ResponseTimeSeconds: new(0.00184), Virtuals: []string{"web", "web-tls"},
			Probe: &api.Probe{Type: "http", Up: true, Last: Now.Add(-2 * time.Second)},
		},
		{
			Name: "web2", Address: netip.MustParseAddr("10.0.0.12"), Port: 8080, State: api.Failed, Since: Now.Add(-18 * time.Second),
			Cause: "threshold reached", Weight: 1, Connections: 12, OpenedTotal: 400112, Ditched: 8, Threshold: 8, DitchedBySilenceTotal: 60,
			DitchedByResetTotal: 9, ReassignedTotal: 68, ResponseTimeSeconds: new(0.25), RetryInSeconds: new(42.0), Backup: "spare",
			Virtuals: []string{"web", "web-tls"}, Probe: &api.Probe{Type: "http", Last: Now.Add(-time.Second), Cause: "status 503"},
		},
		{
			Name: "spare", Address: netip.MustParseAddr("10.0.0.19"), Port: 8080, State: api.InService, Since: Now.Add(-5 * time.Minute),
			Weight: 1, Connections: 40, OpenedTotal: 40, Threshold: 8, SlowStartLeftSeconds: new(12.5), Virtuals: []string{"web"},
		},
		{
			Name: "ns", Address: netip.MustParseAddr("10.0.1.53"), State: api.Maintenance, Since: Now.Add(-3 * time.Second), Cause: "operator",
			Overrides: []string{"state"}, Weight: 1, Threshold: 8, OpenedTotal: 7, Virtuals: []string{"dns"},
		},
		{
			Name: "web1", Address: netip.MustParseAddr("10.0.0.99"), Port: 80, State: api.InService, Since: Now.Add(-72 * time.Hour),
			Draining: true, Weight: 1, Connections: 1, OpenedTotal: 5, Threshold: 8, Virtuals: []string{},
		},
	}
}

func virtuals() []api.Virtual {
	vip := netip.MustParseAddr("192.0.2.10")
	return []api.Virtual{
		{
			Name: "web", Address: vip, Port: 80, Protocol: "tcp", Predictor: "leastconns", Connections: 1249, OpenedTotal: 1318385,
			HalfOpen: 17, SynGuard: 1000, Active: api.Active{Tier: api.TierOwn},
			Sticky: &api.StickyRule{TimerSeconds: 600, Prefix: 32, Buddies: "shop"},
			Reals: []api.VirtualReal{
				{Name: "web1", State: api.InService, Weight: 3, Connections: 1197},
				{Name: "web2", State: api.Failed, Weight: 1, Connections: 12},
				{Name: "spare", State: api.InService, Weight: 1, Connections: 40},
			},
		},
		{
			Name: "web-tls", Address: vip, Port: 443, Protocol: "tcp", Predictor: "weighted", Connections: 7, OpenedTotal: 80,
			Active: api.Active{Tier: api.TierBackup, Virtual: "web"}, Backup: "web", NoRealTotal: 3,
			Class: "staff", Sticky: &api.StickyRule{TimerSeconds: 600, Prefix: 32, Buddies: "shop"}, Expiry: "reset",
			Reals: []api.VirtualReal{{Name: "web2", State: api.Failed, Weight: 1}},
		},
		{
			Name: "dns", Address: vip, Port: 53, Protocol: "udp", Predictor: "roundrobin", OpenedTotal: 7, NoRealTotal: 12,
			Active: api.Active{Tier: api.TierNone}, Reals: []api.VirtualReal{{Name: "ns", State: api.Maintenance, Weight: 1}},
		},
	}
}

func workers() []api.Worker {
	return []api.Worker{
		{
			Number: 0, CPU: 2, Flows: 700, Capacity: 1 << 20, Guests: 31, ForwardPacketsTotal: 8812345, ReplyPacketsTotal: 12345678,
			ForwardBytesTotal: 900e6, ReplyBytesTotal: 17.2e9, HandedOverTotal: 12, DropsTotal: 3, BusyShare: 0.437, LongestStallSeconds: 0.00031,
		},
		{Number: 1, CPU: 3, Flows: 560, Capacity: 1 << 20, LongestStallSeconds: 0.0121},
	}
}

// flows has one of each phase that is counted.
func flows() []api.Flow {
	client := netip.MustParseAddr("198.51.100.7")
	to, from := netip.MustParseAddrPort("192.0.2.10:80"), netip.MustParseAddrPort("10.0.0.11:8080")
	return []api.Flow{
		{
			Client: netip.AddrPortFrom(client, 50001), VirtualEndpoint: to, RealEndpoint: from, Virtual: "web", Real: "web1",
			Protocol: "tcp", Phase: "established", AgeSeconds: new(754.2), IdleSeconds: 3.1, ForwardBytes: 1830, ReplyBytes: 2400512,
		},
		{
			Client: netip.AddrPortFrom(client, 50002), VirtualEndpoint: to, RealEndpoint: netip.MustParseAddrPort("10.0.0.12:8080"),
			Virtual: "web", Real: "web2", Protocol: "tcp", Phase: "half-open", AgeSeconds: new(1.9), IdleSeconds: 0.9, SYNs: 2, Worker: 1,
		},
		{
			Client: netip.AddrPortFrom(client.Next(), 5353), VirtualEndpoint: netip.MustParseAddrPort("192.0.2.10:53"),
			RealEndpoint: netip.MustParseAddrPort("10.0.1.53:53"), Virtual: "dns", Real: "ns", Protocol: "udp", Phase: "udp",
			IdleSeconds: 12, ForwardBytes: 70, ReplyBytes: 312, Worker: 1,
		},
	}
}
