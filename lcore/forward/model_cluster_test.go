package forward

import (
	"testing"
)

// cluster is several workers under the same rules, as package lcore runs them: a frame comes to any of them, and
// one that is handed over goes to its owner.
type cluster struct {
	*world  // rules, next hops, time; its own worker is not used
	workers []*world
}

func newCluster(tb testing.TB, workers, flows int) *cluster {
	c := &cluster{world: newWorld(tb, 1, nil)}
	shared := c.counts.Shared
	steering, notes := NewSteering(workers), NewNotes(workers)
	for i := range workers {
		w := newWorld(tb, flows, nil)
		w.hops, w.Worker.hops = c.hops, c.hops
		w.counts.Shared = shared
		w.steering, w.self, w.peers = steering, uint16(i), notes.peers(uint16(i))
		w.answer = newBucket(1e9, second, w.time)
		for kind := range w.punts {
			w.punts[kind] = newBucket(1e9, second, w.time)
		}
		c.workers = append(c.workers, w)
	}
	return c
}

func (c *cluster) apply() {
	c.world.apply()
	for _, w := range c.workers {
		w.Use(c.Rules())
	}
}

// settle has every worker know what the others have to say, as if many bursts went by: reports of guests included.
func (c *cluster) settle() {
	if len(c.workers) == 1 {
		return
	}
	for _, w := range c.workers {
		for n := uint32(0); w.guests > 0 && n < w.table.Extent(); n++ {
			if r := w.table.Record(n + 1); r.Guest() {
				w.report(r)
			}
		}
	}
	for range 2 { // once to publish all, once to read all
		for _, w := range c.workers {
			w.now = c.time // as in the burst that begins so
			w.correspond()
		}
	}
}

// deliver gives a frame to a worker and, if it says so, on to the owner.
func (c *cluster) deliver(to int, port uint16, b []byte) Frame {
	f := frameOf(port, b)
	f = c.burst(to, f)
	if f.Verdict == Hand {
		to = int(f.Out)
		f.Flags, f.Verdict, f.Out = FlagHanded, 99, 99
		f = c.burst(to, f)
	}
	c.settle()
	return f
}

func (c *cluster) burst(worker int, f Frame) Frame {
	w := c.workers[worker]
	w.time = c.time
	return w.run(f)[0]
}

// idle gives every worker a burst of nothing.
func (c *cluster) idle() {
	for _, w := range c.workers {
		w.time = c.time
		w.Burst(nil, uint64(w.time))
	}
	c.settle()
}

// choices is where a run's decisions come from: a random source, or a fuzzer's bytes.
type choices interface{ IntN(n int) int }

// script decides by bytes, and by 0 when they are used up.
type script []byte

func (s *script) IntN(n int) int {
	v := 0
	for k := 1; k < n && len(*s) > 0; k <<= 8 {
		v = v<<8 | int((*s)[0])
		*s = (*s)[1:]
	}
	return v % n
}
