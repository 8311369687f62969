package traffic

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
)

// TestEndpoints wants every number at an endpoint of its own, and back.
func TestEndpoints(t *testing.T) {
	for prefix, want := range map[string]struct {
		space       uint64
		first, last string
	}{
		"198.18.0.0/16": {65534 * 64512, "198.18.0.1:1024", "198.18.255.254:65535"},
		"10.1.2.3/24":   {254 * 64512, "10.1.2.1:1024", "10.1.2.254:65535"},
		"10.1.2.4/31":   {2 * 64512, "10.1.2.4:1024", "10.1.2.5:65535"},
		"10.1.2.3/32":   {64512, "10.1.2.3:1024", "10.1.2.3:65535"},
		"10.0.0.0/8":    {1<<32 - 1, "10.0.0.1:1024", ""},
	} {
		e := newEndpoints(netip.MustParsePrefix(prefix))
		if e.space() != want.space {
			t.Errorf("%s: %d endpoints, want %d", prefix, e.space(), want.space)
		}
		if got := addrPort(e.at(0)); got != want.first {
			t.Errorf("%s: begins with %s", prefix, got)
		}
		last := uint32(e.space() - 1)
		if got := addrPort(e.at(last)); want.last != "" && got != want.last {
			t.Errorf("%s: ends with %s", prefix, got)
		}
		for _, n := range []uint32{0, 1, e.addresses - 1, e.addresses, last / 2, last} {
			n = min(n, last)
			a, p := e.at(n)
			if back, ok := e.number(a, p); !ok || back != n {
				t.Errorf("%s: %d is at %s, which is %d", prefix, n, addrPort(a, p), back)
			}
			if !netip.MustParsePrefix(prefix).Contains(netip.MustParseAddrPort(addrPort(a, p)).Addr()) {
				t.Errorf("%s: %d is at %s", prefix, n, addrPort(a, p))
			}
		}
		for _, wrong := range []struct {
			a uint32
			p uint16
		}{{e.first - 1, 2000}, {e.first + e.addresses, 2000}, {e.first, 1023}} {
			if n, ok := e.number(wrong.a, wrong.p); ok {
				t.Errorf("%s: %s has number %d", prefix, addrPort(wrong.a, wrong.p), n)
			}
		}
	}
}

func addrPort(a uint32, p uint16) string {
	return fmt.Sprintf("%d.%d.%d.%d:%d", a>>24, a>>16&255, a>>8&255, a&255, p)
}

// TestUniform compares how often flows are drawn with how often they should be (chi-square).
func TestUniform(t *testing.T) {
	for _, flows := range []int{1, 2, 1000, 65537} {
		p := newPicker(flows, 0, 42)
		drawn := make([]int, flows)
		n := 200 * flows
		for range n {
			drawn[p.pick()]++
		}
		check(t, fmt.Sprint(flows), drawn, func(int) float64 { return 200 })
	}
}

// TestZipf does it for skews below, at and above 1, with few flows, which are drawn one by one, and more, which are
// drawn in runs.
func TestZipf(t *testing.T) {
	for _, skew := range []float64{0.5, 0.99, 1, 1.2, 2} {
		for _, flows := range []int{1, 2, 1000, 100_000} {
			t.Run(fmt.Sprintf("skew=%v flows=%d", skew, flows), func(t *testing.T) {
				p := newPicker(flows, skew, 7)
				const n = 1_000_000
				drawn := make([]int, flows)
				for range n {
					drawn[p.pick()]++
				}
				total := 0.0
				for k := range flows {
					total += math.Pow(float64(k+1), -skew)
				}
				// Rare flows are taken together until 100 draws are expected.
				want := func(k int) float64 { return n * math.Pow(float64(k+1), -skew) / total }
				var binsDrawn []int
				var binsWant []float64
				sumDrawn, sumWant := 0, 0.0
				for k := range flows {
					sumDrawn += drawn[k]
					if sumWant += want(k); sumWant >= 100 || k == flows-1 {
						binsDrawn, binsWant = append(binsDrawn, sumDrawn), append(binsWant, sumWant)
						sumDrawn, sumWant = 0, 0
					}
				}
				check(t, "", binsDrawn, func(i int) float64 { return binsWant[i] })
			})
		}
	}
}

// check fails if chi-square is six standard deviations from its mean.
func check(t *testing.T, name string, drawn []int, want func(int) float64) {
	t.Helper()
	chi := 0.0
	for i, d := range drawn {
		if want(i) > 0 {
			chi += (float64(d) - want(i)) * (float64(d) - want(i)) / want(i)
		}
	}
	freedom := float64(len(drawn) - 1)
	if limit := freedom + 6*math.Sqrt(2*freedom) + 1; chi > limit || freedom > 100 && chi < freedom-6*math.Sqrt(2*freedom) {
		t.Errorf("%s: chi-square %.0f with %.0f degrees of freedom", name, chi, freedom)
	}
}

// TestRuns wants each flow in one run, and the runs of ten million flows in a core's cache.
func TestRuns(t *testing.T) {
	all := runs(10_000_000, 1)
	next := uint32(0)
	for _, r := range all {
		if r.first != next || r.size < 1 || r.size > max(1, r.first/fine+1) {
			t.Fatalf("%+v, want one that begins with %d", r, next)
		}
		next += r.size
	}
	if next != 10_000_000 || len(all) > 25_000 {
		t.Errorf("%d flows in %d runs", next, len(all))
	}
}

// TestSeeds wants the same seed to give the same flows, and another one others.
func TestSeeds(t *testing.T) {
	a, b, c := newPicker(1000, 1, 1), newPicker(1000, 1, 1), newPicker(1000, 1, 2)
	same := 0
	for range 1000 {
		x := a.pick()
		if x != b.pick() {
			t.Fatal("the same seed gives others")
		}
		if x == c.pick() {
			same++
		}
	}
	if same > 500 {
		t.Errorf("%d of 1000 are the same with another seed", same)
	}
}

// TestMix reads mixes and spreads them.
func TestMix(t *testing.T) {
	for text, want := range map[string]string{
		"simple": "[{60 7} {590 4} {1514 1}]", "classic": "[{60 7} {566 4} {1514 1}]", "64:1": "[{64 1}]", "60:1,1514:4096": "",
		"": "", "60": "", "60:": "", ":1": "", "60:0": "", "60:-1": "", "x:1": "", "60:1,": "",
	} {
		m, err := ParseMix(text)
		if got := fmt.Sprint(m); (err == nil) != (want != "") || want != "" && got != want {
			t.Errorf("%q: %v, %v", text, m, err)
		}
	}
	m, _ := ParseMix("simple")
	counts, last := map[uint16]int{}, uint16(9)
	inRow := 0
	for _, i := range m.order() {
		counts[i]++
		if inRow++; i != last {
			inRow = 1
		}
		last = i
		if inRow > 2 {
			t.Errorf("not spread: %v", m.order())
			break
		}
	}
	if counts[0] != 7 || counts[1] != 4 || counts[2] != 1 {
		t.Errorf("%v", counts)
	}
	for _, bad := range []Mix{nil, {{59, 1}}, {{1515, 1}}} {
		if bad.check() == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

// TestPacer wants as many as the rate says, however often it is asked.
func TestPacer(t *testing.T) {
	const hz = 2_600_000_123
	for _, rate := range []uint64{1, 999, 1_000_000, 14_880_952} {
		for _, step := range []uint64{1000, 26_000, 1_000_000} {
			var p pacer
			p.start(hz, rate, 500)
			total := uint64(0)
			for now := uint64(500); now < 500+hz; now += step {
				for n := p.due(now, 32); n > 0; n = p.due(now, 32) {
					p.took(n)
					total += uint64(n)
				}
			}
			if total+1 < rate || total > rate+rate/1000+1 || p.behind > 0 {
				t.Errorf("rate %d, asked every %d cycles: %d in a second, %d behind", rate, step, total, p.behind)
			}
		}
	}
	var p pacer
	p.start(hz, 0, 0)
	for range 3 {
		if n := p.due(1, 32); n != 32 {
			t.Errorf("without a rate, %d are due", n)
		}
		p.took(32)
	}
}

// BenchmarkPick draws from ten million flows.
func BenchmarkPick(b *testing.B) {
	for _, skew := range []float64{0, 1} {
		b.Run(fmt.Sprintf("skew=%v", skew), func(b *testing.B) {
			p := newPicker(10_000_000, skew, 1)
			for b.Loop() {
				p.pick()
			}
		})
	}
}
