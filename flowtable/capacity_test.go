package flowtable

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

func TestMemoryPerFlow(t *testing.T) {
	for _, flows := range []int{100_000, 1_000_000, 10_000_000} {
		each := float64(Size(flows)) / float64(flows)
		t.Logf("%d flows: %.2f bytes each, both directions", flows, each)
		if each > 96 {
			t.Errorf("%d flows: %.2f bytes each", flows, each)
		}
	}
}

// A shard holds every connection that it was laid out for.
func TestPromisedFlowsFit(t *testing.T) {
	sizes := []int{100_000}
	if !testing.Short() {
		sizes = append(sizes, 1_000_000)
	}
	if os.Getenv("LINEDIRECTOR_BIG_TESTS") != "" {
		sizes = append(sizes, 10_000_000)
	}
	for _, flows := range sizes {
		t.Run(fmt.Sprint(flows), func(t *testing.T) {
			mem := hugePages(t, Size(flows))
			if flows <= 1_000_000 {
				mem = Heap(Size(flows))
			}
			table, err := New(mem, flows, testSeed)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(uint64(flows), 0))
			fill(t, table, rng)
			t.Logf("%d flows at index load %.3f: %d entries moved, %.2f %% in their second bucket", flows,
				float64(2*flows)/float64(8*len(table.buckets)), table.Stats().Displaced, 100*inSecond(table))
			if flows <= 100_000 {
				check(t, table, seededHash(table))
			}
		})
	}
}

// fill inserts random connections until all records are in use. A random tuple may come twice.
func fill(tb testing.TB, t *Table, rng *rand.Rand) {
	tb.Helper()
	for t.used < t.Stats().Capacity {
		r := randomFlow(rng)
		if find(t, r.ForwardKey()) != 0 {
			continue
		}
		if _, err := t.Insert(&r); err != nil && !errors.Is(err, ErrTaken) {
			tb.Fatalf("flow %d of %d: %v", t.used+1, t.Stats().Capacity, err)
		}
	}
}

// inSecond is the share of entries that cost a second bucket to find.
func inSecond(t *Table) float64 {
	all, second := 0, 0
	for b := range t.buckets {
		for _, ref := range t.buckets[b].ref {
			if ref != 0 {
				k := key(&t.records[ref.Record()], ref.Direction())
				all++
				if t.first(t.Hash(&k)) != uint32(b) {
					second++
				}
			}
		}
	}
	return float64(second) / float64(max(all, 1))
}

func TestSmallShardsFitToo(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for flows := 1; flows <= 300; flows++ {
		mem := Heap(Size(flows))
		for seed := range seeds {
			clear(mem)
			table, err := New(mem, flows, [3]uint64{seed * 0x9E3779B97F4A7C15, seed + 1, ^seed})
			if err != nil {
				t.Fatal(err)
			}
			fill(t, table, rand.New(rand.NewPCG(seed, uint64(flows))))
		}
	}
}

// Entries that were displaced, freed and filled again do not silt the index up.
func TestChurnRefusesNone(t *testing.T) {
	const flows = 20_000
	table, rng := newTable(t, flows), rand.New(rand.NewPCG(5, 6))
	t.Run("fill and empty", func(t *testing.T) {
		for range 10 {
			fill(t, table, rng)
			for _, n := range rng.Perm(flows) {
				table.Remove(uint32(n + 1))
			}
			check(t, table, seededHash(table))
		}
	})
	t.Run("always full", func(t *testing.T) {
		fill(t, table, rng)
		for range 10 * flows {
			table.Remove(1 + rng.Uint32N(flows))
			fill(t, table, rng)
		}
		check(t, table, seededHash(table))
		t.Logf("%d entries moved", table.Stats().Displaced)
	})
}
