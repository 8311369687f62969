package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"linedirector/conf"
	"linedirector/control/kernel"
	"linedirector/control/metrics"
	"linedirector/lcore/ruleset"
)

// tidyNow is what Run does every second.
func (r *rig) tidyNow() { r.locked(func() { r.tidy(time.Now()) }) }

// run runs the director to the end of the test, inside a bubble of synthetic time.
func (r *rig) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestNewAppliesTheConfiguration(t *testing.T) {
	r := newRig(t, 1)
	if len(r.stack.applied) != 1 {
		t.Fatalf("applied %d times", len(r.stack.applied))
	}
	w := r.stack.applied[0]
	got := fmt.Sprint(w.Addresses, w.Virtuals, w.Routes, w.Neighbours)
	want := "[{0 192.0.2.1/24} {1 10.0.0.1/24}] [192.0.2.10 192.0.2.10] [{10.9.0.0/16 10.0.0.254}] []"
	if got != want {
		t.Errorf("applied %s, want %s", got, want)
	}
	if n := r.Unresolved(); n != 2 {
		t.Errorf("%d next hops are unresolved, want 2", n)
	}
	if err := r.Close(); err != nil || !r.mirror.closed {
		t.Errorf("Close: %v; mirror closed: %v", err, r.mirror.closed)
	}
}

// What fails in New leaves nothing of the director behind, and says where.
func TestNewFails(t *testing.T) {
	r := newRig(t, 1)
	broken := errors.New("no netlink")
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"stack", func(c *Config) {
			c.Stack = &fakeStack{refuse: func(kernel.Wanted) error {
				return &kernel.ItemError{List: "addresses", Index: 1, Err: errors.New("10.0.0.1/24: permission denied"), Mend: "run as root"}
			}}
		}, "dir.yaml:4:5: ports[1].addresses[0]: 10.0.0.1/24: permission denied; run as root"},
		{"mirror", func(c *Config) { c.Follow = func() (Mirror, error) { return nil, broken } }, "no netlink"},
	} {
		c := r.config(parse(t, twoPorts))
		tt.change(&c)
		if d, _, err := New(c); d != nil || err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// What the kernel refuses is named by its line.
func TestPlaceOfWhatTheKernelRefuses(t *testing.T) {
	c := parse(t, twoPorts+"neighbours:\n  - {port: inside, address: 10.0.0.12, mac: 02:00:00:00:00:0c}\n")
	for _, tt := range []struct {
		list  string
		index int
		want  string
	}{
		{"addresses", 0, "dir.yaml:3:5: ports[0].addresses[0]: odd"},
		{"addresses", 1, "dir.yaml:4:5: ports[1].addresses[0]: odd"},
		{"virtuals", 1, "dir.yaml:12:5: virtuals[1].address: odd"},
		{"routes", 0, "dir.yaml:6:5: routes[0]: odd"},
		{"neighbours", 0, "dir.yaml:14:5: neighbours[0]: odd"},
	} {
		if got := inFile(c, &kernel.ItemError{List: tt.list, Index: tt.index, Err: errors.New("odd")}); got.Error() != tt.want {
			t.Errorf("%v, want %s", got, tt.want)
		}
	}
	if got := inFile(c, errors.New("odd")); got.Error() != "dir.yaml: odd" {
		t.Error(got)
	}
}

func TestReload(t *testing.T) {
	r := newRig(t, 1)
	next := parse(t, strings.Replace(twoPorts, "name: b, address: 10.9.0.12", "name: b, address: 10.9.0.13", 1))
	if err := r.Reload(next); err != nil {
		t.Fatal(err)
	}
	s, n := r.workers.last()
	if n != 1 || s.Generation != 2 || s.FindReal(ip("10.9.0.13"), 8080, tcp) == 0 || r.Conf() != next {
		t.Errorf("%d published, generation %d", n, s.Generation)
	}
	if s.RouteGeneration != r.first.RouteGeneration {
		t.Error("no route changed, and yet all flows must look theirs up again")
	}
}

func TestBadReloadChangesNothing(t *testing.T) {
	r := newRig(t, 1)
	in := r.Conf()
	r.workers.counts[0].Insert(1)
	for _, tt := range []struct{ name, old, now, want string }{
		{"another name", "name: outside", "name: outsid", "dir.yaml:3:5: ports[0].name: "},
		{"another device", "device: net_null1", "device: net_null2", "dir.yaml:4:5: ports[1].device: "},
		{"another side", "side: reals", "side: both", "dir.yaml:4:5: ports[1].side: "},
		{"another port", "routes:", "  - {name: third, device: net_null3, addresses: [10.5.0.1/24]}\nroutes:", "dir.yaml: ports: 2 ports cannot become 3"},
	} {
		err := r.Reload(parse(t, strings.Replace(twoPorts, tt.old, tt.now, 1)))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !strings.HasSuffix(err.Error(), "; restart to apply it") {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	if len(r.stack.applied) != 1 {
		t.Error("the kernel was told of a configuration that was refused")
	}

	// Too many for the slots: known before the kernel is touched.
	r.objects.realSlots.limit = 2
	err := r.Reload(parse(t, strings.Replace(twoPorts, "reals:\n", "reals:\n  - {name: c, address: 10.0.0.13}\n", 1)))
	if err == nil || !strings.Contains(err.Error(), "reals") || len(r.stack.applied) != 1 {
		t.Errorf("more reals than slots: %v", err)
	}

	// The kernel refuses: it gets the old configuration again.
	r.objects.realSlots.limit = ruleset.MaxReals
	r.stack.refuse = func(w kernel.Wanted) error {
		if len(w.Routes) == 0 {
			return &kernel.ItemError{List: "virtuals", Index: 0, Err: errors.New("odd")}
		}
		return nil
	}
	err = r.Reload(parse(t, strings.NewReplacer("routes:\n  - {to: 10.9.0.0/16, via: 10.0.0.254}\n", "", "10.9.0.12", "10.0.0.12").Replace(twoPorts)))
	if err == nil || !strings.Contains(err.Error(), "virtuals[0]") || len(r.stack.applied) != 2 || len(r.stack.applied[1].Routes) != 1 {
		t.Errorf("the kernel refuses: %v; applied %+v", err, r.stack.applied)
	}
	if _, n := r.workers.last(); n != 0 || r.Conf() != in {
		t.Error("a refused configuration was published")
	}
	for _, b := range r.objects.bindings {
		if b.draining {
			t.Error("a refused configuration lets a binding drain")
		}
	}
}

func TestRouteGeneration(t *testing.T) {
	r := newRig(t, 1)
	r.publish()
	same, _ := r.workers.last()
	if same.Generation != 2 || same.RouteGeneration != 1 {
		t.Fatalf("nothing changed: generation %d, of routes %d", same.Generation, same.RouteGeneration)
	}
	state := kernelOf()
	state.Addresses = append(state.Addresses, kernel.Address{Port: 1, Prefix: prefix("10.0.0.2/32")})
	r.mirror.set(state)
	r.publish()
	if s, _ := r.workers.last(); s.RouteGeneration != 1 || !s.Local(ip("10.0.0.2")) {
		t.Error("an address is no route")
	}
	state.Routes = state.Routes[1:]
	r.mirror.set(state)
	r.publish()
	if s, _ := r.workers.last(); s.RouteGeneration != 2 {
		t.Error("a route went, and flows do not look theirs up again")
	}
	r.routeGen = 1<<16 - 1
	r.mirror.set(kernelOf())
	r.publish()
	if s, _ := r.workers.last(); s.RouteGeneration != 1 {
		t.Errorf("route generation %d after the last; 0 is none", s.RouteGeneration)
	}
}

func TestUnreachableRealsAreNamedOnce(t *testing.T) {
	r := newRig(t, 1)
	said := func() (n int, last string) {
		for _, line := range r.said() {
			if strings.HasPrefix(line, "no route leads") {
				n, last = n+1, line
			}
		}
		return n, last
	}
	lose := kernelOf()
	lose.Routes = lose.Routes[2:]
	r.mirror.set(lose)
	r.publish()
	r.tidyNow()
	r.mirror.set(kernelOf())
	r.publish()
	r.tidyNow()
	r.tidyNow()
	if n, line := said(); n != 0 {
		t.Errorf("a moment without routes, as after a reload, and it said %q", line)
	}
	r.mirror.set(lose)
	for range 5 {
		r.publish()
		r.tidyNow()
	}
	if n, line := said(); n != 1 || !strings.HasSuffix(line, "reals=a, b") {
		t.Errorf("said %d times, at last %q", n, line)
	}
	r.mirror.set(kernelOf())
	for range 3 {
		r.publish()
		r.tidyNow()
	}
	r.mirror.set(lose)
	for range 3 {
		r.publish()
		r.tidyNow()
	}
	if n, _ := said(); n != 1 {
		t.Errorf("unreachable again: said %d times, want once", n)
	}
}

// Run answers each of its events.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2)
		r.run(t)
		r.keeper.asked()

		r.mirror.changes <- struct{}{}
		synctest.Wait()
		if s, n := r.workers.last(); n != 1 || s.Generation != 2 {
			t.Errorf("the kernel changed: %d published", n)
		}

		r.mirror.events <- valid(1, "10.0.0.11", macOne)
		synctest.Wait()
		if hop, ok := r.table.Get(r.table.Neighbour(5, ip("10.0.0.11"))); !ok || hop.Low&(1<<48-1) != mac48(macOne) {
			t.Error("a neighbour's MAC did not reach the workers")
		}
		if r.Unresolved() != 1 {
			t.Errorf("%d unresolved, want the gateway", r.Unresolved())
		}

		r.workers.want(3, "192.0.2.77")
		r.workers.want(9, "192.0.2.78") // no port of ours
		r.workers.want(5, "10.0.0.78")
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		equal(t, "asked for", r.keeper.asked(), []string{"resolve 7 192.0.2.77", "resolve 8 10.0.0.78"})

		// Each worker knows the other's load within a millisecond or two.
		m := members(r.first, "192.0.2.10", 80, tcp)[0]
		open(r.workers.counts[1], m.Binding, m.Real)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := r.workers.counts[0].Load(m.Real); n != 1 {
			t.Errorf("the other worker knows of %d connections, want 1", n)
		}

		// The silent gateway is named after 3 seconds, once.
		time.Sleep(10 * time.Second)
		synctest.Wait()
		silent := 0
		for _, line := range r.said() {
			if strings.HasPrefix(line, "next hop does not answer") && strings.Contains(line, "10.0.0.254") && strings.HasSuffix(line, "for=route to 10.9.0.0/16") {
				silent++
			}
		}
		if silent != 1 {
			t.Errorf("the silent gateway was named %d times, want once", silent)
		}
		if _, n := r.workers.last(); n != 1 {
			t.Errorf("%d times published, want no more than the one", n)
		}
	})
}

// bindings are what metrics show of them.
func (r *rig) bindings() []metrics.Binding {
	var out metrics.Readings
	r.Read(&out)
	return out.Bindings
}

// A binding that has drained lets its slots go, by itself.
func TestRunReaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1)
		r.run(t)
		m := members(r.first, "192.0.2.10", 53, udp)[0]
		r.workers.counts[0].Insert(m.Binding)
		if err := r.Reload(parse(t, strings.Replace(twoPorts, "reals: [a]", "reals: [b]", 1))); err != nil {
			t.Fatal(err)
		}
		r.workers.acknowledge(2)
		time.Sleep(5 * time.Second)
		if n := len(r.bindings()); n != 4 {
			t.Fatalf("%d bindings, want the draining one, too", n)
		}
		r.workers.counts[0].Remove(m.Binding)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := len(r.bindings()); n != 3 {
			t.Errorf("%d bindings, want 3", n)
		}
	})
}

// A renewal of route generations happens without a change of routes, if slots wait for one.
func TestRunRenewsSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1)
		r.run(t)
		for i := range worthRenewal {
			a := fmt.Sprintf("192.0.2.%d", 1+i%250)
			r.mirror.events <- valid(0, a, macOne)
			r.mirror.events <- lost(0, a)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s, n := r.workers.last()
		if n != 1 || s.RouteGeneration != 2 {
			t.Fatalf("%d published, route generation %d", n, s.RouteGeneration)
		}
		r.workers.acknowledge(s.Generation)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		r.locked(func() {
			if free := len(r.hops.slots.free); free != worthRenewal {
				t.Errorf("%d slots are free, want %d", free, worthRenewal)
			}
		})
	})
}

func TestBindings(t *testing.T) {
	r := newRig(t, 2)
	for i, c := range r.workers.counts {
		for _, m := range members(r.first, "192.0.2.10", 80, tcp) {
			for range 3 + i {
				c.Insert(m.Binding)
				open(c, m.Binding, m.Real)
			}
			c.Close(m.Binding, m.Real)
		}
	}
	got := map[metrics.Binding]bool{}
	for _, b := range r.bindings() {
		got[b] = true
	}
	for _, want := range []metrics.Binding{
		{Virtual: "web", Real: "a", Opened: 7, Open: 5}, {Virtual: "web", Real: "b", Opened: 7, Open: 5}, {Virtual: "dns", Real: "a"},
	} {
		if !got[want] {
			t.Errorf("no %+v among %v", want, got)
		}
	}
}

var _ Stack = (*kernel.Stack)(nil)

var (
	_ Mirror = (*kernel.Mirror)(nil)
	_ Keeper = (*kernel.Keeper)(nil)
	_ Tap    = (*kernel.Tap)(nil)
)

// Reloads, scrapes and events at once, under the race detector; workers keep to the rules as they come.
func TestConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2)
		r.run(t)
		one, two := parse(t, twoPorts), parse(t, strings.NewReplacer("reals: [a, b]", "reals: [b]", "10.9.0.12", "10.9.0.13").Replace(twoPorts))
		for _, f := range []func(i int){
			func(i int) {
				if err := r.Reload([]*conf.Config{one, two}[i%2]); err != nil {
					t.Error(err)
				}
			},
			func(int) { r.bindings(); r.Unresolved(); r.Conf() },
			func(int) { r.mirror.changes <- struct{}{} },
			func(i int) { r.mirror.events <- valid(0, fmt.Sprintf("192.0.2.%d", 20+i), macOne) },
			func(int) {
				s, _ := r.workers.last()
				if s == nil {
					return
				}
				for _, m := range members(s, "192.0.2.10", 80, tcp) {
					if s.Real(m.Real) == nil || m.Binding == 0 {
						t.Error("rules with a hole")
					}
				}
				r.workers.acknowledge(s.Generation)
			},
		} {
			go func() {
				for i := range 50 {
					f(i)
					time.Sleep(100 * time.Millisecond)
				}
			}()
		}
		time.Sleep(10 * time.Second)
		last, _ := r.workers.last()
		r.workers.acknowledge(last.Generation)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := len(r.objects.reals); n != 2 {
			t.Errorf("%d reals are left, want the two of the last configuration", n)
		}
		if s, _ := r.workers.last(); s.Generation != r.generation {
			t.Error("the last rules were not published")
		}
	})
}
