package control

import (
	"slices"
	"strings"
	"testing"
	"time"

	"linedirector/control/api"
	"linedirector/lcore/ruleset"
)

// shop has sticky virtuals that share entries, one alone, a class of clients and weights by binding.
const shop = `
ports:
  - {name: outside, device: net_null0, addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: net_null1, addresses: [10.0.0.1/24], side: reals}
classes:
  - {name: lab, clients: [198.51.100.0/24]}
reals:
  - {name: a, address: 10.0.0.11, weight: 3, slow-start: 20s}
  - {name: b, address: 10.0.0.12, maxconns: 4}
  - {name: c, address: 10.0.0.13, weight: 0, slow-start: 20s}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, sticky: {timer: 10m, prefix: 24, buddies: shop}, reals: [{real: a, weight: 7}, b, c]}
  - {name: tls, address: 192.0.2.10, port: 443, sticky: {timer: 1m, prefix: 24, buddies: shop}, reals: [a, {real: b, weight: 0}]}
  - {name: lab, address: 192.0.2.10, port: 80, class: lab, expiry: rst, reals: [b]}
  - {name: all, address: 192.0.2.10, port: 0, protocol: any, sticky: 5m, reals: [a]}
`

// at is a live virtual.
func (r *rig) at(name string) (v *virtual) {
	r.locked(func() {
		i := slices.IndexFunc(r.objects.liveVirtuals, func(v *virtual) bool { return v.conf.Name == name })
		v = r.objects.liveVirtuals[i]
	})
	return v
}

// rule is a virtual's part of the newest rules.
func (r *rig) rule(name string) *ruleset.Virtual { return r.rules().Virtual(r.at(name).slot) }

// keepers are the reals that a virtual's sticky clients may go to.
func (r *rig) keepers(name string) string {
	_, members := r.rules().Keepers(r.rule(name))
	var names []string
	for _, m := range members {
		for _, n := range []string{"a", "b", "c"} {
			if r.slot(n) == m.Real {
				names = append(names, n)
			}
		}
	}
	return strings.Join(names, " ")
}

func TestStickyRules(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		web, tls, all, lab := r.rule("web").Sticky, r.rule("tls").Sticky, r.rule("all").Sticky, r.rule("lab")
		if web.Group == 0 || web.Group != tls.Group || web.Bits != 24 || web.Timer != 600_000 || tls.Timer != 60_000 {
			t.Errorf("buddies: %+v and %+v", web, tls)
		}
		if all.Group == 0 || all.Group == web.Group || all.Bits != 32 {
			t.Errorf("alone: %+v", all)
		}
		if lab.Sticky != (ruleset.Sticky{}) || !lab.IdleReset || r.rule("web").IdleReset {
			t.Errorf("lab: %+v", lab)
		}
		equal(t, "weights", r.tiers(80, tcp), []string{"leastconns: a*7 b*1"})
		equal(t, "weights", r.tiers(443, tcp), []string{"leastconns: a*3"})
		if got := r.keepers("web") + "; " + r.keepers("tls"); got != "a b; a" {
			t.Errorf("keepers: %s", got)
		}
		for _, tt := range [][2]string{
			{api.Maintenance, "a b"}, {api.StickyOnly, "a b"}, {api.OutOfService, "b"}, {api.ExternallyFailed, "b"}, {api.InService, "a b"},
		} {
			if err := r.setState("a", tt[0]); err != nil {
				t.Fatal(err)
			}
			if got := r.keepers("web"); got != tt[1] {
				t.Errorf("%s: keepers %s, want %s", tt[0], got, tt[1])
			}
		}
		r.ditch("a", 8, false)
		wait(blink)
		if got := r.keepers("web"); got != "b" {
			t.Errorf("failed: keepers %s", got)
		}
	})
}

// Which client has which class is in the rules; a class of its own is another virtual at the same endpoint.
func TestClassesInRules(t *testing.T) {
	r := newRigOf(t, 1, shop)
	s := r.first
	lab := s.FindVirtual(ip("198.51.100.9"), ip("192.0.2.10"), 80, tcp)
	other := s.FindVirtual(ip("198.51.101.9"), ip("192.0.2.10"), 80, tcp)
	if lab != r.at("lab").slot || other != r.at("web").slot {
		t.Errorf("lab's client goes to %d, another to %d", lab, other)
	}
	if any := s.FindVirtual(ip("198.51.100.9"), ip("192.0.2.10"), 5000, udp); any != r.at("all").slot {
		t.Errorf("any other port goes to %d", any)
	}
}

// A virtual whose sticky group changes is another one: what is open goes on counting where it did.
func TestStickyGroupOfALifetime(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		was, group := r.at("web"), r.rule("web").Sticky.Group
		b := r.binding("web", "a")
		r.workers.counts[0].Insert(b.slot)
		open(r.workers.counts[0], b.slot, b.real.slot)
		if err := r.Reload(parse(t, strings.Replace(shop, "sticky: {timer: 10m, prefix: 24, buddies: shop}", "sticky: {timer: 2m, prefix: 24, buddies: shop}", 1))); err != nil {
			t.Fatal(err)
		}
		if r.at("web") != was || r.rule("web").Sticky.Timer != 120_000 {
			t.Errorf("a new timer makes another virtual: %+v", r.rule("web").Sticky)
		}
		if err := r.Reload(parse(t, strings.Replace(shop, "sticky: {timer: 10m, prefix: 24, buddies: shop}", "sticky: 10m", 1))); err != nil {
			t.Fatal(err)
		}
		is := r.at("web")
		if is == was || !was.draining || r.rules().Virtual(was.slot).Sticky.Group != group || r.rule("web").Sticky.Group == group {
			t.Fatalf("was %+v, is %+v", was, is)
		}
		if got := r.rules().FindVirtual(0, ip("192.0.2.10"), 80, tcp); got != is.slot {
			t.Errorf("new connections go to slot %d, want %d", got, is.slot)
		}
		r.workers.sticky.entries = []StickyEntry{{Client: 1, Group: r.rule("web").Sticky.Group, Real: 9}, {Client: 2, Group: group, Real: 9}}
		if err := r.Reload(parse(t, strings.Replace(shop, "sticky: {timer: 10m, prefix: 24, buddies: shop}, ", "", 1))); err != nil {
			t.Fatal(err)
		}
		r.workers.counts[0].Close(b.slot, b.real.slot)
		r.workers.counts[0].Remove(b.slot)
		r.workers.acknowledge(1000)
		wait(2 * time.Second)
		if got := r.workers.sticky.left(); len(got) != 1 || got[0].Group != group {
			t.Errorf("entries of a group that nobody has any more: %+v", got)
		}
	})
}

// binding is that of a virtual and a real.
func (r *rig) binding(virtual, real string) (found *binding) {
	r.locked(func() {
		for _, b := range r.objects.bindings {
			if b.names() == (names{virtual, real}) && !b.draining {
				found = b
			}
		}
	})
	return found
}

// Out of service drops a real's sticky entries, once no worker makes new ones; nothing else does.
func TestOutOfServiceDropsEntries(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		a := r.slot("a")
		r.workers.sticky.entries = []StickyEntry{{Client: 1, Group: 1, Real: a}, {Client: 2, Group: 1, Real: r.slot("b")}}
		for _, state := range []string{api.Maintenance, api.ExternallyFailed, api.OutOfService} {
			if err := r.setState("a", state); err != nil {
				t.Fatal(err)
			}
			wait(time.Second)
			if n := len(r.workers.sticky.left()); n != 2 {
				t.Fatalf("%s: %d entries before workers know", state, n)
			}
		}
		r.workers.acknowledge(1000)
		wait(time.Second)
		if got := r.workers.sticky.left(); len(got) != 1 || got[0].Real == a {
			t.Errorf("%+v", got)
		}
		if r.workers.sticky.expired == 0 {
			t.Error("nobody looks for entries that are over")
		}
	})
}

func TestListsAndFlushesSticky(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		group, now := r.rule("web").Sticky.Group, r.workers.Now()
		for i := range uint32(1200) {
			e := StickyEntry{Client: ip("198.51.0.0") + i<<8, Group: group, Real: r.slot([]string{"a", "b"}[i%2])}
			if i%3 == 0 {
				e.Connections = 2
			} else {
				e.Until = now + 5000
			}
			r.workers.sticky.entries = append(r.workers.sticky.entries, e)
		}
		over := StickyEntry{Client: ip("203.0.113.0"), Group: group, Real: r.slot("b"), Until: now} // neither shown nor counted
		r.workers.sticky.entries = append(r.workers.sticky.entries, over)
		var all []api.Sticky
		for q := (api.StickyQuery{Limit: 500}); ; {
			page, err := r.Director.Sticky(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page.Sticky...)
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		if len(all) != 1200 || all[0].Group != "shop" || all[0].Client != prefix("198.51.0.0/24") || all[0].Real != "a" ||
			all[0].Connections != 2 || all[0].ExpiresInSeconds != nil || all[1].ExpiresInSeconds == nil || *all[1].ExpiresInSeconds != 5 {
			t.Fatalf("%d entries: %+v", len(all), all[:min(2, len(all))])
		}
		page, err := r.Director.Sticky(t.Context(), api.StickyQuery{Limit: 10, Client: prefix("198.51.7.9/32"), Group: "shop", Real: "b"})
		if err != nil || len(page.Sticky) != 1 || page.Sticky[0].Client != prefix("198.51.7.0/24") {
			t.Errorf("%+v, %v", page, err)
		}
		if n, err := r.FlushSticky(api.StickyQuery{Real: "b"}); n != 600 || err != nil || len(r.workers.sticky.left()) != 600 {
			t.Errorf("%d flushed, %d are left, %v", n, len(r.workers.sticky.left()), err)
		}
		if _, err := r.Director.Sticky(t.Context(), api.StickyQuery{Limit: 10, Cursor: "x"}); err == nil {
			t.Error("took a strange cursor")
		}
	})
}
