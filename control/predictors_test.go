package control

import (
	"slices"
	"strings"
	"testing"
	"time"

	"linedirector/conf"
	"linedirector/control/synretry"
	"linedirector/lcore/ruleset"
)

// webBy is twoPorts with another predictor for web, and what else the virtual or the real b has.
func webBy(predictor, real string) string {
	return strings.NewReplacer("predictor: weighted", predictor, "{name: b,", "{name: b, "+real).Replace(twoPorts)
}

func webTier(s *ruleset.Snapshot) *ruleset.Tier {
	return &s.Tiers(s.Virtual(s.FindVirtual(0, ip("192.0.2.10"), 80, tcp)))[0]
}

// Every predictor of the configuration is one of the workers'.
func TestPredictorsAreKnown(t *testing.T) {
	seen := map[ruleset.Predictor]bool{}
	for p := conf.LeastConns; p.String() != "invalid"; p++ {
		to, ok := predictors[p]
		if !ok || seen[to] {
			t.Errorf("%v is %v", p, to)
		}
		seen[to] = true
		r := newRigOf(t, 1, webBy("predictor: "+p.String(), ""))
		if got := webTier(r.first).Predictor; got != to {
			t.Errorf("%v: workers have %v, want %v", p, got, to)
		}
	}
	if len(seen) != int(ruleset.Predictors) {
		t.Errorf("%d of %d", len(seen), ruleset.Predictors)
	}
}

func TestPredictorLoaded(t *testing.T) {
	r := newRigOf(t, 1, webBy("predictor: loaded", "load: 70, "))
	var loads []uint32
	for _, m := range r.first.Members(webTier(r.first)) {
		loads = append(loads, m.Load)
	}
	if !slices.Equal(loads, []uint32{0, 70}) {
		t.Errorf("loads %v", loads)
	}
}

// A tick is a millisecond here, a beat a microsecond.
func TestPredictorFastest(t *testing.T) {
	for text, want := range map[string]int64{
		"predictor: fastest":                          1000,
		"predictor: fastest, fastest: {aging: 250us}": 250,
		"predictor: fastest, fastest: {aging: off}":   0,
	} {
		r := newRigOf(t, 2, webBy(text, ""))
		if got := webTier(r.first).Aging.Of(1000); got < want-1 || got > want {
			t.Errorf("%s: a second takes off %d beats, want %d", text, got, want)
		}
		if r.measured != 2 {
			t.Errorf("%s: response times are shared up to slot %d", text, r.measured)
		}
	}
	if r := newRig(t, 2); r.measured != 0 {
		t.Error("response times are shared, and nobody needs them")
	}
}

// Who gets the slot of another real is not known by what that one needed.
func TestSamplesOfAFormerReal(t *testing.T) {
	r := newRigOf(t, 2, webBy("predictor: fastest", ""))
	b := r.first.FindReal(ip("10.9.0.12"), 8080, tcp)
	r.workers.counts[1].Measure(b, 500, r.workers.Now())
	if err := r.Reload(parse(t, webBy("predictor: fastest", ""))); err != nil {
		t.Fatal(err)
	}
	if r.workers.counts[1].Sample(b) == 0 {
		t.Error("forgotten though the real stays")
	}
	if err := r.Reload(parse(t, strings.ReplaceAll(webBy("predictor: fastest", ""), "10.9.0.12", "10.0.0.13"))); err != nil {
		t.Fatal(err)
	}
	s, _ := r.workers.last()
	r.workers.acknowledge(s.Generation)
	r.tidyNow()
	if err := r.Reload(parse(t, strings.ReplaceAll(webBy("predictor: fastest", ""), "10.9.0.12", "10.0.0.14"))); err != nil {
		t.Fatal(err)
	}
	s, _ = r.workers.last()
	if again := s.FindReal(ip("10.0.0.14"), 8080, tcp); again != b {
		t.Fatalf("this test needs slot %d again, and has %d", b, again)
	}
	if got := r.workers.counts[1].Sample(b); got != 0 {
		t.Errorf("the new real is known by %d beats", got.Response())
	}
}

// A table's length goes by the reals that are configured: one that fails leaves its clients, and nobody else moves.
func TestPredictorHash(t *testing.T) {
	r := newRigOf(t, 1, webBy("predictor: hash, hash: {of: endpoint}", ""))
	tier := webTier(r.first)
	if !tier.ByPort || len(r.first.Table(tier)) != 4099 {
		t.Errorf("by port %v, a table of %d", tier.ByPort, len(r.first.Table(tier)))
	}
	before := &r.first.Table(tier)[0]
	r.publish()
	s, _ := r.workers.last()
	if &s.Table(webTier(s))[0] != before {
		t.Error("a table made anew though nothing has changed")
	}
	r.locked(func() { r.set(time.Now(), r.objects.liveReals[1], synretry.OutOfService, "test"); r.publish() })
	s, _ = r.workers.last()
	if tier = webTier(s); len(s.Table(tier)) != 4099 || len(s.Members(tier)) != 1 {
		t.Errorf("one of two is out: a table of %d for %d", len(s.Table(tier)), len(s.Members(tier)))
	}
	r = newRigOf(t, 1, webBy("predictor: hash, hash: {table: 101}", ""))
	if tier = webTier(r.first); tier.ByPort || len(r.first.Table(tier)) != 101 {
		t.Errorf("by port %v, a table of %d", tier.ByPort, len(r.first.Table(tier)))
	}
}
