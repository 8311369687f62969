package flowtable

import (
	"errors"
	"math/rand/v2"
	"testing"
)

func TestOtherOfOtherIsTheBucketItself(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, flows := range []int{1, 2, 3, 5, 10, 24, 100, 1000, 4095, 100_000, 1_000_000, 10_000_000, MaxFlows} {
		table := &Table{nbuckets: uint32(bucketsFor(flows))}
		for range 10_000 {
			hash := rng.Uint64()
			b, tag := table.first(hash), tagOf(hash)
			other := table.other(b, tag)
			if b >= table.nbuckets || other >= table.nbuckets || table.other(other, tag) != b {
				t.Fatalf("%d buckets, tag %#x: %d → %d → %d", table.nbuckets, tag, b, other, table.other(other, tag))
			}
		}
	}
}

// collide is a hash of so few values that entries of different keys look the same.
func collide(values uint64) func(*Key) uint64 {
	table := &Table{seed: whiten(testSeed)}
	return func(k *Key) uint64 { return (table.Hash(k) % values) * 0x9E3779B97F4A7C15 }
}

func insertWith(t *Table, r Record, hash func(*Key) uint64) (uint32, error) {
	forward, reply := r.ForwardKey(), r.ReplyKey()
	return t.insert(&r, hash(&forward), hash(&reply))
}

func removeWith(t *Table, n uint32, hash func(*Key) uint64) {
	forward, reply := t.records[n].ForwardKey(), t.records[n].ReplyKey()
	t.remove(n, hash(&forward), hash(&reply))
}

func TestEqualTagsAreToldApartByTheirKeys(t *testing.T) {
	table, same := newTable(t, 100), collide(1)
	var number [8]uint32
	for i := range number { // two entries each: both buckets of the hash are full then
		n, err := insertWith(table, flow(i), same)
		if err != nil {
			t.Fatal(i, err)
		}
		number[i] = n
	}
	expect := func(in func(int) bool) {
		t.Helper()
		for i := range 20 {
			r := flow(i)
			for _, d := range []Direction{Forward, Reply} {
				k := key(&r, d)
				ref := table.Find(&k, same(&k))
				if i < len(number) && in(i) {
					if ref.Record() != number[i] || ref.Direction() != d {
						t.Errorf("flow %d, direction %d: found record %d, direction %d", i, d, ref.Record(), ref.Direction())
					}
				} else if ref != 0 {
					t.Errorf("flow %d, direction %d: found record %d", i, d, ref.Record())
				}
			}
		}
		check(t, table, same)
	}
	expect(func(int) bool { return true })

	r := flow(8)
	if _, err := insertWith(table, r, same); !errors.Is(err, ErrFull) {
		t.Errorf("seventeenth entry of one hash: %v, want ErrFull", err)
	}
	expect(func(int) bool { return true })

	for i := range number {
		if i%2 == 0 {
			removeWith(table, number[i], same)
		}
	}
	expect(func(i int) bool { return i%2 == 1 })
}

// When only the reply's entry finds no room, the forward one must not stay.
func TestHalfAnInsertIsTakenBack(t *testing.T) {
	table := newTable(t, 1000)
	const crowded = 0x123456789ABCDEF0
	hash := func(k *Key) uint64 {
		if k.SrcPort == 8080 { // replies
			return crowded
		}
		return table.Hash(k)
	}
	for i := range 16 {
		if _, err := insertWith(table, flow(i), hash); err != nil {
			t.Fatal(i, err)
		}
	}
	used := table.used
	for i := 16; i < 30; i++ {
		if _, err := insertWith(table, flow(i), hash); !errors.Is(err, ErrFull) {
			t.Fatalf("got %v, want ErrFull", err)
		}
		r := flow(i)
		if k := r.ForwardKey(); table.used != used || table.Find(&k, hash(&k)) != 0 {
			t.Fatal("half an insert stayed")
		}
		check(t, table, hash)
	}
}

// Far above the load that shards are laid out for, nearly every insert needs a chain of moves.
func TestDisplacementLosesNothing(t *testing.T) {
	for _, buckets := range []int{2, 3, 7, 64, 1000, 4099} {
		table := newTable(t, 4*buckets)
		table.buckets, table.nbuckets = table.buckets[:buckets], uint32(buckets)
		rng := rand.New(rand.NewPCG(uint64(buckets), 1))
		numbers := make(map[Key]uint32)
		for i := 0; ; i++ {
			r := randomFlow(rng)
			n, err := table.Insert(&r)
			if err != nil {
				break
			}
			numbers[r.ForwardKey()] = n
			if buckets < 100 {
				check(t, table, seededHash(table))
			}
		}
		load := float64(table.used) / float64(4*buckets)
		t.Logf("%d buckets: first refusal at load %.3f, %d entries moved", buckets, load, table.displaced)
		if buckets >= 64 && load < 0.95 {
			t.Errorf("%d buckets: refused first at load %.3f", buckets, load)
		}
		check(t, table, seededHash(table))
		for k, n := range numbers {
			reply := table.Record(n).ReplyKey()
			if find(table, k) != refTo(n, Forward) || find(table, reply) != refTo(n, Reply) {
				t.Fatalf("record %d is lost", n)
			}
		}
		for _, n := range numbers {
			table.Remove(n)
		}
		check(t, table, seededHash(table))
		if table.used != 0 {
			t.Errorf("%d records left", table.used)
		}
	}
}

// What Candidates gives leads to what Find says, hit or miss, with few collisions and with many; and the assembly
// gives what the Go gives.
func TestCandidatesAgreeWithFind(t *testing.T) {
	for _, c := range []struct {
		name         string
		flows, fill  int
		values       uint64 // of the hash; 0: the shard's own
		mostlyDirect bool
	}{
		{"shard's own hash, full", 5000, 5000, 0, true},
		{"shard's own hash, half", 5000, 2500, 0, true},
		{"one bucket pair", 100, 8, 1, false},
		{"many collisions", 2000, 600, 256, false},
		{"smallest shard", 1, 1, 0, true},
		{"empty shard", 10, 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := newTable(t, c.flows)
			hashOf := table.Hash
			if c.values != 0 {
				hashOf = collide(c.values)
			}
			for i := range c.fill {
				if _, err := insertWith(table, flow(i), hashOf); err != nil && (c.values == 0 || !errors.Is(err, ErrFull)) {
					t.Fatal(i, err)
				}
			}
			var (
				keys   [MaxBurst]Key
				hash   [MaxBurst]uint64
				ref    [MaxBurst]Ref
				twin   [MaxBurst]Ref
				rng    = rand.New(rand.NewPCG(3, 4))
				direct = 0
				found  = 0
			)
			for range 200 {
				n := rng.IntN(MaxBurst + 1)
				for i := range n {
					r := flow(rng.IntN(2*c.fill + 10))
					keys[i] = key(&r, Direction(rng.IntN(2)))
					hash[i] = hashOf(&keys[i])
				}
				for i := range ref {
					ref[i], twin[i] = 0xFFFFFFFF, 0xFFFFFFFF
				}
				table.PrefetchBuckets(&hash, n/3, n)
				table.Candidates(&hash, &ref, n)
				table.candidatesGo(&hash, &twin, n)
				if ref != twin {
					t.Fatal("the processor's own Candidates and the one in Go differ")
				}
				for i := range ref {
					if i >= n {
						if ref[i] != 0xFFFFFFFF {
							t.Fatalf("wrote place %d of a burst of %d", i, n)
						}
						continue
					}
					want := table.Find(&keys[i], hash[i])
					if want != 0 {
						found++
					}
					switch r := ref[i]; {
					case r == 0 && want != 0:
						t.Fatalf("%+v: no candidate, but record %d", keys[i], want.Record())
					case r != 0 && table.Record(r.Record()).Matches(&keys[i], r.Direction()):
						if r != want {
							t.Fatalf("%+v: candidate %#x matches, Find says %#x", keys[i], r, want)
						}
						direct++
					}
				}
			}
			if c.mostlyDirect && direct != found {
				t.Errorf("%d candidates of %d were the flow", direct, found)
			}
		})
	}
}

func TestCandidatesRefusesALongerBurst(t *testing.T) {
	table := newTable(t, 10)
	for _, n := range []int{MaxBurst + 1, -1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a burst of %d did not panic", n)
				}
			}()
			table.Candidates(new([MaxBurst]uint64), new([MaxBurst]Ref), n)
		}()
	}
}
