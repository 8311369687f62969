package histogram

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBuckets wants every number in a bucket that ends at or above it, begins above the end of the one before, and is
// narrow.
func TestBuckets(t *testing.T) {
	numbers := []uint64{0, 1, 127, 128, 129, 255, 256, 257, 258, 511, 512, 1 << 20, math.MaxUint64 - 1, math.MaxUint64}
	for shift := range 64 {
		numbers = append(numbers, 1<<shift, 1<<shift-1, 1<<shift+1, 3<<shift)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		numbers = append(numbers, r.Uint64()>>r.IntN(64))
	}
	for _, v := range numbers {
		i := bucket(v)
		if i < 0 || i >= buckets {
			t.Fatalf("%d: bucket %d of %d", v, i, buckets)
		}
		if highest(i) < v || i > 0 && highest(i-1) >= v {
			t.Fatalf("%d is counted between %d and %d", v, highest(i-1), highest(i))
		}
		if excess := highest(i) - v; excess > v/step {
			t.Fatalf("%d may be taken for %d", v, highest(i))
		}
	}
	if last := bucket(math.MaxUint64); last != buckets-1 || highest(last) != math.MaxUint64 {
		t.Errorf("the last bucket is %d of %d and ends at %d", last, buckets, highest(last))
	}
}

// TestQuantiles compares with exact ones, of distributions with and without a tail.
func TestQuantiles(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, draw := range map[string]func() uint64{
		"small":       func() uint64 { return r.Uint64N(100) },
		"uniform":     func() uint64 { return r.Uint64N(1_000_000) },
		"exponential": func() uint64 { return uint64(r.ExpFloat64() * 20_000) },
		"tailed": func() uint64 {
			if r.IntN(5000) == 0 {
				return 10_000_000 + r.Uint64N(1_000_000)
			}
			return 3000 + r.Uint64N(500)
		},
		"one value": func() uint64 { return 123_456_789 },
	} {
		t.Run(name, func(t *testing.T) {
			var h, first, second Histogram
			all := make([]uint64, 300_001)
			sum := 0.0
			for i := range all {
				all[i] = draw()
				sum += float64(all[i])
				h.Record(all[i])
				if i%3 == 0 {
					first.Record(all[i])
				} else {
					second.Record(all[i])
				}
			}
			first.Add(&second)
			if first != h {
				t.Error("the sum of two parts is not the whole")
			}
			slices.Sort(all)
			for _, q := range []float64{1e-9, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 1} {
				exact := all[max(int(math.Ceil(q*float64(len(all)))), 1)-1]
				if got := h.Quantile(q); got < exact || got-exact > exact/step {
					t.Errorf("quantile %v is %d, exactly %d", q, got, exact)
				}
			}
			if h.Max() != all[len(all)-1] || h.Quantile(1) != h.Max() || h.Count() != uint64(len(all)) {
				t.Errorf("count %d, max %d, the last quantile %d, want %d", h.Count(), h.Max(), h.Quantile(1), all[len(all)-1])
			}
			if mean := sum / float64(len(all)); math.Abs(h.Mean()-mean) > mean*1e-9 {
				t.Errorf("mean %v, want %v", h.Mean(), mean)
			}
		})
	}
}

func TestEmpty(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Max() != 0 || h.Mean() != 0 || h.Count() != 0 {
		t.Error("an empty one holds something")
	}
	h.Record(7)
	if h.Quantile(0.00001) != 7 || h.Quantile(1) != 7 {
		t.Error("one number is not every quantile")
	}
	h.Reset()
	if h.Count() != 0 || h.Quantile(1) != 0 {
		t.Error("it did not forget")
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	h := new(Histogram)
	if n := testing.AllocsPerRun(1000, func() { h.Record(1 << 20) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	h := new(Histogram)
	v := uint64(1)
	for b.Loop() {
		v = v*6364136223846793005 + 1442695040888963407
		h.Record(v >> 50)
	}
}
