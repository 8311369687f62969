package flowtable

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestFlowIsFoundInBothDirections(t *testing.T) {
	table := newTable(t, 100)
	r := flow(1)
	n := insert(t, table, r)
	if got := *table.Record(n); got != r {
		t.Errorf("record %+v, want %+v", got, r)
	}
	for _, d := range []Direction{Forward, Reply} {
		ref := find(table, key(&r, d))
		if ref.Record() != n || ref.Direction() != d {
			t.Errorf("direction %d: found record %d, direction %d; want record %d", d, ref.Record(), ref.Direction(), n)
		}
	}
	check(t, table, seededHash(table))
}

func TestOtherTuplesAreNotFound(t *testing.T) {
	table := newTable(t, 100)
	r := flow(1)
	insert(t, table, r)
	for _, d := range []Direction{Forward, Reply} {
		good := key(&r, d)
		for name, change := range map[string]func(*Key){
			"source":           func(k *Key) { k.Src++ },
			"destination":      func(k *Key) { k.Dst++ },
			"source port":      func(k *Key) { k.SrcPort ^= 0x8000 },
			"destination port": func(k *Key) { k.DstPort ^= 1 },
			"protocol":         func(k *Key) { k.Protocol = 17 },
			"turned around": func(k *Key) {
				*k = Key{k.Dst, k.Src, k.DstPort, k.SrcPort, k.Protocol}
			},
		} {
			k := good
			change(&k)
			if ref := find(table, k); ref != 0 {
				t.Errorf("direction %d, other %s: found record %d", d, name, ref.Record())
			}
		}
	}
}

func TestRemovedFlowIsGone(t *testing.T) {
	table := newTable(t, 100)
	a, b := flow(1), flow(2)
	n, kept := insert(t, table, a), insert(t, table, b)
	table.Remove(n)
	for _, d := range []Direction{Forward, Reply} {
		if find(table, key(&a, d)) != 0 {
			t.Errorf("direction %d: found after removal", d)
		}
		if find(table, key(&b, d)).Record() != kept {
			t.Errorf("direction %d: the other flow went, too", d)
		}
	}
	if table.Record(n).Phase != Free {
		t.Error("the record of a removed flow is not free")
	}
	check(t, table, seededHash(table))
}

func TestRemoveOfNoFlowPanicsAndChangesNothing(t *testing.T) {
	table := newTable(t, 10)
	table.Remove(insert(t, table, flow(1)))
	kept := insert(t, table, flow(2))
	table.Remove(insert(t, table, flow(3)))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("removing a free record did not panic")
			}
		}()
		table.Remove(kept + 1)
	}()
	check(t, table, seededHash(table))
}

func TestTakenReplyTupleIsRefused(t *testing.T) {
	table := newTable(t, 100)
	a := flow(1)
	n := insert(t, table, a)

	// The same client port reaches the same real through another virtual: the real's packets could not be told apart.
	b := a
	b.Virtual++
	before := snapshot(table)
	if _, err := table.Insert(&b); !errors.Is(err, ErrTaken) {
		t.Errorf("got %v, want ErrTaken", err)
	}
	if !slices.Equal(before, snapshot(table)) {
		t.Error("ErrTaken changed the shard")
	}

	// A reply tuple may also be what another flow's client shows.
	c := Record{Client: a.Virtual, ClientPort: a.VirtualPort, Virtual: 1, VirtualPort: 1, Real: a.Client, RealPort: a.ClientPort, Protocol: 6}
	if _, err := table.Insert(&c); !errors.Is(err, ErrTaken) {
		t.Errorf("got %v, want ErrTaken", err)
	}
	if !slices.Equal(before, snapshot(table)) {
		t.Error("ErrTaken changed the shard")
	}
	if find(table, a.ForwardKey()).Record() != n || find(table, a.ReplyKey()).Record() != n {
		t.Error("the flow that had the tuple is not found any more")
	}
}

// TestTranslatedFlowsShareARealsEndpoint: where a reply tuple is taken, a translated one is another.
func TestTranslatedFlowsShareARealsEndpoint(t *testing.T) {
	for name, hash := range map[string]func(*Key) uint64{"hashes": nil, "one hash": collide(1)} {
		t.Run(name, func(t *testing.T) {
			table := newTable(t, 100)
			if hash == nil {
				hash = seededHash(table)
			}
			var flows []Record
			for i := range uint32(7) {
				r := flow(1)
				r.Virtual += i
				if i > 0 {
					if _, err := insertWith(table, r, hash); !errors.Is(err, ErrTaken) {
						t.Fatalf("got %v, want ErrTaken", err)
					}
					r.Translate(uint16(2000 + i))
				}
				if _, err := insertWith(table, r, hash); err != nil {
					t.Fatal(err)
				}
				if _, err := insertWith(table, r, hash); !errors.Is(err, ErrTaken) {
					t.Fatalf("got %v, want ErrTaken", err)
				}
				flows = append(flows, r)
			}
			check(t, table, hash)
			for i := range flows { // by turns, so that each is looked up beside others
				for n, r := range flows {
					for _, d := range []Direction{Forward, Reply} {
						k := key(&r, d)
						ref := table.Find(&k, hash(&k))
						if gone := n < i; gone != (ref == 0) || !gone && (*table.Record(ref.Record()) != r || ref.Direction() != d) {
							t.Errorf("flow %d, direction %d: found %#x, gone: %v", n, d, ref, gone)
						}
					}
				}
				k := flows[i].ForwardKey()
				removeWith(table, table.Find(&k, hash(&k)).Record(), hash)
				check(t, table, hash)
			}
		})
	}
}

func TestFullShardRefuses(t *testing.T) {
	const flows = 50
	table := newTable(t, flows)
	for i := range flows {
		insert(t, table, flow(i))
	}
	before := snapshot(table)
	r := flow(flows)
	if _, err := table.Insert(&r); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if !slices.Equal(before, snapshot(table)) {
		t.Error("ErrFull changed the shard")
	}
	if s := table.Stats(); s.Used != flows || s.Capacity != flows {
		t.Errorf("stats %+v", s)
	}
	table.Remove(7)
	if n := insert(t, table, r); n != 7 {
		t.Errorf("got record %d, want the one just freed", n)
	}
	check(t, table, seededHash(table))
}

// snapshot is all that a shard holds, the order of entries within it included.
func snapshot(t *Table) []uint64 {
	s := []uint64{uint64(t.free), uint64(t.extent), uint64(t.used), t.displaced}
	for i := range t.buckets {
		for j := range t.buckets[i].tag {
			s = append(s, uint64(t.buckets[i].tag[j])<<32|uint64(t.buckets[i].ref[j]))
		}
	}
	for i := range t.records {
		r := &t.records[i]
		s = append(s, uint64(r.Client)<<32|uint64(r.Real), uint64(r.Virtual)<<32|uint64(r.Phase), r.union[0], r.union[1])
	}
	return s
}

func TestFreedRecordsAreUsedAgainNewestFirst(t *testing.T) {
	table := newTable(t, 100)
	for i := range 10 {
		insert(t, table, flow(i))
	}
	table.Remove(3)
	table.Remove(9)
	table.Remove(5)
	var got []uint32
	for i := 10; i < 14; i++ {
		got = append(got, insert(t, table, flow(i)))
	}
	if want := []uint32{5, 9, 3, 11}; !slices.Equal(got, want) {
		t.Errorf("records %v, want %v", got, want)
	}
	check(t, table, seededHash(table))
}

func TestExtentCoversWhatWasEverUsed(t *testing.T) {
	table := newTable(t, 100)
	if table.Extent() != 0 {
		t.Errorf("extent %d of an empty shard", table.Extent())
	}
	for i := range 10 {
		if n := insert(t, table, flow(i)); n != uint32(i+1) || table.Extent() != n {
			t.Errorf("flow %d: record %d, extent %d", i, n, table.Extent())
		}
	}
	for n := uint32(1); n <= 10; n++ {
		table.Remove(n)
	}
	insert(t, table, flow(0))
	if table.Extent() != 10 {
		t.Errorf("extent %d, want 10: the sweep must still reach record 10", table.Extent())
	}
}

func TestSweepMayRemoveWhileItVisits(t *testing.T) {
	table := newTable(t, 1000)
	for i := range 1000 {
		insert(t, table, flow(i))
	}
	for n := uint32(1); n <= table.Extent(); n++ {
		if n%3 != 0 {
			table.Remove(n)
		}
	}
	check(t, table, seededHash(table))
	for i := range 1000 {
		r := flow(i)
		if got, want := find(table, r.ForwardKey()).Record(), uint32(i+1); got != want && (want%3 == 0 || got != 0) {
			t.Fatalf("flow %d: found record %d", i, got)
		}
	}
}

func TestGivesWay(t *testing.T) {
	const now = 1000
	halfOpen := func(i int, last uint32) Record {
		r := flow(i)
		r.Phase, r.Last = HalfOpen, last
		return r
	}
	t.Run("none", func(t *testing.T) {
		table := newTable(t, 500)
		if got := table.GivesWay(1, 0, now); got != 0 {
			t.Errorf("record %d of an empty shard", got)
		}
		for i := range 500 {
			insert(t, table, flow(i))
		}
		for from := uint32(0); from < 600; from++ {
			if got := table.GivesWay(uint64(from)*0x9E3779B97F4A7C15, from, now); got != 0 {
				t.Fatalf("record %d is established and was to give way", got)
			}
		}
	})
	t.Run("nearby", func(t *testing.T) {
		table := newTable(t, 500)
		for i := range 500 {
			r := flow(i)
			if i%10 == 0 {
				r = halfOpen(i, uint32(now-i))
			}
			insert(t, table, r)
		}
		far := uint64(0) // its two buckets hold no half-open entries
		for ; table.GivesWay(far, 1, now) != 41; far += 0x9E3779B97F4A7C15 {
		}
		for from, want := range map[uint32]uint32{40: 81, 120: 161, 480: 491, 499: 41} { // beyond the end it goes on at record 1
			if got := table.GivesWay(far, from, now); got != want {
				t.Errorf("from %d: record %d, want %d", from, got, want)
			}
		}
	})
	t.Run("candidates", func(t *testing.T) {
		table := newTable(t, 500)
		for i := range 500 {
			insert(t, table, flow(i))
		}
		table.Remove(400)
		n := insert(t, table, halfOpen(399, 5))
		k := table.Record(n).ForwardKey()
		if got := table.GivesWay(table.Hash(&k), 1, now); got != n {
			t.Errorf("record %d, want %d: it shares the bucket of the new flow", got, n)
		}
	})
	t.Run("ticks wrap around", func(t *testing.T) {
		table := newTable(t, 10)
		insert(t, table, halfOpen(1, 3))
		n := insert(t, table, halfOpen(2, 1<<32-5))
		if got := table.GivesWay(0, 0, 7); got != n {
			t.Errorf("record %d, want %d", got, n)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		flows, size int
		want        string
	}{
		{0, 1 << 10, "0 flows"},
		{-1, 1 << 10, "-1 flows"},
		{MaxFlows + 1, 1 << 10, "2147483647 flows"},
		{100, Size(100) - 1, "needed"},
	} {
		if _, err := New(Heap(c.size), c.flows, testSeed); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d flows in %d bytes: %v, want %q", c.flows, c.size, err, c.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("memory that is not aligned did not panic")
		}
	}()
	_, err := New(Heap(Size(100) + 8)[8:], 100, testSeed)
	t.Error(err)
}

func TestNothingAllocates(t *testing.T) {
	table := newTable(t, 10_000)
	for i := range 9_000 {
		insert(t, table, flow(i))
	}
	var (
		hash [MaxBurst]uint64
		ref  [MaxBurst]Ref
		i    = 9_000
	)
	r, rng := flow(i), rand.New(rand.NewPCG(1, 2))
	for name, f := range map[string]func(){
		"Hash, Find": func() {
			k := flow(rng.IntN(9_000))
			forward := k.ForwardKey()
			if table.Find(&forward, table.Hash(&forward)) == 0 {
				t.Error("not found")
			}
		},
		"PrefetchBuckets, Candidates": func() {
			for i := range hash {
				hash[i] = rng.Uint64()
			}
			table.PrefetchBoth(hash[0])
			table.PrefetchBuckets(&hash, 0, 0)
			table.PrefetchBuckets(&hash, 0, MaxBurst)
			table.Candidates(&hash, &ref, MaxBurst)
		},
		"Insert, Remove": func() {
			i++
			r.Client = uint32(i)
			n, err := table.Insert(&r)
			if err != nil {
				t.Error(err)
			}
			table.Remove(n)
		},
		"GivesWay, Stats": func() {
			table.GivesWay(rng.Uint64(), rng.Uint32(), 1)
			_ = table.Stats()
		},
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
