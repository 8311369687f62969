package forward

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"linedirector/flowtable"
)

// whole are the segments of a connection with one request, as perf/device sends them.
var whole = []struct {
	reply bool
	flags string
	data  string
}{
	{flags: "S"},
	{reply: true, flags: "SA"},
	{flags: "A"},
	{flags: "A", data: "please"},
	{reply: true, flags: "A"},
	{reply: true, flags: "A", data: "answer"},
	{flags: "A"},
	{flags: "FA"},
	{reply: true, flags: "FA"},
	{flags: "A"},
}

// BenchmarkConnection is a whole connection, an operation all of its ten packets, 32 connections side by side: "again" opens
// each on the closing record of one with the same endpoints, "new" fills a shard from empty.
func BenchmarkConnection(b *testing.B) {
	b.Run("again", func(b *testing.B) { benchConnection(b, 1<<14, true) })
	b.Run("new", func(b *testing.B) { benchConnection(b, 1<<17, false) })
}

func benchConnection(b *testing.B, connections int, again bool) {
	mem := hugeMemory(b, flowtable.Size(connections))
	frames, buffers := benchFrames()
	segments := make([][3][]byte, len(whole)) // of each real's
	for i, s := range whole {
		for real := range segments[i] {
			p := fromClient(s.flags)
			if s.reply {
				p = fromReal(real+1, s.flags)
			}
			segments[i][real] = p.with(s.data).in(b)
		}
	}
	w, opened := newWorld(b, connections, mem), 0
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += benchBurst {
		if !again && n%connections == 0 && n > 0 {
			b.StopTimer()
			clear(mem)
			w, opened = newWorld(b, connections, mem), 0
			b.StartTimer()
		}
		for i, s := range whole {
			for k, buf := range buffers {
				frame := segments[i][(opened+k)%len(segments[i])]
				copy(buf[:], frame)
				client := uint32((opened + k) % connections)
				endpoint := 0 // the source
				frames[k].Port = outside
				if s.reply {
					endpoint, frames[k].Port = 1, inside
				}
				binary.BigEndian.PutUint32(buf[26+4*endpoint:], 0x0b000000+client>>14)
				binary.BigEndian.PutUint16(buf[34+2*endpoint:], uint16(1024+client&0x3fff))
				frames[k].SetBytes(buf[:len(frame)])
			}
			w.Burst(frames, uint64(w.time))
		}
		opened += benchBurst
	}
	b.StopTimer()
	w.Publish()
	if drops, open := totalDrops(w.stats), w.stats.Opened.Load(); drops != 0 || open != uint64(opened) {
		b.Fatalf("%d drops; %d connections of %d were opened", drops, open, opened)
	}
	for slot := range uint16(3) {
		if open := w.counts.Load(slot + 1); open != 0 {
			b.Fatalf("%d connections of real %d were not closed", open, slot+1)
		}
	}
}

// BenchmarkSweep is the expiry sweep's visit to one record, of a million that stay, in its usual slices.
func BenchmarkSweep(b *testing.B) {
	const flows = 1_000_000
	w := newWorld(b, flows, hugeMemory(b, flowtable.Size(flows)))
	frames, buffers := benchFrames()
	for n := 0; n < flows; n += benchBurst {
		for i, buf := range buffers {
			aim(buf, uint32(min(n+i, flows-1)))
		}
		w.Burst(frames, uint64(w.time))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += slice {
		w.sweep.debt += uint64(w.sweep.round) * slice // as if time had passed; timers do not
		w.expire(benchBurst)
	}
	b.StopTimer()
	if used := w.table.Stats().Used; used != flows {
		b.Fatalf("%d flows of %d are left", used, flows)
	}
}

// BenchmarkOwner is the hash that says which worker owns a connection, as each miss asks once.
func BenchmarkOwner(b *testing.B) {
	s := NewSteering(2)
	owned := [2]int{}
	b.ReportAllocs()
	for n := uint32(0); b.Loop(); n++ {
		owned[s.Owner(0x0b000000+n>>14, uint16(1024+n&0x3fff))&1]++
	}
	if b.N > 1000 && (owned[0] == 0 || owned[1] == 0) {
		b.Fatal("one worker owns all: ", owned)
	}
}

// BenchmarkHand is a frame of a flow that another worker owns: parsed, looked up in vain, and handed over.
func BenchmarkHand(b *testing.B) {
	w := newWorld(b, 16, nil)
	w.steering = NewSteering(2)
	frames, buffers := benchFrames()
	var strangers []uint32
	for n := uint32(0); len(strangers) < 1<<12; n++ {
		if w.steering.Owner(0x0b000000+n>>14, uint16(1024+n&0x3fff)) != w.self {
			strangers = append(strangers, n)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += benchBurst {
		for i, buf := range buffers {
			aim(buf, strangers[(n+i)%len(strangers)])
		}
		w.Burst(frames, uint64(w.time))
	}
	if w.live.handed < uint64(b.N) {
		b.Fatalf("%d of %d frames were handed over", w.live.handed, b.N)
	}
}

// BenchmarkLending is what two workers have to do for a flow that one lends the other, of half a million: lend, host,
// recall and dismiss it; and each time that a guest carried something, report and merge it.
func BenchmarkLending(b *testing.B) {
	const flows, round = 1 << 19, notePlaces / 4
	c := newCluster(b, 2, 2*flows)
	for _, w := range c.workers {
		table, err := flowtable.New(hugeMemory(b, flowtable.Size(2*flows)), 2*flows, [3]uint64{1, 2, 3})
		if err != nil {
			b.Fatal(err)
		}
		w.table, w.Worker.table = table, table
	}
	c.apply()
	owner, other := c.workers[0], c.workers[1]
	frames, buffers := benchFrames()
	for n := uint32(0); owner.table.Stats().Used < flows; {
		for _, buf := range buffers {
			for ; owner.steering.Owner(0x0b000000+n>>14, uint16(1024+n&0x3fff)) != 0; n++ {
			}
			aim(buf, n)
			n++
		}
		owner.Burst(frames, uint64(owner.time))
	}
	talk := func() {
		owner.publish()
		other.correspond()
	}
	random := rand.New(rand.NewPCG(1, 2))
	order := random.Perm(flows)
	lend := func(some []int) {
		for _, n := range some {
			owner.lendTo(loan{uint32(n) + 1, uint32(other.self)}, owner.table.Record(uint32(n)+1))
		}
		talk()
	}
	b.Run("lend", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; n < b.N; n += round {
			some := order[n%flows : n%flows+round]
			lend(some)
			for _, n := range some {
				owner.recall(owner.table.Record(uint32(n) + 1))
			}
			talk()
		}
		if other.guests != 0 {
			b.Fatal(other.guests, " guests are left")
		}
	})
	b.Run("report", func(b *testing.B) {
		for n := 0; n < flows; n += round {
			lend(order[n : n+round])
		}
		if other.guests != flows {
			b.Fatal(other.guests, " guests")
		}
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; n += round {
			for i := range round {
				r := other.table.Record(uint32((n+i)%flows) + 1)
				r.Count(flowtable.Forward, 60)
				other.visitGuest(uint32((n+i)%flows)+1, r)
			}
			other.publish()
			owner.correspond()
		}
	})
}
