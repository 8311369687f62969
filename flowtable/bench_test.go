package flowtable

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Big shards are measured in huge pages, as in service: with 4 KiB pages the TLB is what is measured.
func hugePages(tb testing.TB, size int) []byte {
	tb.Helper()
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			tb.Error(err)
		}
	})
	if err := unix.Madvise(mem, unix.MADV_HUGEPAGE); err != nil {
		tb.Logf("no transparent huge pages: %v", err)
	}
	return mem
}

// benchFlow is the connection numbered i; benchKey is what it shows, made without a branch that depends on the
// direction, so that a benchmark does not measure its own key.
func benchFlow(i uint32) Record {
	return Record{
		Client: i * 0x9E3779B1, ClientPort: uint16(i >> 3), Virtual: 0xC0000201, VirtualPort: 80,
		Real: 0x0A000001 + i&15, RealPort: 8080, Protocol: 6, Phase: Established,
	}
}

func benchKey(k *Key, i uint32, d Direction) {
	reply, client, clientPort := -uint32(d), i*0x9E3779B1, i>>3
	k.Src = client ^ (client^(0x0A000001+i&15))&reply
	k.Dst = 0xC0000201 ^ (client^0xC0000201)&reply
	k.SrcPort = uint16(clientPort ^ (clientPort^8080)&reply)
	k.DstPort = uint16(80 ^ (clientPort^80)&reply)
	k.Protocol = 6
}

// benchTable is a shard for so many connections that holds n of them.
func benchTable(b *testing.B, flows, n int) *Table {
	b.Helper()
	t, err := New(hugePages(b, Size(flows)), flows, [3]uint64{0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0})
	if err != nil {
		b.Fatal(err)
	}
	for i := range uint32(n) {
		r := benchFlow(i)
		if _, err := t.Insert(&r); err != nil {
			b.Fatal(i, err)
		}
	}
	return t
}

const benchBurst = 32

// stopwatch times slices of sliceSize operations and reports their median, which other programs on the machine
// disturb less than the mean that ns/op is.
type stopwatch struct {
	unit   string
	slices []time.Duration
	begun  time.Time
}

const sliceSize = 8 * benchBurst

func newStopwatch(b *testing.B, unit string) *stopwatch {
	return &stopwatch{unit: unit, slices: make([]time.Duration, 0, b.N/sliceSize+1)}
}

func (s *stopwatch) start() { s.begun = time.Now() }
func (s *stopwatch) stop()  { s.slices = append(s.slices, time.Since(s.begun)) }

func (s *stopwatch) report(b *testing.B) {
	slices.Sort(s.slices)
	b.ReportMetric(float64(s.slices[len(s.slices)/2])/sliceSize, s.unit)
}

var benchSizes = []struct {
	name  string
	flows int
}{{"10k", 10_000}, {"1M", 1_000_000}, {"10M", 10_000_000}}

// random steps a generator that costs next to nothing.
func random(x uint64) uint64 { return x*6364136223846793005 + 1442695040888963407 }

// BenchmarkFind is a packet's look-up in bursts of 32, flow and direction picked at random: hash, prefetch,
// candidates, match. "keys" is the part of it that makes the keys and their hashes, "go" has Candidates in Go.
func BenchmarkFind(b *testing.B) {
	for _, size := range benchSizes {
		for _, fill := range []struct {
			name string
			n    int
		}{{"full", size.flows}, {"half", size.flows / 2}} {
			b.Run(fmt.Sprintf("flows=%s/%s", size.name, fill.name), func(b *testing.B) {
				t := benchTable(b, size.flows, fill.n)
				b.Run("keys", func(b *testing.B) { benchFind(b, t, 0, fill.n, nil) })
				b.Run("go", func(b *testing.B) { benchFind(b, t, 0, fill.n, t.candidatesGo) })
				b.Run("find", func(b *testing.B) { benchFind(b, t, 0, fill.n, t.Candidates) })
			})
		}
	}
}

// BenchmarkMiss looks up keys that no flow has, as a flood of SYNs does, before any of them is inserted.
func BenchmarkMiss(b *testing.B) {
	for _, size := range benchSizes {
		b.Run("flows="+size.name, func(b *testing.B) {
			t := benchTable(b, size.flows, size.flows)
			benchFind(b, t, size.flows, 1<<31, t.Candidates)
		})
	}
}

// benchFind looks up flows picked from n beginning with first.
func benchFind(b *testing.B, t *Table, first, n int, candidates func(*[MaxBurst]uint64, *[MaxBurst]Ref, int)) {
	var (
		key  [MaxBurst]Key
		hash [MaxBurst]uint64
		ref  [MaxBurst]Ref
	)
	x, found, watch := uint64(1), 0, newStopwatch(b, "p50-ns/op")
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += sliceSize {
		watch.start()
		for range sliceSize / benchBurst {
			for i := range benchBurst {
				x = random(x)
				benchKey(&key[i], uint32(first)+reduce(uint32(x>>32), uint32(n)), Direction(x>>31&1))
				hash[i] = t.Hash(&key[i])
			}
			if candidates == nil {
				continue
			}
			t.PrefetchBuckets(&hash, 0, benchBurst)
			candidates(&hash, &ref, benchBurst)
			for i := range benchBurst {
				if t.Record(ref[i].Record()).Matches(&key[i], ref[i].Direction()) || t.Find(&key[i], hash[i]) != 0 {
					found++
				}
			}
		}
		watch.stop()
	}
	watch.report(b)
	if candidates != nil && first == 0 && found < b.N || first != 0 && found != 0 {
		b.Fatalf("%d of %d found", found, b.N)
	}
}

// BenchmarkInsertRemove opens connections and ends others picked at random, in a shard nine tenths full. Nothing
// of a new one is in the cache; a worker has loaded the forward tuple's buckets before it inserts.
func BenchmarkInsertRemove(b *testing.B) {
	for _, size := range benchSizes {
		b.Run("flows="+size.name, func(b *testing.B) {
			held := uint32(size.flows / 10 * 9)
			t := benchTable(b, size.flows, int(held))
			var records [sliceSize]Record
			x, n := uint64(1), held
			insert, remove := newStopwatch(b, "insert-p50-ns"), newStopwatch(b, "remove-p50-ns")
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += sliceSize {
				for i := range records {
					records[i] = benchFlow(n)
					n++
				}
				insert.start()
				for i := range records {
					if _, err := t.Insert(&records[i]); err != nil {
						b.Fatal(err)
					}
				}
				insert.stop()
				remove.start()
				for range sliceSize {
					x = random(x)
					victim := reduce(uint32(x>>32), t.Extent()) + 1
					for t.Record(victim).Phase == Free {
						victim = victim%t.Extent() + 1
					}
					t.Remove(victim)
				}
				remove.stop()
			}
			insert.report(b)
			remove.report(b)
		})
	}
}

// BenchmarkHash is the hash of a tuple alone.
func BenchmarkHash(b *testing.B) {
	t := benchTable(b, 16, 0)
	var key [benchBurst]Key
	for i := range key {
		benchKey(&key[i], uint32(i), Direction(i&1))
	}
	sum, n := uint64(0), 0
	b.ReportAllocs()
	for ; b.Loop(); n++ {
		sum += t.Hash(&key[n&(benchBurst-1)])
	}
	if sum == 0 {
		b.Fatal("no hash")
	}
}
