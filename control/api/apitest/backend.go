// Package apitest has what tests of the control socket share: a control core that is not one.
package apitest

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"linedirector/control/api"
	"linedirector/control/events"
)

// Now is when the example is looked at.
var Now = time.Date(2025, 11, 25, 4, 0, 0, 0, time.UTC)

// Backend is an api.Backend that answers what its fields say. Its methods may be called from any goroutine; fields are set
// before.
type Backend struct {
	RealList    []api.Real
	VirtualList []api.Virtual
	WorkerList  []api.Worker
	FlowList    []api.Flow
	Log         *events.Journal
	Refuse      error // what SetRealState returns
	mu          sync.Mutex
}

// New is the example: a site with four reals in different states, one of which drains.
func New() *Backend {
	b := &Backend{Log: events.New(events.Kept)}
	b.RealList, b.VirtualList, b.WorkerList, b.FlowList = reals(), virtuals(), workers(), flows()
	b.Log.Add(events.Event{
		Time: Now.Add(-18 * time.Second), Kind: events.State, Real: "web2", From: api.InService, To: api.Failed, Cause: "threshold reached",
		Numbers: events.Numbers{Ditched: 8, Threshold: 8, BySilence: 7, ByReset: 1, Connections: 12},
	})
	b.Log.Add(events.Event{
		Time: Now.Add(-3 * time.Second), Kind: events.State, Real: "ns", From: api.InService, To: api.Maintenance, Cause: "operator",
		Numbers: events.Numbers{Threshold: 8},
	})
	return b
}

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
			Weight: 1, Threshold: 8, OpenedTotal: 7, Virtuals: []string{"dns"},
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
			Reals: []api.VirtualReal{{Name: "web1", State: api.InService}, {Name: "web2", State: api.Failed}, {Name: "spare", State: api.InService}},
		},
		{
			Name: "web-tls", Address: vip, Port: 443, Protocol: "tcp", Predictor: "weighted", Connections: 7, OpenedTotal: 80,
			Active: api.Active{Tier: api.TierBackup, Virtual: "web"}, Backup: "web", NoRealTotal: 3,
			Reals: []api.VirtualReal{{Name: "web2", State: api.Failed}},
		},
		{
			Name: "dns", Address: vip, Port: 53, Protocol: "udp", Predictor: "roundrobin", OpenedTotal: 7, NoRealTotal: 12,
			Active: api.Active{Tier: api.TierNone}, Reals: []api.VirtualReal{{Name: "ns", State: api.Maintenance}},
		},
	}
}

func workers() []api.Worker {
	return []api.Worker{
		{
			Number: 0, CPU: 2, Flows: 700, Capacity: 1 << 20, ForwardPacketsTotal: 8812345, ReplyPacketsTotal: 12345678,
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

// Reals is api.Backend's.
func (b *Backend) Reals() []api.Real {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.RealList)
}

// Virtuals is api.Backend's.
func (b *Backend) Virtuals() []api.Virtual { return b.VirtualList }

// Workers is api.Backend's.
func (b *Backend) Workers() []api.Worker { return b.WorkerList }

// Flows is api.Backend's. Its cursor is a place in FlowList.
func (b *Backend) Flows(_ context.Context, q api.FlowQuery) (page api.FlowPage, err error) {
	at := 0
	if q.Cursor != "" {
		if at, err = strconv.Atoi(q.Cursor); err != nil || at < 0 || at > len(b.FlowList) {
			return page, &api.Error{Status: http.StatusBadRequest, Problem: fmt.Sprintf("no cursor '%s'", q.Cursor), Mend: "begin anew without one"}
		}
	}
	for ; at < len(b.FlowList) && len(page.Flows) < q.Limit; at++ {
		f := &b.FlowList[at]
		if (q.Virtual == "" || f.Virtual == q.Virtual) && (q.Real == "" || f.Real == q.Real) &&
			(q.Phase == "" || f.Phase == q.Phase) && (!q.Client.IsValid() || q.Client.Contains(f.Client.Addr())) {
			page.Flows = append(page.Flows, *f)
		}
	}
	if at < len(b.FlowList) {
		page.Next = strconv.Itoa(at)
	}
	return page, nil
}

// SetRealState is api.Backend's. It adds the event that the control core would.
func (b *Backend) SetRealState(name, state string) error {
	if b.Refuse != nil {
		return b.Refuse
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.RealList, func(r api.Real) bool { return r.Name == name && !r.Draining })
	r := &b.RealList[i]
	b.Log.Add(events.Event{
		Time: Now, Kind: events.State, Real: name, From: r.State, To: state, Cause: "operator",
		Numbers: events.Numbers{Threshold: r.Threshold, Connections: r.Connections},
	})
	r.State, r.Since, r.Cause, r.RetryInSeconds = state, Now, "operator", nil
	return nil
}

// Journal is api.Backend's.
func (b *Backend) Journal() *events.Journal { return b.Log }
