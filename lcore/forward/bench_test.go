package forward

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
	"linedirector/lcore/sticky"
)

const benchBurst = 32

// hugeMemory is what a shard lies in in service: 2 MiB pages, outside Go's heap.
func hugeMemory(b *testing.B, size int) []byte {
	size = (size + 2<<20 - 1) &^ (2<<20 - 1)
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		b.Fatal(err)
	}
	if err := unix.Madvise(mem, unix.MADV_HUGEPAGE); err != nil {
		b.Log("no transparent hugepages: ", err)
	}
	b.Cleanup(func() { _ = unix.Munmap(mem) })
	return mem
}

// clientUDP writes client n's 60-byte UDP frame to the virtual into frame.
func clientUDP(frame *[packet.AnswerRoom]byte) {
	copy(frame[0:], outsideMAC[:])
	copy(frame[6:], gatewayMAC[:])
	binary.BigEndian.PutUint16(frame[12:], packet.EtherTypeIPv4)
	frame[14], frame[22], frame[23] = 0x45, 64, packet.ProtocolUDP
	binary.BigEndian.PutUint16(frame[16:], 46)
	binary.BigEndian.PutUint32(frame[30:], web)
	binary.BigEndian.PutUint16(frame[36:], 53)
	binary.BigEndian.PutUint16(frame[38:], 26)
	frame[40], frame[41] = 0xab, 0xcd
}

// aim makes the frame client n's, as a NIC would leave it in the buffer.
func aim(frame *[packet.AnswerRoom]byte, n uint32) {
	copy(frame[0:12], "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\xfe")
	frame[22] = 64
	binary.BigEndian.PutUint32(frame[26:], 0x0b000000+n>>14)
	binary.BigEndian.PutUint32(frame[30:], web)
	binary.BigEndian.PutUint32(frame[34:], (1024+n&0x3fff)<<16|53)
}

// BenchmarkPath is the whole pure path, an operation a packet: parse, find, rewrite for established flows picked
// at random, and the same for packets that open a flow (miss, schedule, two index entries, record, rewrite).
// Each packet's bytes are written anew, which the figures include.
func BenchmarkPath(b *testing.B) {
	for _, c := range []struct {
		name  string
		flows int
	}{{"1k", 1_000}, {"10k", 10_000}, {"1M", 1_000_000}, {"10M", 10_000_000}} {
		b.Run("flows="+c.name, func(b *testing.B) { benchEstablished(b, c.flows) })
	}
	b.Run("new", benchNew)
}

func benchFrames() ([]Frame, []*[packet.AnswerRoom]byte) {
	frames, buffers := make([]Frame, benchBurst), make([]*[packet.AnswerRoom]byte, benchBurst)
	for i := range frames {
		buffers[i] = new([packet.AnswerRoom]byte)
		clientUDP(buffers[i])
		frames[i].SetBytes(buffers[i][:60])
	}
	return frames, buffers
}

func benchEstablished(b *testing.B, flows int) {
	w := newWorld(b, flows, hugeMemory(b, flowtable.Size(flows)))
	frames, buffers := benchFrames()
	for n := 0; n < flows; n += benchBurst {
		for i, buf := range buffers {
			aim(buf, uint32(min(n+i, flows-1)))
		}
		w.Burst(frames, uint64(w.time))
	}
	if got := w.table.Stats().Used; got != uint32(flows) {
		b.Fatalf("%d flows of %d open", got, flows)
	}
	random := rand.New(rand.NewPCG(1, 2))
	order := make([]uint32, 1<<16)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += benchBurst {
		if n&(len(order)-1) == 0 {
			b.StopTimer()
			for i := range order {
				order[i] = random.Uint32N(uint32(flows))
			}
			b.StartTimer()
		}
		for i, buf := range buffers {
			aim(buf, order[(n+i)&(len(order)-1)])
		}
		w.Burst(frames, uint64(w.time))
	}
	b.StopTimer()
	w.Publish()
	if drops := totalDrops(w.stats); drops != 0 || w.table.Stats().Used != uint32(flows) {
		b.Fatalf("%d drops, %d flows", drops, w.table.Stats().Used)
	}
}

// benchNew opens a million flows, then starts again on an empty shard.
func benchNew(b *testing.B) {
	const flows = 1_000_000
	mem := hugeMemory(b, flowtable.Size(flows))
	frames, buffers := benchFrames()
	var w *world
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += benchBurst {
		if n%flows < benchBurst {
			b.StopTimer()
			clear(mem)
			w = newWorld(b, flows, mem)
			b.StartTimer()
		}
		for i, buf := range buffers {
			aim(buf, uint32((n+i)%flows*7919%flows))
		}
		w.Burst(frames, uint64(w.time))
	}
	b.StopTimer()
	w.Publish()
	if drops := totalDrops(w.stats); drops != 0 {
		b.Fatal(fmt.Sprint(drops, " drops"))
	}
}

// BenchmarkFlood is a flood of SYNs at a guarded virtual that has as many half-open connections as it may.
func BenchmarkFlood(b *testing.B) {
	const limit = 100_000
	for _, drop := range []bool{false, true} {
		b.Run(map[bool]string{false: "evict", true: "drop"}[drop], func(b *testing.B) {
			w := newWorld(b, 2*limit, hugeMemory(b, flowtable.Size(2*limit)))
			guarded(limit, drop)(w)
			frames, buffers := synFrames(b)
			burst := func(n int) {
				for i, buf := range buffers {
					aimSYN(buf, uint32(n+i))
				}
				w.Burst(frames, uint64(w.time))
			}
			for n := 0; n < limit+benchBurst; n += benchBurst {
				burst(n)
			}
			before := w.live.gaveWay + w.live.drops[packet.Synguard]
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += benchBurst {
				burst(limit + benchBurst + n)
			}
			b.StopTimer()
			if got := w.live.gaveWay + w.live.drops[packet.Synguard] - before; got < uint64(b.N) {
				b.Fatalf("%d of %d SYNs met the limit", got, b.N)
			}
		})
	}
}

// BenchmarkRetry is the SYN that moves a connection to another real, of a hundred thousand.
func BenchmarkRetry(b *testing.B) {
	const flows = 100_000
	w := newWorld(b, flows, hugeMemory(b, flowtable.Size(flows)))
	change(func(s *ruleset.Source) { s.Virtuals[0].Retry.After, s.Virtuals[0].Timers.HalfOpen = 1, 1<<31 })(w)
	frames, buffers := synFrames(b)
	burst := func(n int) {
		for i, buf := range buffers {
			aimSYN(buf, uint32(n+i)%flows)
		}
		w.Burst(frames, uint64(w.time))
	}
	for n := 0; n < flows; n += benchBurst {
		burst(n)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += benchBurst {
		if n%flows < benchBurst {
			w.time++
		}
		burst(n)
	}
	b.StopTimer()
	if got := moved(w); got < uint64(b.N)*9/10 {
		b.Fatalf("%d of %d SYNs moved", got, b.N)
	}
}

// BenchmarkSticky is the SYN that opens a connection, each of another of half a million clients, where clients keep no real,
// where they do and are new, and where they have an entry.
func BenchmarkSticky(b *testing.B) {
	const flows = 500_000
	for _, name := range []string{"off", "new", "known"} {
		b.Run(name, func(b *testing.B) {
			shard, entries := hugeMemory(b, flowtable.Size(flows)), hugeMemory(b, sticky.Size(2*flows))
			table, err := sticky.New(entries, 2*flows, [2]uint64{1, 2})
			if err != nil {
				b.Fatal(err)
			}
			frames, buffers := synFrames(b)
			var w *world
			burst := func(n int) {
				for i, buf := range buffers {
					aimSYN(buf, 0)
					binary.BigEndian.PutUint32(buf[26:], 0x0b000000+uint32((n+i)%flows*7919%flows))
				}
				w.Burst(frames, uint64(w.time))
			}
			restart := func() {
				clear(shard)
				w = newWorld(b, flows, shard)
				if name != "off" {
					keepClients(32)(w)
					w.Worker.sticky = table
				}
			}
			if name == "known" {
				for restart(); w.live.opened < flows; {
					burst(int(w.live.opened))
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += benchBurst {
				if n%flows < benchBurst {
					b.StopTimer()
					if name == "new" {
						table.PurgeGroup(1)
					}
					restart()
					b.StartTimer()
				}
				burst(n)
			}
			b.StopTimer()
			w.Publish()
			if kept := w.stats.StickyHits.Load() > 0; totalDrops(w.stats) != 0 || kept != (name == "known") {
				b.Fatal(totalDrops(w.stats), " drops, ", w.stats.StickyHits.Load(), " kept")
			}
		})
	}
}

// BenchmarkFlush cuts a hundred thousand established connections, both ends asked: time a connection.
func BenchmarkFlush(b *testing.B) {
	const flows = 100_000
	w := newWorld(b, flows, hugeMemory(b, flowtable.Size(flows)))
	w.spares = make([]Frame, 32)
	for i := range w.spares {
		w.spares[i].SetBytes(make([]byte, 0, packet.AnswerRoom))
	}
	frames, buffers := synFrames(b)
	for n := 0; n < flows; n += benchBurst {
		for i, buf := range buffers {
			aimSYN(buf, uint32(n+i))
		}
		w.Burst(frames, uint64(w.time))
	}
	for n := range w.table.Extent() {
		if r := w.table.Record(n + 1); r.Phase == flowtable.HalfOpen {
			w.opened(r)
			r.Establish(flowtable.Established)
		}
	}
	usual := w.Rules()
	flushVirtual(w)
	flush := w.Rules()
	b.ReportAllocs()
	b.ResetTimer()
	for cut := 0; cut < b.N; cut += flows {
		w.Use(flush)
		w.time += 2 * second
		for before := w.live.cut; w.live.cut-before < flows; {
			w.Burst(nil, uint64(w.time))
		}
		b.StopTimer()
		w.Use(usual)
		for n := range w.table.Extent() {
			r := w.table.Record(n + 1)
			r.Phase = flowtable.Established
			w.counts.Restore(r.Binding, r.RealSlot)
		}
		b.StartTimer()
	}
}

// synFrames are frames for aimSYN.
func synFrames(b *testing.B) ([]Frame, []*[packet.AnswerRoom]byte) {
	frames, buffers := benchFrames()
	for i := range buffers {
		copy(buffers[i][:], fromClient("S").in(b))
		frames[i].SetBytes(buffers[i][:54])
	}
	return frames, buffers
}

// aimSYN is aim for a SYN.
func aimSYN(frame *[packet.AnswerRoom]byte, n uint32) {
	aim(frame, n)
	binary.BigEndian.PutUint16(frame[36:], 80)
}

func totalDrops(s *Stats) (n uint64) {
	for cause := range s.Drops {
		n += s.Drops[cause].Load()
	}
	return n
}
