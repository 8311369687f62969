package flowtable

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Clients that count, as port scans and address pools do, spread as evenly as random ones: over first buckets, over
// the pairs' sums and over tags.
func TestHashSpreads(t *testing.T) {
	const keys = 400_000
	rng := rand.New(rand.NewPCG(7, 8))
	for name, key := range map[string]func(i uint32) Key{
		"random": func(uint32) Key {
			return Key{rng.Uint32(), rng.Uint32(), uint16(rng.Uint32()), uint16(rng.Uint32()), 6}
		},
		"one client's ports": func(i uint32) Key { return Key{0xC6336401 + i>>16, 0xC000020A, uint16(i), 80, 6} },
		"clients of a pool":  func(i uint32) Key { return Key{0x64400000 + i, 0xC000020A, 1024, 80, 6} },
		"/24, few ports":     func(i uint32) Key { return Key{0xC6336400 + i&0xFF, 0xC000020A, uint16(i >> 8), 80, 6} },
		"scan of ports":      func(i uint32) Key { return Key{0xC6336401, 0xC000020A + i>>16, 40000, uint16(i), 6} },
		"replies":            func(i uint32) Key { return Key{0x0A00000B + i&3, 0x64400000 + i>>2, 8080, 1024, 6} },
		"both protocols":     func(i uint32) Key { return Key{0x64400000 + i>>1, 0xC000020A, 53, 53, uint8(6 + i&1*11)} },
		"high bits":          func(i uint32) Key { return Key{i << 13, 0xC000020A, 1024, 80, 6} },
	} {
		t.Run(name, func(t *testing.T) {
			for _, seed := range [][3]uint64{testSeed, {}, {1, 2, 3}, {rng.Uint64(), rng.Uint64(), rng.Uint64()}} {
				table := &Table{nbuckets: uint32(bucketsFor(100_000)), seed: whiten(seed)}
				first, sum, tags := counters(table.nbuckets), counters(table.nbuckets), counters(1<<15)
				for i := range uint32(keys) {
					k := key(i)
					h := table.Hash(&k)
					first[table.first(h)]++
					sum[reduce(tagOf(h)*0x9E3779B1, table.nbuckets)]++
					tags[tagOf(h)>>1&(1<<15-1)]++
				}
				for part, counts := range map[string][]int{"first buckets": first, "sums": sum, "tags": tags} {
					if off := deviation(counts, keys); math.Abs(off) > 6 {
						t.Errorf("seed %#x: %s are %.1f standard deviations from even", seed, part, off)
					}
				}
			}
		})
	}
}

func counters(n uint32) []int { return make([]int, n) }

// deviation is how many standard deviations the chi-square statistic of counts lies from that of even chance.
func deviation(counts []int, n int) float64 {
	expected, chi := float64(n)/float64(len(counts)), 0.0
	for _, c := range counts {
		chi += (float64(c) - expected) * (float64(c) - expected) / expected
	}
	free := float64(len(counts) - 1)
	return (chi - free) / math.Sqrt(2*free)
}

// Who does not know the seed cannot tell which keys meet in a bucket.
func TestSeedDecidesPlacement(t *testing.T) {
	const keys = 100_000
	rng := rand.New(rand.NewPCG(9, 10))
	base := [3]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()}
	for word := range base {
		for _, bit := range []uint{0, 31, 63} {
			seed := base
			seed[word] ^= 1 << bit
			a := &Table{nbuckets: uint32(bucketsFor(keys)), seed: whiten(base)}
			b := &Table{nbuckets: uint32(bucketsFor(keys)), seed: whiten(seed)}
			same := 0
			for i := range uint32(keys) {
				k := Key{0x64400000 + i, 0xC000020A, 1024, 80, 6}
				if a.first(a.Hash(&k)) == b.first(b.Hash(&k)) {
					same++
				}
			}
			if same > 30 { // 3 by chance
				t.Errorf("seed word %d, bit %d flipped: %d of %d keys stay in their bucket", word, bit, same, keys)
			}
		}
	}
}

// Every bit of a key turns about half of the hash's bits.
func TestHashAvalanche(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	table := &Table{seed: whiten(testSeed)}
	const keys = 2000
	for bit := range 104 {
		var turned [64]int
		for range keys {
			k := Key{rng.Uint32(), rng.Uint32(), uint16(rng.Uint32()), uint16(rng.Uint32()), uint8(rng.Uint32())}
			h := table.Hash(&k)
			flip(&k, bit)
			for i, d := 0, h^table.Hash(&k); i < 64; i++ {
				turned[i] += int(d >> i & 1)
			}
		}
		for i, n := range turned {
			if share := float64(n) / keys; share < 0.40 || share > 0.60 {
				t.Errorf("key bit %d turns hash bit %d in %.0f %% of keys", bit, i, 100*share)
			}
		}
	}
}
