package forward

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// crowd is many clients before several workers, each its own goroutine, and a real that takes few connections.
type crowd struct {
	*cluster
	syns   [][][]byte   // theirs
	resets [][][]byte   // and the RSTs by which they close
	open   atomic.Int64 // on the real, as its clients know: opened, and not yet about to be closed
	most   atomic.Int64 // that ever were
}

const (
	crowdSize  = 10_000
	crowdLimit = 100
)

// newCrowd has two virtuals before real 1, which takes crowdLimit connections, and others before more reals.
func newCrowd(t *testing.T, workers, reals int, predictor ruleset.Predictor) *crowd {
	c := &crowd{cluster: newCluster(t, workers, crowdSize)}
	other := c.source.Virtuals[0]
	other.Slot, other.Port, other.Members = 3, 81, slices.Clone(other.Members)
	for i := range other.Members {
		other.Members[i].Binding += 20
	}
	c.source.Virtuals = append(c.source.Virtuals, other)
	for _, v := range []int{0, 2} {
		c.source.Virtuals[v].Predictor = predictor
		c.source.Virtuals[v].Members = c.source.Virtuals[v].Members[:reals]
	}
	r := c.source.Reals[1]
	r.MaxConns = crowdLimit
	c.source.Reals[1] = r
	c.apply()
	c.syns, c.resets = make([][][]byte, workers), make([][][]byte, workers)
	for n := range crowdSize {
		k := keyOfPkt(fromClient("S").from(at(n)))
		owner := c.workers[0].steering.Owner(k.Src, k.SrcPort)
		to := []string{webTCP, "192.0.2.10:81"}[n%2]
		c.syns[owner] = append(c.syns[owner], fromClient("S").from(at(n)).to(to).in(t))
		c.resets[owner] = append(c.resets[owner], fromClient("R").from(at(n)).to(to).in(t))
	}
	return c
}

// opened notes a connection that went to real 1.
func (c *crowd) opened() {
	n := c.open.Add(1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
}

// observe reads the workers' counts until it is told to stop, and returns the most connections that it saw on real 1. Ends
// are read after beginnings: what it sees were never less.
func (c *crowd) observe(stop *atomic.Bool) (most int64) {
	for last := false; !last; {
		last = stop.Load()
		opened, closed := uint64(0), uint64(0)
		for _, w := range c.workers {
			opened += w.counts.Binding(1).Opened + w.counts.Binding(21).Opened
		}
		for _, w := range c.workers {
			closed += w.counts.Binding(1).Closed + w.counts.Binding(21).Closed
		}
		most = max(most, int64(opened-closed))
	}
	return most
}

// run has every worker do its clients' work at the same time, with an observer.
func (c *crowd) run(t *testing.T, work func(n int, w *world)) {
	var workers, observer sync.WaitGroup
	var stop atomic.Bool
	seen := int64(0)
	observer.Go(func() { seen = c.observe(&stop) })
	start := make(chan struct{})
	for n, w := range c.workers {
		w.time = c.time
		workers.Go(func() {
			<-start
			work(n, w)
		})
	}
	close(start)
	workers.Wait()
	stop.Store(true)
	observer.Wait()
	if most := c.most.Load(); most > crowdLimit || seen > crowdLimit {
		t.Errorf("%d connections at a time, %d seen, at most %d", most, seen, crowdLimit)
	}
}

// onReal1 is how many connections the workers count on it; the shared ticket must agree.
func (c *crowd) onReal1(t *testing.T) (n uint32) {
	t.Helper()
	for _, w := range c.workers {
		n += w.counts.Reals[1].Open
	}
	if shared := c.counts.Shared.Connections(1); shared != n {
		t.Errorf("%d connections, shared %d", n, shared)
	}
	return n
}

// went tells whether a SYN went to real 1.
func went(f *Frame) bool {
	return f.Verdict == Send && f.Out == inside && keyIn(f.Bytes()).Dst == firstReal
}

// TestLimitIsExact: of ten thousand connections at once, on several workers, a real gets as many as it may have, and never
// one more, not for a moment.
func TestLimitIsExact(t *testing.T) {
	for _, workers := range []int{2, 4} {
		for _, reals := range []int{1, 3} {
			for _, predictor := range []ruleset.Predictor{ruleset.LeastConns, ruleset.RoundRobin, ruleset.P2C} {
				t.Run(fmt.Sprintf("workers=%d,reals=%d,predictor=%d", workers, reals, predictor), func(t *testing.T) {
					c := newCrowd(t, workers, reals, predictor)
					c.run(t, func(n int, w *world) {
						for burst := range slices.Chunk(c.syns[n], MaxBurst) {
							frames := make([]Frame, len(burst))
							for i, syn := range burst {
								frames[i] = frameOf(outside, syn)
							}
							for i := range w.run(frames...) {
								if went(&frames[i]) {
									c.opened()
								}
							}
						}
					})
					if n := c.onReal1(t); n != crowdLimit || c.open.Load() != crowdLimit {
						t.Errorf("%d connections on the real, %d as clients know, want %d", n, c.open.Load(), crowdLimit)
					}
					taken, refused := uint64(0), uint64(0)
					for _, w := range c.workers {
						w.Publish()
						taken, refused = taken+w.connections(), refused+w.stats.Drops[packet.NoReal].Load()
					}
					if want := uint64(crowdLimit); reals == 1 && taken != want || taken+refused != crowdSize || reals > 1 && refused > 0 {
						t.Errorf("%d taken, %d refused", taken, refused)
					}
				})
			}
		}
	}
}

// TestLimitUnderChange: as many connections close as open, all the time: the limit holds, is reached again and again, and
// in the end nothing is left.
func TestLimitUnderChange(t *testing.T) {
	for _, workers := range []int{2, 4} {
		for _, reals := range []int{1, 3} {
			t.Run(fmt.Sprintf("workers=%d,reals=%d", workers, reals), func(t *testing.T) {
				c := newCrowd(t, workers, reals, ruleset.LeastConns)
				c.run(t, func(n int, w *world) {
					random := rand.New(rand.NewPCG(uint64(n), 1))
					var open []int // clients with a connection
					onReal1 := map[int]bool{}
					frames := make([]Frame, 1)
					give := func(b []byte) *Frame {
						frames[0] = frameOf(outside, b)
						return &w.run(frames...)[0]
					}
					closeOne := func() {
						i := random.IntN(len(open))
						client := open[i]
						if open[i] = open[len(open)-1]; onReal1[client] {
							c.open.Add(-1) // before it is: what clients know is never more than what there is
							delete(onReal1, client)
						}
						open = open[:len(open)-1]
						give(c.resets[n][client])
					}
					for client := range c.syns[n] {
						switch f := give(c.syns[n][client]); {
						case went(f):
							onReal1[client] = true
							c.opened()
							open = append(open, client)
						case f.Verdict == Send && f.Out == inside:
							open = append(open, client)
						}
						if most := 2 * crowdLimit * reals; len(open) > most || len(open) > 0 && random.IntN(8) == 0 {
							closeOne()
						}
					}
					for len(open) > 0 {
						closeOne()
					}
				})
				if most := c.most.Load(); most < crowdLimit {
					t.Errorf("at most %d at a time: the limit was never tried", most)
				}
				if n := c.onReal1(t); n != 0 || c.open.Load() != 0 {
					t.Errorf("%d connections are left, %d as clients know", n, c.open.Load())
				}
				for _, w := range c.workers {
					if n := w.connections(); n != 0 {
						t.Errorf("%d connections are left", n)
					}
				}
			})
		}
	}
}
