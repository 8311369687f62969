package forward

import (
	"math"
	"slices"
	"testing"

	"linedirector/lcore/ruleset"
)

// TestBetterOfTwo: n balls in n bins leave a fullest one of about ln ln n / ln 2 (Azar et al. 1994): a handful, where a
// draw of one would leave ln n / ln ln n and more; and heavily loaded bins stay as close together.
func TestBetterOfTwo(t *testing.T) {
	const n = 10_000
	most := func(g *pool, balls int) float64 {
		got := g.shares(balls, true)
		return float64(slices.Max(got[1:])) - float64(balls)/n
	}
	bound := math.Log(math.Log(n))/math.Ln2 + 2
	for _, balls := range []int{n, 30 * n} {
		if over := most(newPool(t, ruleset.P2C, ones(n)...), balls); over > bound {
			t.Errorf("%d connections: the fullest of %d reals has %.0f more than the mean, want at most %.1f", balls, n, over, bound)
		}
	}
}

// TestBetterOfTwoReals is leastconns: there is nothing to draw.
func TestBetterOfTwoReals(t *testing.T) {
	g := newPool(t, ruleset.P2C, 3, 1)
	for client := range uint32(1000) {
		g.give(client, 0)
		if a, b := int(g.counts.Load(1)), int(g.counts.Load(2)); a > 3*b+3 || 3*b > a+3 {
			t.Fatalf("%d to %d connections, weights 3 to 1", a, b)
		}
	}
}

// TestChance: the same each time with one seed, another sequence with another, never stuck.
func TestChance(t *testing.T) {
	draw := func(seed uint64, worker int) (all [100]uint64) {
		c := newChance(seed, worker)
		for i := range all {
			all[i] = c.next()
		}
		return all
	}
	if again := draw(0, 1); draw(5, 0) != draw(5, 1) || draw(0, 1) != again {
		t.Error("not the same again")
	}
	if draw(0, 0) == draw(0, 1) || draw(5, 0) == draw(6, 0) {
		t.Error("the same everywhere")
	}
	all := draw(0, 0)
	for i, n := range all {
		if slices.Contains(all[:i], n) {
			t.Fatal("stuck")
		}
	}
}
