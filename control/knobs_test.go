package control

import (
	"strings"
	"testing"
	"time"

	"linedirector/control/api"
)

// What an operator turns holds until the file says something else than before.
func TestKnobs(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		_, before := r.workers.last()
		if err := r.SetReal("b", api.RealSettings{Weight: new(5), MaxConns: new(9), Load: new(2)}); err != nil {
			t.Fatal(err)
		}
		if _, n := r.workers.last(); n != before+1 {
			t.Errorf("%d sets of rules for one change", n-before)
		}
		if rule := r.rules().Real(r.slot("b")); rule.MaxConns != 9 || rule.Load != 2 {
			t.Errorf("%+v", rule)
		}
		equal(t, "weights", r.tiers(80, tcp), []string{"leastconns: a*7 b*5"})
		if got := r.Reals()[1]; got.Weight != 5 || got.MaxConns != 9 || strings.Join(got.Overrides, " ") != "weight maxconns load" {
			t.Errorf("%+v", got)
		}
		reload := func(old, now string) {
			t.Helper()
			if err := r.Reload(parse(t, strings.Replace(shop, old, now, 1))); err != nil {
				t.Fatal(err)
			}
		}
		reload("timer: 10m", "timer: 11m")
		if got := r.Reals()[1]; got.Weight != 5 || got.MaxConns != 9 {
			t.Errorf("another change took it back: %+v", got)
		}
		reload("maxconns: 4", "maxconns: 6")
		if got := r.Reals()[1]; got.Weight != 5 || got.MaxConns != 6 || strings.Join(got.Overrides, " ") != "weight load" {
			t.Errorf("%+v", got)
		}
		// A binding's own weight stays, but a real of weight 0 has no new connections anywhere.
		if err := r.SetReal("a", api.RealSettings{Weight: new(0)}); err != nil {
			t.Fatal(err)
		}
		equal(t, "weight 0", r.tiers(80, tcp), []string{"leastconns: b*5"})
		if got := r.keepers("web"); got != "b" {
			t.Errorf("weight 0: keepers %s", got)
		}
		// One that had weight 0 comes slowly; another one that does ends no slow start.
		wait(time.Second)
		if err := r.SetReal("a", api.RealSettings{Weight: new(3)}); err != nil {
			t.Fatal(err)
		}
		equal(t, "slow start", r.tiers(80, tcp), []string{"leastconns: a*7~ b*5"})
		since := r.rules().Real(r.slot("a")).Since
		wait(5 * time.Second)
		if err := r.SetReal("c", api.RealSettings{Weight: new(1)}); err != nil {
			t.Fatal(err)
		}
		equal(t, "slow starts", r.tiers(80, tcp), []string{"leastconns: a*7~ b*5 c*1~"})
		if got := r.rules().Real(r.slot("a")).Since; got != since {
			t.Errorf("the first slow start began anew, at %d instead of %d", got, since)
		}
		if later := r.rules().Real(r.slot("c")).Since; later < since+5000 {
			t.Errorf("the second one began at %d, the first at %d", later, since)
		}
		if err := r.SetReal("nobody", api.RealSettings{Weight: new(1)}); err == nil {
			t.Error("set a real that is none")
		}
	})
}

// Several settings are taken together, or none.
func TestSetsAllOrNothing(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		if err := r.SetReal("a", api.RealSettings{Weight: new(9), State: new(api.Failed)}); err == nil {
			t.Fatal("took a state that cannot be set")
		}
		if got := r.Reals()[0]; got.Weight != 3 || got.State != api.InService {
			t.Errorf("%+v", got)
		}
		if err := r.SetReal("a", api.RealSettings{Weight: new(9), State: new(api.Maintenance)}); err != nil {
			t.Fatal(err)
		}
		if got := r.Reals()[0]; got.Weight != 9 || got.State != api.Maintenance {
			t.Errorf("%+v", got)
		}
	})
}
