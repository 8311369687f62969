package sticky

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// hugePages is what a table lies in in service: with 4 KiB pages the TLB is what is measured.
func hugePages(tb testing.TB, size int) []byte {
	tb.Helper()
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = unix.Munmap(mem) })
	if err := unix.Madvise(mem, unix.MADV_HUGEPAGE); err != nil {
		tb.Logf("no transparent huge pages: %v", err)
	}
	return mem
}

// benchClient is the client numbered i.
func benchClient(i uint32) uint32 { return i * 0x9E3779B1 }

// fullTable holds as many clients as it was made for.
func fullTable(b *testing.B, capacity int) *Table {
	b.Helper()
	t, err := New(hugePages(b, Size(capacity)), capacity, testSeed)
	if err != nil {
		b.Fatal(err)
	}
	for i := range uint32(capacity) {
		t.Open(1, benchClient(i), 3, 0, 1)
	}
	return t
}

// random steps a generator that costs next to nothing.
func random(x uint64) uint64 { return x*6364136223846793005 + 1442695040888963407 }

var sizes = []struct {
	name     string
	capacity int
}{{"10k", 10_000}, {"1M", 1_000_000}}

// Clients are picked at random: in the larger table nothing of them is in the cache.
func BenchmarkFind(b *testing.B) {
	for _, size := range sizes {
		t := fullTable(b, size.capacity)
		for _, hit := range []bool{true, false} {
			b.Run(fmt.Sprintf("entries=%s/hit=%v", size.name, hit), func(b *testing.B) {
				first, found := uint32(0), 0
				if !hit {
					first = 1 << 31
				}
				b.ReportAllocs()
				for x := uint64(1); b.Loop(); {
					x = random(x)
					if _, ok := t.Find(1, benchClient(first+reduce(uint32(x>>32), size.capacity)), 1); ok {
						found++
					}
				}
				if found != 0 != hit {
					b.Fatal(found)
				}
			})
		}
	}
}

// BenchmarkOpenClose is what a connection costs: one of a client that has an entry, and one of a new client, which is
// forgotten again by the next that needs its place.
func BenchmarkOpenClose(b *testing.B) {
	for _, size := range sizes {
		t := fullTable(b, size.capacity)
		b.Run("entries="+size.name+"/known", func(b *testing.B) {
			b.ReportAllocs()
			for x := uint64(1); b.Loop(); {
				x = random(x)
				client := benchClient(reduce(uint32(x>>32), size.capacity))
				t.Open(1, client, 3, 0, 1)
				t.Close(1, client, 3, 10)
			}
		})
		b.Run("entries="+size.name+"/new", func(b *testing.B) {
			b.ReportAllocs()
			for n := uint32(1 << 31); b.Loop(); n++ {
				t.Open(1, benchClient(n), 3, 0, 1)
				t.Close(1, benchClient(n), 3, 0)
			}
		})
	}
}

// BenchmarkContention has two workers open and close connections at once: of any clients, each of its own one in the same
// bucket, and of one client.
func BenchmarkContention(b *testing.B) {
	for _, c := range []struct {
		name    string
		table   func(*testing.B) *Table
		clients uint32
	}{
		{"any clients", func(b *testing.B) *Table { return fullTable(b, 10_000) }, 10_000},
		{"one bucket", func(*testing.B) *Table { return tiny() }, 2},
		{"one client", func(*testing.B) *Table { return tiny() }, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			t := c.table(b)
			b.ReportAllocs()
			b.ResetTimer()
			var done sync.WaitGroup
			var worker atomic.Uint32
			for range 2 {
				done.Go(func() {
					self := worker.Add(1) - 1
					x := uint64(self)
					for range b.N {
						x = random(x)
						client := self % c.clients
						if c.clients > 2 {
							client = reduce(uint32(x>>32), int(c.clients))
						}
						t.Open(1, benchClient(client), 3, 0, 1)
						t.Close(1, benchClient(client), 3, 10)
					}
				})
			}
			done.Wait()
		})
	}
}

// BenchmarkSweep is one bucket's share of a sweep.
func BenchmarkSweep(b *testing.B) {
	t := fullTable(b, 1_000_000)
	buckets := len(t.homes) + len(t.spill)
	for b.Loop() {
		t.Sweep(buckets, 1)
	}
}
