package forward

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
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
	}{{"10k", 10_000}, {"1M", 1_000_000}, {"10M", 10_000_000}} {
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

func totalDrops(s *Stats) (n uint64) {
	for cause := range s.Drops {
		n += s.Drops[cause].Load()
	}
	return n
}
