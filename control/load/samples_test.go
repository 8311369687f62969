package load

import (
	"sync"
	"testing"

	"linedirector/lcore/ruleset"
)

func TestShareSamples(t *testing.T) {
	counts := workers(3, 4)
	counts[0].Measure(1, 500, 10)
	counts[1].Measure(1, 700, 12)
	counts[2].Measure(1, 300, 11)
	counts[2].Measure(2, 900, 1<<32-2)
	counts[0].Measure(2, 800, 1) // later: ticks wrapped around
	counts[1].Measure(4, 5, 5)
	ShareSamples(counts, 3)
	for i, c := range counts {
		if c.Sample(1) != ruleset.NewSample(700, 12) || c.Sample(2) != ruleset.NewSample(800, 1) || c.Sample(3) != 0 {
			t.Errorf("worker %d: %#x, %#x, %#x", i, c.Sample(1), c.Sample(2), c.Sample(3))
		}
		if i != 1 && c.Sample(4) != 0 {
			t.Errorf("worker %d knows of a slot beyond the highest", i)
		}
		if got := c.Tally(1).Response; got != []uint32{500, 700, 300}[i] {
			t.Errorf("worker %d: its own measurement is %d now", i, got)
		}
	}
	counts[0].Measure(1, 100, 13)
	ShareSamples(counts, 3)
	if got := counts[2].Sample(1); got != ruleset.NewSample(100, 13) {
		t.Errorf("not renewed: %#x", got)
	}
	if n := testing.AllocsPerRun(10, func() { ShareSamples(counts, 4) }); n != 0 {
		t.Errorf("%v allocations every millisecond", n)
	}
}

// A worker alone knows what it measured, and nobody else writes there.
func TestShareSamplesOfOne(t *testing.T) {
	counts := workers(1, 1)
	counts[0].Measure(1, 500, 10)
	ShareSamples(counts, 1)
	if counts[0].Sample(1) != ruleset.NewSample(500, 10) {
		t.Error("lost")
	}
}

// As in the program: what a worker has measured is never replaced by something older.
func TestShareSamplesWhileWorkersMeasure(t *testing.T) {
	counts := workers(3, 1)
	done := make(chan struct{})
	var workers sync.WaitGroup
	for i, c := range counts {
		workers.Go(func() {
			for tick := uint32(1); tick <= 20_000; tick++ {
				c.Measure(1, uint32(i+1), tick)
				if got := c.Sample(1); int32(got.Answered()-tick) < 0 {
					t.Errorf("at tick %d one of tick %d", tick, got.Answered())
				}
			}
		})
	}
	go func() {
		workers.Wait()
		close(done)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		ShareSamples(counts, 1)
	}
	for i, c := range counts {
		if got := c.Sample(1).Answered(); got != 20_000 {
			t.Errorf("worker %d knows that of tick %d", i, got)
		}
	}
}

func BenchmarkShareSamples(b *testing.B) {
	counts := workers(8, 1000)
	for real := range uint16(1000) {
		counts[real%8].Measure(real+1, 500, uint32(real))
	}
	for b.Loop() {
		ShareSamples(counts, 1000)
	}
}
