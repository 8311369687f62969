package control

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"linedirector/control/api"
	"linedirector/control/events"
	"linedirector/control/metrics"
	"linedirector/lcore/ruleset"
)

var _ api.Backend = (*Director)(nil)

func TestReals(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		wait(time.Second)
		a := r.slot("a")
		m := members(r.first, "192.0.2.10", 80, tcp)[0]
		udp := members(r.first, "192.0.2.10", 53, udp)[0]
		open(r.workers.counts[0], m.Binding, a)
		open(r.workers.counts[1], udp.Binding, a)
		open(r.workers.counts[1], udp.Binding, a)
		r.workers.counts[1].Close(udp.Binding, a)
		r.workers.counts[0].Measure(a, 9000, r.workers.Now()-100)
		r.workers.counts[1].Measure(a, 1000, r.workers.Now()-50)
		all := r.Reals()
		var names []string
		for _, one := range all {
			names = append(names, one.Name)
		}
		equal(t, "order", names, []string{"a", "b", "spare", "last"})
		got := all[0]
		if got.Address != addr("10.0.0.11") || got.Port != 8080 || got.State != api.InService || got.Cause == "" || got.Since.IsZero() ||
			got.Draining || got.Weight != 3 || got.Connections != 2 || got.OpenedTotal != 3 || got.MaxConns != 0 ||
			got.Threshold != 8 || *got.ResponseTimeSeconds != 0.001 || got.RetryInSeconds != nil || got.SlowStartLeftSeconds != nil ||
			got.Backup != "spare" || got.Probe != nil || strings.Join(got.Virtuals, " ") != "web dns" {
			t.Errorf("%+v", got)
		}
		if all[2].MaxConns != 4 || len(all[2].Virtuals) != 0 || all[2].Virtuals == nil || all[2].ResponseTimeSeconds != nil {
			t.Errorf("%+v", all[2])
		}
	})
}

func TestVirtuals(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		web := r.first.FindVirtual(0, ip("192.0.2.10"), 80, tcp)
		m := members(r.first, "192.0.2.10", 80, tcp)[0]
		open(r.workers.counts[0], m.Binding, m.Real)
		r.workers.counts[0].HalfOpen(web, 4)
		r.workers.counts[1].HalfOpen(web, 3)
		r.workers.counts[1].NoReal(web)
		got := r.Virtuals()
		if len(got) != 3 {
			t.Fatalf("%+v", got)
		}
		want := api.Virtual{
			Name: "web", Address: addr("192.0.2.10"), Port: 80, Protocol: "tcp", Predictor: "leastconns", Connections: 1, OpenedTotal: 1,
			HalfOpen: 7, SynGuard: 50, Reals: []api.VirtualReal{{Name: "a", State: api.InService, Weight: 3, Connections: 1}, {Name: "b", State: api.InService, Weight: 2}},
			Backup: "sorry", Active: api.Active{Tier: api.TierOwn}, NoRealTotal: 1,
		}
		if fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("%+v, want %+v", got[0], want)
		}
		active := func() string { return fmt.Sprint(r.Virtuals()[0].Active, r.Virtuals()[1].Active) }
		for _, step := range [][2]string{
			{"a", "{own } {own }"}, // its backup stands in
			{"b", "{own } {own }"},
			{"spare", "{own } {own }"}, // now last does
		} {
			if err := r.setState(step[0], api.Maintenance); err != nil {
				t.Fatal(err)
			}
			if got := active(); got != step[1] {
				t.Errorf("without %s: %s", step[0], got)
			}
		}
		if err := r.Reload(parse(t, strings.ReplaceAll(failing, ", backup: last", ""))); err != nil {
			t.Fatal(err)
		}
		if got := active(); got != "{backup sorry} {own }" {
			t.Errorf("without a backup of the backup: %s", got)
		}
		if err := r.setState("last", api.OutOfService); err != nil {
			t.Fatal(err)
		}
		if got := active(); got != "{none } {none }" {
			t.Errorf("nobody is left: %s", got)
		}
	})
}

func TestWorkersAndJournal(t *testing.T) {
	r := newRig(t, 1)
	if w := r.Workers(); len(w) != 1 || w[0].CPU != 2 {
		t.Errorf("%+v", w)
	}
	if r.Journal() == nil || r.Journal().Last() != 0 {
		t.Error("a start is no transition")
	}
	r.showWorkers = nil
	if r.Workers() != nil {
		t.Error("workers out of nothing")
	}
}

// flows are one a record: worker 0 has 1,100 of web on a, worker 1 has three of dns on b.
func flowsOf(r *rig) {
	web, dns := r.first.FindVirtual(0, ip("192.0.2.10"), 80, tcp), r.first.FindVirtual(0, ip("192.0.2.10"), 53, udp)
	for i := range 1100 {
		r.workers.flows[0] = append(r.workers.flows[0], Flow{
			Client: Endpoint{ip("198.51.100.0") + uint32(i%200), uint16(1000 + i)}, Virtual: Endpoint{ip("192.0.2.10"), 80},
			Real: Endpoint{ip("10.0.0.11"), 8080}, Protocol: tcp, Phase: "half-open", VirtualSlot: web, RealSlot: r.slot("a"),
			Idle: 1500, SYNs: 2, ForwardBytes: 10, ReplyBytes: 20,
		})
	}
	for i := range 3 {
		r.workers.flows[1] = append(r.workers.flows[1], Flow{
			Client: Endpoint{ip("203.0.113.7"), uint16(i)}, Virtual: Endpoint{ip("192.0.2.10"), 53}, Real: Endpoint{ip("10.9.0.12"), 8080},
			Protocol: udp, Phase: "udp", VirtualSlot: dns, RealSlot: r.slot("b"),
		})
	}
}

func TestFlows(t *testing.T) {
	r := newRig(t, 3)
	flowsOf(r)
	all := func(q api.FlowQuery) (flows []api.Flow, pages int) {
		t.Helper()
		for {
			page, err := r.Flows(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Flows) > q.Limit {
				t.Errorf("%d flows on a page of %d", len(page.Flows), q.Limit)
			}
			flows, pages = append(flows, page.Flows...), pages+1
			if page.Next == "" {
				return flows, pages
			}
			q.Cursor = page.Next
		}
	}
	flows, pages := all(api.FlowQuery{Limit: 1000})
	if len(flows) != 1103 || pages != 2 {
		t.Errorf("%d flows on %d pages", len(flows), pages)
	}
	want := api.Flow{
		Client: netip.MustParseAddrPort("198.51.100.0:1000"), VirtualEndpoint: netip.MustParseAddrPort("192.0.2.10:80"),
		RealEndpoint: netip.MustParseAddrPort("10.0.0.11:8080"), Virtual: "web", Real: "a", Protocol: "tcp", Phase: "half-open",
		IdleSeconds: 1.5, SYNs: 2, ForwardBytes: 10, ReplyBytes: 20,
	}
	if flows[0] != want || flows[1102].Worker != 1 || flows[1102].Protocol != "udp" {
		t.Errorf("%+v and %+v", flows[0], flows[1102])
	}
	for _, tt := range []struct {
		q    api.FlowQuery
		want int
	}{
		{api.FlowQuery{Virtual: "web"}, 1100},
		{api.FlowQuery{Real: "b"}, 3},
		{api.FlowQuery{Virtual: "web", Real: "b"}, 0},
		{api.FlowQuery{Phase: "udp"}, 3},
		{api.FlowQuery{Client: prefix("198.51.100.5/32")}, 6},
		{api.FlowQuery{Client: prefix("203.0.113.0/24")}, 3},
	} {
		for _, tt.q.Limit = range []int{1, 7, 10000} {
			if flows, _ := all(tt.q); len(flows) != tt.want {
				t.Errorf("%+v: %d flows, want %d", tt.q, len(flows), tt.want)
			}
		}
	}
	for _, cursor := range []string{"x", "1", "1:", ":1", "3:0", "-1:0", "0:5000000000"} {
		var e *api.Error
		if _, err := r.Flows(context.Background(), api.FlowQuery{Limit: 1, Cursor: cursor}); !asAPI(err, &e) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Flows(ctx, api.FlowQuery{Limit: 1}); err == nil {
		t.Error("it reads for a client that is gone")
	}
}

func TestRead(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		r.ditch("a", 6, false)
		r.ditch("a", 2, true)
		r.workers.counts[0].Move(r.slot("a"))
		web := r.first.FindVirtual(0, ip("192.0.2.10"), 80, tcp)
		r.workers.counts[0].NoReal(web)
		r.workers.counts[1].HalfOpen(web, 2)
		wait(blink)
		var got metrics.Readings
		r.Read(&got)
		if len(got.States) != 8 || len(got.Reals) != 4 || len(got.Virtuals) != 3 || len(got.Bindings) != 8 {
			t.Errorf("%d states, %d reals, %d virtuals, %d bindings", len(got.States), len(got.Reals), len(got.Virtuals), len(got.Bindings))
		}
		for _, one := range got.Reals {
			if one.Name == "a" && (one.State != api.Failed || one.Ditched != 8 || one.Silent != 6 || one.Refused != 2 || one.Moved != 1 ||
				fmt.Sprint(one.Transitions) != "[{failed 1}]") {
				t.Errorf("%+v", one)
			}
		}
		for _, one := range got.Virtuals {
			if one.Name == "web" && one != (metrics.Virtual{Name: "web", HalfOpen: 2, NoReal: 1}) {
				t.Errorf("%+v", one)
			}
		}
	})
}

// The control socket's questions while reals fail and the configuration changes, for the race detector.
func TestShowConcurrently(t *testing.T) {
	inRun(t, failing, func(t *testing.T, r *rig) {
		flowsOf(r)
		one, two := parse(t, failing), parse(t, strings.Replace(failing, "10.0.0.11", "10.0.0.21", 1))
		f := r.journal.Follow(0)
		defer f.Close()
		for _, do := range []func(int){
			func(int) { r.Reals(); r.Virtuals() },
			func(int) { _, _ = r.Flows(context.Background(), api.FlowQuery{Limit: 100}) },
			func(i int) { _ = r.setState("b", []string{api.InService, api.StickyOnly}[i%2]) },
			func(int) { r.ditch("a", 8, false); r.raise("a", ruleset.TrialAnswered) },
			func(i int) { r.find("spare", i%2 == 0) },
			func(i int) {
				if i%2 == 0 {
					_ = r.Reload(one)
				} else {
					_ = r.Reload(two)
				}
			},
			func(int) { r.workers.acknowledge(r.rules().Generation); r.Read(new(metrics.Readings)) },
			func(int) { f.Read(make([]events.Event, 10)) },
		} {
			go func() {
				for i := range 50 {
					do(i)
					time.Sleep(101 * time.Millisecond)
				}
			}()
		}
		wait(10 * time.Second)
		if r.journal.Last() == 0 {
			t.Error("nothing happened")
		}
	})
}
