// Package apitest has what tests of the control socket share: a control core that is not one.
//
//	backend.go  lists, and changes of what they hold
//	site.go     the example's reals, virtuals, workers, flows
//	around.go   its ports, neighbours, sticky entries, and an explanation
//	config.go   its configurations
package apitest

import (
	"context"
	"fmt"
	"net/http"
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
	RealList      []api.Real
	VirtualList   []api.Virtual
	WorkerList    []api.Worker
	FlowList      []api.Flow
	StickyList    []api.Sticky
	PortList      []api.Port
	NeighbourList []api.Neighbour
	Explained     api.Explanation // save for what was asked
	InForce       api.Config
	Before        *api.Config
	Log           *events.Journal
	Refuse        error // what changes return
	mu            sync.Mutex
}

// New is the example: a site with four reals in different states, one of which drains.
func New() *Backend {
	b := &Backend{Log: events.New(events.Kept)}
	b.RealList, b.VirtualList, b.WorkerList, b.FlowList = reals(), virtuals(), workers(), flows()
	b.StickyList, b.PortList, b.NeighbourList, b.Explained = stickies(), ports(), neighbours(), explanation()
	b.InForce, b.Before = inForce(), before()
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

// Ports is api.Backend's.
func (b *Backend) Ports() []api.Port { return b.PortList }

// Neighbours is api.Backend's.
func (b *Backend) Neighbours() []api.Neighbour { return b.NeighbourList }

// Explain is api.Backend's. It explains whatever it is asked as the example's packet.
func (b *Backend) Explain(q api.Question) (api.Explanation, error) {
	e := b.Explained
	e.Client, e.To, e.Protocol = q.Client, q.Virtual, q.Protocol
	return e, b.Refuse
}

// Flows is api.Backend's. Its cursor is a place in FlowList.
func (b *Backend) Flows(_ context.Context, q api.FlowQuery) (page api.FlowPage, err error) {
	page.Flows, page.Next, err = paged(b.FlowList, q.Cursor, q.Limit, func(f *api.Flow) bool {
		return (q.Virtual == "" || f.Virtual == q.Virtual) && (q.Real == "" || f.Real == q.Real) &&
			(q.Phase == "" || f.Phase == q.Phase) && (!q.Client.IsValid() || q.Client.Contains(f.Client.Addr()))
	})
	return page, err
}

// Sticky is api.Backend's. Its cursor is a place in StickyList.
func (b *Backend) Sticky(_ context.Context, q api.StickyQuery) (page api.StickyPage, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	page.Sticky, page.Next, err = paged(b.StickyList, q.Cursor, q.Limit, func(s *api.Sticky) bool { return picks(&q, s) })
	return page, err
}

func picks(q *api.StickyQuery, s *api.Sticky) bool {
	return (q.Group == "" || s.Group == q.Group) && (q.Real == "" || s.Real == q.Real) &&
		(!q.Client.IsValid() || q.Client.Overlaps(s.Client))
}

// paged is what a page holds of a list, and the next one's cursor.
func paged[T any](all []T, cursor string, limit int, wanted func(*T) bool) (page []T, next string, err error) {
	at := 0
	if cursor != "" {
		if at, err = strconv.Atoi(cursor); err != nil || at < 0 || at > len(all) {
			return nil, "", &api.Error{Status: http.StatusBadRequest, Problem: fmt.Sprintf("no cursor '%s'", cursor), Mend: "begin anew without one"}
		}
	}
	for ; at < len(all) && len(page) < limit; at++ {
		if wanted(&all[at]) {
			page = append(page, all[at])
		}
	}
	if at < len(all) {
		next = strconv.Itoa(at)
	}
	return page, next, nil
}

// SetReal is api.Backend's. It adds the event that the control core would.
func (b *Backend) SetReal(name string, s api.RealSettings) error {
	if b.Refuse != nil {
		return b.Refuse
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.RealList, func(r api.Real) bool { return r.Name == name && !r.Draining })
	r := &b.RealList[i]
	overrides := slices.Clone(r.Overrides) // others may look at the old one
	if s.State != nil {
		b.Log.Add(events.Event{
			Time: Now, Kind: events.State, Real: name, From: r.State, To: *s.State, Cause: "operator",
			Numbers: events.Numbers{Threshold: r.Threshold, Connections: r.Connections},
		})
		r.State, r.Since, r.Cause, r.RetryInSeconds = *s.State, Now, "operator", nil
		overrides = append(overrides, "state")
	}
	if s.Weight != nil {
		r.Weight, overrides = *s.Weight, append(overrides, "weight")
	}
	if s.MaxConns != nil {
		r.MaxConns, overrides = uint64(*s.MaxConns), append(overrides, "maxconns")
	}
	if s.Load != nil {
		r.Load, overrides = *s.Load, append(overrides, "load")
	}
	slices.Sort(overrides)
	r.Overrides = slices.Compact(overrides)
	return nil
}

// Open says how many connections a real of the configuration has from now on.
func (b *Backend) Open(name string, connections uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.RealList {
		if r := &b.RealList[i]; r.Name == name && !r.Draining {
			r.Connections = connections
		}
	}
}

// FlushReal is api.Backend's.
func (b *Backend) FlushReal(name string) (f api.Flushed, err error) {
	if b.Refuse != nil {
		return f, b.Refuse
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.RealList {
		if r := &b.RealList[i]; r.Name == name {
			f.Connections += r.Connections
			r.Connections = 0
		}
	}
	return f, nil
}

// FlushVirtual is api.Backend's.
func (b *Backend) FlushVirtual(name string) (f api.Flushed, err error) {
	for i := range b.VirtualList {
		if v := &b.VirtualList[i]; v.Name == name {
			f.Connections += v.Connections
		}
	}
	return f, b.Refuse
}

// FlushSticky is api.Backend's.
func (b *Backend) FlushSticky(q api.StickyQuery) (int, error) {
	if b.Refuse != nil {
		return 0, b.Refuse
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.StickyList)
	b.StickyList = slices.DeleteFunc(slices.Clone(b.StickyList), func(s api.Sticky) bool { return picks(&q, &s) })
	return n - len(b.StickyList), nil
}

// Journal is api.Backend's.
func (b *Backend) Journal() *events.Journal { return b.Log }
