package forward

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// pool is a worker that has nothing to do but to choose among the reals of one virtual, in slots from 1 on.
type pool struct {
	*Worker
	source ruleset.Source
	client packet.Meta
}

func newPool(tb testing.TB, predictor ruleset.Predictor, weights ...uint16) *pool {
	tb.Helper()
	table, err := flowtable.New(flowtable.Heap(flowtable.Size(16)), 16, [3]uint64{1, 2, 3})
	if err != nil {
		tb.Fatal(err)
	}
	n := len(weights)
	g := &pool{Worker: New(Config{
		Steering: NewSteering(1), Table: table, Hops: ruleset.NewHops(nil), Stats: &Stats{}, Wants: &Wants{},
		Counts:         ruleset.NewCounts(nil, ruleset.Slots{Bindings: n, Reals: n, Virtuals: 1}, ruleset.NewShared(nil, n)),
		TicksPerSecond: second, Start: 1_000_000,
	})}
	v := ruleset.VirtualSource{Slot: 1, Address: web, Port: 80, Protocol: packet.ProtocolTCP}
	g.source.Reals = map[uint16]ruleset.Real{}
	for i, weight := range weights {
		slot := uint16(i + 1)
		g.source.Reals[slot] = ruleset.Real{Address: firstReal + uint32(i), Port: 8080}
		if weight > 0 {
			v.Members = append(v.Members, ruleset.Member{Binding: uint32(slot), Real: slot, Weight: weight})
		}
	}
	v.Tiers = []ruleset.TierSource{{Predictor: predictor, Members: v.Members}}
	g.source.Virtuals = []ruleset.VirtualSource{v}
	g.apply()
	return g
}

func (g *pool) apply() { g.Use(ruleset.Build(&g.source)) }

func (g *pool) tier() *ruleset.TierSource { return &g.source.Virtuals[0].Tiers[0] }

// real changes the rules of the one in a slot.
func (g *pool) real(slot uint16, edit func(*ruleset.Real)) {
	r := g.source.Reals[slot]
	edit(&r)
	g.source.Reals[slot] = r
	g.apply()
}

// give has a client's connection scheduled, and returns the slot of its real, 0 if nobody takes it.
func (g *pool) give(client uint32, except uint16) uint16 {
	g.client.Src, g.client.SrcPort = client, uint16(1024+client%60000)
	at, ok := g.schedule(&g.client, 1, g.rules.Virtual(1), except)
	if !ok {
		return 0
	}
	return g.rules.Member(at).Real
}

// shares counts who gets n clients' connections, by slot. They stay, or each ends before the next begins.
func (g *pool) shares(n int, stay bool) []int {
	got := make([]int, len(g.source.Reals)+1)
	for client := range n {
		real := g.give(0x0b000000+uint32(client), 0)
		got[real]++
		if real != 0 && !stay {
			g.counts.Release(real)
		}
	}
	return got
}

func ones(n int) []uint16 { return slices.Repeat([]uint16{1}, n) }

// predictors are all, by name.
var predictors = []struct {
	name string
	ruleset.Predictor
}{
	{"leastconns", ruleset.LeastConns},
	{"roundrobin", ruleset.RoundRobin},
	{"weighted", ruleset.Weighted},
	{"fastest", ruleset.Fastest},
	{"loaded", ruleset.Loaded},
	{"hash", ruleset.Hash},
	{"p2c", ruleset.P2C},
}

// TestShares: over many connections each member's share is its weight's, where weights count, off by 2 % at most; and
// one of weight 0 has none. Hash tables are long enough here for a share to be that precise.
func TestShares(t *testing.T) {
	const n = 120_000
	if len(predictors) != int(ruleset.Predictors) {
		t.Fatal("not all predictors")
	}
	for _, p := range predictors {
		for _, stay := range []bool{true, false} {
			for _, weights := range [][]uint16{{1, 1, 1, 1}, {4, 3, 2, 1}, {5, 0, 1}, {1, 1}} {
				t.Run(fmt.Sprint(p.name, " ", weights, " stay ", stay), func(t *testing.T) {
					g := newPool(t, p.Predictor, weights...)
					g.tier().Table = 65537
					g.apply()
					for slot := range weights {
						g.counts.Measure(uint16(slot+1), 1000, g.now)
					}
					got, sum := g.shares(n, stay), 0.0
					unit := slices.Clone(weights)
					if p.Predictor == ruleset.RoundRobin || p.Predictor == ruleset.Fastest {
						for i := range unit {
							unit[i] = min(unit[i], 1)
						}
					}
					for _, w := range unit {
						sum += float64(w)
					}
					for i, w := range unit {
						if want := n * float64(w) / sum; math.Abs(float64(got[i+1])-want) > 0.02*want {
							t.Errorf("real %d: %d of %d connections, want %.0f", i+1, got[i+1], n, want)
						}
					}
				})
			}
		}
	}
}

// TestSlowStartShares: a real that returns gets its share of a fair share, however old its last measurement is.
func TestSlowStartShares(t *testing.T) {
	const n, reals, ramp = 20_000, 10, 30 * second
	for _, p := range predictors {
		for _, tt := range []struct {
			eighths uint32
			stay    bool
		}{{0, true}, {1, true}, {4, true}, {7, true}, {8, true}, {0, false}, {1, false}, {4, false}, {8, false}} {
			eighths := tt.eighths
			t.Run(fmt.Sprint(p.name, " ", eighths, "/8 stay ", tt.stay), func(t *testing.T) {
				g := newPool(t, p.Predictor, ones(reals)...)
				g.tier().Table, g.tier().Aging = 65537, ruleset.NewAging(1000, second)
				g.counts.Measure(1, 1000, g.now)
				begun := g.now + 60*second
				g.now = begun + eighths*ramp/8
				for slot := uint16(2); slot <= reals; slot++ {
					g.counts.Measure(slot, 1000, g.now)
				}
				g.real(1, func(r *ruleset.Real) { r.Since, r.Ramp = begun, ramp })
				got, share := g.shares(n, tt.stay), float64(eighths)/8
				least, most := n*share/reals, n*share/(reals-1+share)
				if have := float64(got[1]); have < least-n/reals/20 || have > most+n/reals/20 {
					t.Errorf("%.0f of %d, want %.0f to %.0f", have, n, least, most)
				}
				if eighths == 0 && got[1] > n/500 {
					t.Errorf("at once %d", got[1])
				}
			})
		}
	}
}

// TestScheduleFull: a real that is full or excepted takes nothing, whoever chooses; once nobody is left, nobody is chosen.
func TestScheduleFull(t *testing.T) {
	for _, p := range predictors {
		t.Run(p.name, func(t *testing.T) {
			g := newPool(t, p.Predictor, ones(4)...)
			for slot := uint16(1); slot <= 3; slot++ {
				g.real(slot, func(r *ruleset.Real) { r.MaxConns = 10 * uint32(slot) })
			}
			got := make([]int, 5)
			for client := range uint32(300) {
				got[g.give(client, 4)]++
			}
			if want := []int{240, 10, 20, 30, 0}; !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			for client := range uint32(300) {
				if real := g.give(client, 0); real != 4 {
					t.Fatalf("real %d, want the one that is not full", real)
				}
			}
		})
	}
}

// TestScheduleStandsIn: of a full real that has a backup the backup is next.
func TestScheduleStandsIn(t *testing.T) {
	for _, p := range predictors {
		t.Run(p.name, func(t *testing.T) {
			g := newPool(t, p.Predictor, 1, 1, 1)
			tier := g.tier()
			tier.Members[0].StandIn = 3
			tier.Members, tier.StandIns = tier.Members[:2], tier.Members[2:]
			g.real(1, func(r *ruleset.Real) { r.MaxConns = 1 })
			for client := range uint32(100) {
				if real := g.give(client, 2); client == 0 && real != 1 || client > 0 && real != 3 {
					t.Fatalf("client %d comes to real %d", client, real)
				}
			}
		})
	}
}

// TestLoaded: reported load counts as connections do, and for nobody but this predictor.
func TestLoaded(t *testing.T) {
	for _, p := range predictors {
		g := newPool(t, p.Predictor, 1, 2, 1)
		g.real(1, func(r *ruleset.Real) { r.Load = 300 })
		got := g.shares(900, true)
		if want := []int{0, 0, 600, 300}; (p.Predictor == ruleset.Loaded) != slices.Equal(got, want) {
			t.Errorf("%s: %v", p.name, got)
		}
	}
	g := newPool(t, ruleset.Loaded, 1, 1)
	g.real(2, func(r *ruleset.Real) { r.Load = math.MaxUint32 })
	if got := g.shares(100, true); got[1] != 100 {
		t.Errorf("the highest load: %v", got)
	}
}

// TestScheduleDoesNotAllocate, whatever happens.
func TestScheduleDoesNotAllocate(t *testing.T) {
	for _, p := range predictors {
		g := newPool(t, p.Predictor, ones(20)...)
		g.real(1, func(r *ruleset.Real) { r.Since, r.Ramp = g.now, 30*second })
		g.real(2, func(r *ruleset.Real) { r.MaxConns = 1 })
		client := uint32(0)
		if n := testing.AllocsPerRun(1000, func() {
			client++
			g.give(client, 3)
		}); n != 0 {
			t.Errorf("%s: %v allocations", p.name, n)
		}
	}
}

// BenchmarkSchedule is what a choice costs. The connections stay on their reals; all of these are measured.
func BenchmarkSchedule(b *testing.B) {
	for _, p := range predictors {
		for _, n := range []int{2, 100, 1000} {
			b.Run(fmt.Sprintf("predictor=%s/reals=%d", p.name, n), func(b *testing.B) {
				g := newPool(b, p.Predictor, ones(n)...)
				g.tier().Aging = ruleset.NewAging(1000, second)
				g.apply()
				for slot := range uint16(n) {
					g.counts.Measure(slot+1, 500+uint32(slot), g.now-uint32(slot))
				}
				client := uint32(0)
				b.ReportAllocs()
				for b.Loop() {
					client++
					if g.give(client, 0) == 0 {
						b.Fatal("nobody")
					}
				}
			})
		}
	}
}

// TestShorterWays: where no slow start goes on, and weights are equal, the shorter way chooses as the general one does; of
// equals it may choose another.
func TestShorterWays(t *testing.T) {
	for _, p := range []ruleset.Predictor{ruleset.LeastConns, ruleset.Loaded, ruleset.Fastest} {
		var chosen [2][]uint32 // what the chosen ones had then
		for i := range chosen {
			g := newPool(t, p, ones(20)...)
			for slot := range uint16(20) {
				r := g.source.Reals[slot+1]
				r.Load = uint32(slot%3) * 5
				g.source.Reals[slot+1] = r
				if slot%5 > 0 { // one in five was never measured
					g.counts.Measure(slot+1, uint32(slot%4)*100, g.now)
				}
			}
			g.apply()
			tier := g.tierInUse()
			if !tier.Even || !tier.Settled {
				t.Fatalf("%+v", tier)
			}
			tier.Even, tier.Settled = i == 0, i == 0
			for client := range uint32(150) {
				real := g.give(client, 0)
				has := g.counts.Load(real)
				switch p {
				case ruleset.Loaded:
					has += g.source.Reals[real].Load
				case ruleset.Fastest:
					has *= 1 + g.counts.Sample(real).Response()
				}
				chosen[i] = append(chosen[i], has)
			}
		}
		if !slices.Equal(chosen[0], chosen[1]) {
			t.Errorf("predictor %d: %v, want %v", p, chosen[0], chosen[1])
		}
	}
}

// tierInUse is the first tier of the first virtual, as the worker has it.
func (g *pool) tierInUse() *ruleset.Tier {
	return &g.Rules().Tiers(g.Rules().Virtual(1))[0]
}
