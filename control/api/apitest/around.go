package apitest

import (
	"net/netip"

	"linedirector/control/api"
)

func stickies() []api.Sticky {
	return []api.Sticky{
		{Group: "shop", Client: netip.MustParsePrefix("198.51.100.7/32"), Real: "web1", Connections: 1},
		{Group: "shop", Client: netip.MustParsePrefix("203.0.113.9/32"), Real: "web2", ExpiresInSeconds: new(42.5)},
		{Group: "shop", Client: netip.MustParsePrefix("198.51.100.8/32"), Real: "spare", ExpiresInSeconds: new(599.0)},
	}
}

func ports() []api.Port {
	return []api.Port{
		{
			Name: "outside", Device: "0000:3b:00.0", Driver: "net_ice", Side: "clients", MAC: "02:00:5e:00:00:01", MTU: 1500, Up: true,
			SpeedMbps: 25000, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}, RxQueues: 2, TxQueues: 2, Steering: "hardware",
			RxPacketsTotal: 8812400, TxPacketsTotal: 12345700, RxBytesTotal: 900e6, TxBytesTotal: 17.2e9, RxMissedTotal: 17, RxErrorsTotal: 2,
		},
		{
			Name: "inside", Device: "net_af_xdp0", Driver: "net_af_xdp", Side: "reals", MAC: "02:00:5e:00:00:02", MTU: 9000,
			Addresses: []netip.Prefix{}, RxQueues: 1, TxQueues: 2, Steering: "single", TxErrorsTotal: 5, RxNoMbufTotal: 1,
		},
	}
}

func neighbours() []api.Neighbour {
	return []api.Neighbour{
		{Address: netip.MustParseAddr("192.0.2.254"), Port: "outside", MAC: "02:00:5e:00:00:fe", Kept: true, For: "route 0.0.0.0/0"},
		{Address: netip.MustParseAddr("10.0.0.11"), Port: "inside", MAC: "02:00:5e:00:00:11", Kept: true, For: "real web1"},
		{Address: netip.MustParseAddr("10.0.0.12"), Port: "inside", Kept: true, For: "real web2"},
		{Address: netip.MustParseAddr("192.0.2.77"), Port: "outside", MAC: "02:00:5e:00:00:77"},
	}
}

// explanation is that of a client with a sticky entry for a real that failed.
func explanation() api.Explanation {
	return api.Explanation{
		Rule: "its port, for clients of every class", Virtual: "web", Worker: 1, Sticky: &stickies()[1],
		Real: "spare", Why: "web2 of the sticky entry is failed; fewest connections for its weight",
		Reals: []api.Candidate{
			{Name: "web1", State: api.InService, Weight: 3, Connections: 1204, Takes: true, Score: 401.333333333},
			{Name: "web2", State: api.Failed, Weight: 1, Connections: 12, Why: "it is failed"},
			{Name: "spare", State: api.InService, Weight: 1, Connections: 40, Takes: true, Score: 40},
		},
	}
}
