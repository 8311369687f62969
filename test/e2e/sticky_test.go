package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// shownSticky is what `ldctl show sticky -o json` prints of an entry, as far as tests ask for it.
type shownSticky struct {
	Group       string
	Client      string
	Real        string
	Connections int
	Expires     *float64 `json:"expires_in_seconds"`
}

// showSticky are all entries.
func (d *director) showSticky(args ...string) []shownSticky {
	d.t.Helper()
	var list struct{ Sticky []shownSticky }
	out := d.ldctl(append([]string{"show", "sticky", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		d.t.Fatalf("ldctl show sticky prints what is no JSON: %v\n%s", err, out)
	}
	return list.Sticky
}

// stickyOf is the client's entry in a group.
func (d *director) stickyOf(group, client string) (entry shownSticky, found bool) {
	d.t.Helper()
	for _, e := range d.showSticky() {
		if e.Group == group && e.Client == client {
			return e, true
		}
	}
	return shownSticky{}, false
}

// The clients of TestSticky: ten of one /24 each, 198.51.100.7 to 198.51.109.7.
const stickyNetwork = "198.51.96.0/20"

func stickyClients() (all []string) {
	for i := range 10 {
		all = append(all, fmt.Sprintf("198.51.%d.7", 100+i))
	}
	return all
}

// networkOf is a client's /24, neighbour another client there.
func networkOf(client string) string { return strings.TrimSuffix(client, ".7") + ".0/24" }
func neighbour(client string) string { return strings.TrimSuffix(client, ".7") + ".200" }

// stickySite is what TestSticky has, and what it knows of it.
type stickySite struct {
	*site
	*director
	config string
	homes  map[string]string // real by client
}

// TestSticky has clients come to the real that they have been at. The usual network's reals, two virtuals that are buddies,
// so that a client's basket and its payment are at the same real, one with entries of its own, and one to fill a real with:
//
//	198.51.100.7, .200   client                          a (20 connections at most)
//	…               ──── 192.0.2.100 ──── director ────  b
//	198.51.109.7, .200                                   c
//
//	192.0.2.10:80   shop      192.0.2.10:443  shop-tls      a client is its /24, 10 minutes
//	192.0.2.10:81   brief     an address alone, 1 second    192.0.2.10:83  only a
func TestSticky(t *testing.T) {
	setup := widest()
	s := newSite(t)
	s.serve(t)
	s.slowSYNs()
	s.manyClients(stickyNetwork)
	config := ports(setup.queues) + behindClient(stickyNetwork) + `reals:
  - {name: a, address: 10.0.0.11, port: 8080, maxconns: 20}
  - {name: b, address: 10.0.0.12, port: 8080}
  - {name: c, address: 10.0.0.13, port: 8080}
virtuals:
  - {name: shop, address: 192.0.2.10, port: 80, reals: [a, b, c], predictor: roundrobin, slow-start: off, reassign: 1, threshold: 1, sticky: &shop {timer: 10m, prefix: 24, buddies: shop}, timers: &short {close-delay: 1s}}
  - {name: shop-tls, address: 192.0.2.10, port: 443, reals: [a, b, c], predictor: roundrobin, sticky: *shop, timers: *short}
  - {name: brief, address: 192.0.2.10, port: 81, reals: [a, b, c], predictor: roundrobin, sticky: 1s, timers: *short}
  - {name: only, address: 192.0.2.10, port: 83, reals: [a], timers: *short}
`
	st := &stickySite{site: s, director: s.start(t, setup, config), config: config, homes: map[string]string{}}
	st.settle(t)
	if len(st.inUse()) < 2 { // in turn, and yet so
		t.Fatalf("ten clients in turn came to %v: this shows nothing", st.homes)
	}
	for _, step := range []struct {
		name string
		f    func(t *testing.T)
	}{
		{"home", func(t *testing.T) { st.home(t) }},
		{"reload", st.reloads},
		{"states", st.states},
		{"failed", st.failed},
		{"flush", st.flushed},
		{"full", st.full},
		{"timer", st.timer},
	} {
		whole := st.t
		good := t.Run(step.name, func(t *testing.T) {
			st.t = t // what fails is this step
			step.f(t)
		})
		if st.t = whole; !good {
			break
		}
	}
	drainedOf(st.director, "shop", "shop-tls", "brief", "only")
}

// settle notes where all clients are.
func (st *stickySite) settle(t *testing.T) {
	t.Helper()
	for _, client := range stickyClients() {
		st.homes[client] = st.realFor(t, client, "192.0.2.10:80")
	}
}

// inUse are the reals that clients are at.
func (st *stickySite) inUse() map[string]bool {
	used := map[string]bool{}
	for _, real := range st.homes {
		used[real] = true
	}
	return used
}

// home wants each client, and another one of its /24, at its real, by both buddies, and one entry for all that.
func (st *stickySite) home(t *testing.T) {
	t.Helper()
	for _, client := range stickyClients() {
		for _, c := range []struct{ client, port string }{{client, "80"}, {client, "443"}, {neighbour(client), "443"}, {neighbour(client), "80"}} {
			if real := st.realFor(t, c.client, "192.0.2.10:"+c.port); real != st.homes[client] {
				t.Errorf("client %s came to %s at port %s, want %s", c.client, real, c.port, st.homes[client])
			}
		}
	}
	entries := st.showSticky("--group", "shop")
	if len(entries) != len(stickyClients()) {
		t.Errorf("there are %d sticky entries, want one for each of ten networks: %+v", len(entries), entries)
	}
	for _, client := range stickyClients() {
		if e, ok := st.stickyOf("shop", networkOf(client)); !ok || e.Real != st.homes[client] {
			t.Errorf("the entry of %s is %+v (there: %v), want real %s", networkOf(client), e, ok, st.homes[client])
		}
	}
}

// reloads: entries outlive changes of the configuration, by signal and by ldctl.
func (st *stickySite) reloads(t *testing.T) {
	st.reload(strings.Replace(st.config, "port: 83", "port: 84", 1))
	st.eventually(func() error {
		_, _, err := st.once("192.0.2.10:84", time.Now().Add(bound))
		return err
	})
	st.home(t)
	st.ldctl("apply", st.WriteFile("applied.yaml", strings.Replace(st.config, "roundrobin", "leastconns", 1)))
	st.home(t)
	st.ldctl("apply", "--previous")
	st.reload(st.config)
	st.eventually(func() error {
		_, _, err := st.once("192.0.2.10:83", time.Now().Add(bound))
		return err
	})
	st.home(t)
}

// states: what each state of a real means for its sticky clients (SPEC.md section 4), and that others do not come.
func (st *stickySite) states(t *testing.T) {
	first := stickyClients()[0]
	for i, c := range []struct {
		state string
		stays bool // its sticky clients
	}{
		{"maintenance", true},
		{"sticky-only", true},
		{"externally-failed", false},
		{"out-of-service", false},
	} {
		st.settle(t)
		real := st.homes[first]
		before := st.hold1(t, first, "192.0.2.10:80")
		st.set(real, c.state)
		if c.state == "out-of-service" {
			st.eventually(func() error { // once all workers know
				if left := st.showSticky("--real", real); len(left) != 0 {
					return fmt.Errorf("out-of-service: %d entries for it are left", len(left))
				}
				return nil
			})
		}
		for n := range 6 { // that have no entry
			if got := st.realFor(t, fmt.Sprintf("198.51.99.%d", 1+6*i+n), "192.0.2.10:81"); got == real {
				t.Errorf("%s: a client without an entry came to %s", c.state, real)
			}
		}
		got := st.realFor(t, first, "192.0.2.10:443")
		if stays := got == real; stays != c.stays {
			t.Errorf("%s: a client that had been at %s came to %s", c.state, real, got)
		}
		alive(t, []held{before})
		_ = before.Close()
		st.set(real, "in-service")
		if again := st.realFor(t, first, "192.0.2.10:80"); again != got {
			t.Errorf("after %s the client came to %s, want %s, where it was last", c.state, again, got)
		}
		if e, ok := st.stickyOf("shop", networkOf(first)); !ok || e.Real != got {
			t.Errorf("after %s the entry is %+v (there: %v), want real %s", c.state, e, ok, got)
		}
	}
}

// failed: a client whose real's machine falls silent is rescued, and stays where it is then, also when the real is back.
func (st *stickySite) failed(t *testing.T) {
	st.settle(t)
	first := stickyClients()[0]
	real := st.homes[first]
	st.ail(t, real, silence)
	begin := time.Now()
	next := st.realFor(t, first, "192.0.2.10:80")
	if took := time.Since(begin); next == real || took < 900*time.Millisecond || took > 3500*time.Millisecond {
		t.Errorf("the client of a real that fell silent came to %s after %v, want another than %s by its second SYN", next, took, real)
	}
	st.awaitState(real, "failed")
	for _, c := range []string{first, neighbour(first)} { // at once
		begin := time.Now()
		if got := st.realFor(t, c, "192.0.2.10:443"); got != next || time.Since(begin) > 900*time.Millisecond {
			t.Errorf("after that client %s came to %s within %v, want %s", c, got, time.Since(begin), next)
		}
	}
	st.ail(t, real, "")
	st.set(real, "in-service")
	if got := st.realFor(t, first, "192.0.2.10:80"); got != next {
		t.Errorf("its real is well again, and the client came to %s, want %s", got, next)
	}
}

// flushed: ldctl forgets one client, a real's clients, and all of a group.
func (st *stickySite) flushed(t *testing.T) {
	st.settle(t)
	client := stickyClients()[3]
	real := st.homes[client]
	st.ldctl("flush", "sticky", "--client", neighbour(client))
	if e, ok := st.stickyOf("shop", networkOf(client)); ok {
		t.Errorf("after its client was forgotten there is %+v", e)
	}
	came := map[string]bool{}
	for range 6 { // anew each time, in turn: workers have turns of their own, and yet not always there
		came[st.realFor(t, client, "192.0.2.10:80")] = true
		st.ldctl("flush", "sticky", "--client", client, "--group", "shop")
	}
	if len(came) < 2 {
		t.Errorf("a client that was forgotten six times came to %v only", came)
	}
	st.ldctl("flush", "sticky", "--real", real)
	if left := st.showSticky("--real", real); len(left) != 0 {
		t.Errorf("after the clients of %s were forgotten there are %+v", real, left)
	}
	st.ldctl("flush", "sticky", "--virtual", "shop-tls")
	if left := st.showSticky("--group", "shop"); len(left) != 0 {
		t.Errorf("after all were forgotten there are %+v", left)
	}
}

// full: a client whose real is full is sent elsewhere for once, and comes back when there is room.
func (st *stickySite) full(t *testing.T) {
	st.settle(t)
	var client string
	for one, real := range st.homes {
		if real == "a" {
			client = one
		}
	}
	if client == "" {
		t.Fatalf("of ten clients in turn none came to a: %v", st.homes)
	}
	st.await(0, "real_connections", "real", "a")
	filling := st.hold(t, 20, "192.0.2.10:83")
	for range 2 {
		if real := st.realFor(t, client, "192.0.2.10:80"); real == "a" {
			t.Error("a real that is full took a sticky client")
		}
	}
	if e, ok := st.stickyOf("shop", networkOf(client)); !ok || e.Real != "a" {
		t.Errorf("meanwhile the entry is %+v (there: %v), want real a", e, ok)
	}
	for _, h := range filling {
		_ = h.Close()
	}
	st.await(0, "real_connections", "real", "a")
	if real := st.realFor(t, client, "192.0.2.10:80"); real != "a" {
		t.Errorf("there is room at its real, and the client came to %s", real)
	}
}

// timer: an entry's timer starts when its last connection closes, and it is gone when that has run.
func (st *stickySite) timer(t *testing.T) {
	client := stickyClients()[0]
	entry := func(judge func(e shownSticky, found bool) error) {
		t.Helper()
		err := netlab.Eventually(bound, func() error {
			e, found := st.stickyOf("brief", client+"/32")
			return judge(e, found)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	one, two := st.hold1(t, client, "192.0.2.10:81"), st.hold1(t, client, "192.0.2.10:81")
	if one.real != two.real {
		t.Errorf("two connections of a client came to %s and %s", one.real, two.real)
	}
	live := time.Now()
	_ = one.Close()
	entry(func(e shownSticky, found bool) error {
		if !found || e.Expires != nil {
			return netlab.Final(fmt.Errorf("an entry with a connection is %+v (there: %v)", e, found))
		}
		if e.Connections != 1 || time.Since(live) < 1500*time.Millisecond { // longer than its timer
			return fmt.Errorf("it has %d connections after %v", e.Connections, time.Since(live))
		}
		return nil
	})
	_ = two.Close()
	closed := time.Now()
	entry(func(e shownSticky, found bool) error {
		if !found || e.Connections != 0 || e.Expires == nil || *e.Expires > 1 {
			return fmt.Errorf("an entry whose connections are closed is %+v (there: %v)", e, found)
		}
		return nil
	})
	entry(func(e shownSticky, found bool) error {
		if found {
			return fmt.Errorf("the entry is there: %+v", e)
		}
		return nil
	})
	if took := time.Since(closed); took < 900*time.Millisecond || took > 3*time.Second {
		t.Errorf("the entry was gone %v after its last connection, want 1 s and some", took)
	}
}

// hold1 is a connection of one client, closed with the test at the latest.
func (s *site) hold1(t *testing.T, client, address string) held {
	t.Helper()
	h, err := s.from(client, 0, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}
