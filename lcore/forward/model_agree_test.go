package forward

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"linedirector/lcore/ruleset"
)

// TestWorkersAgree: any number of workers gives the same frames as one, wherever each frame comes in.
func TestWorkersAgree(t *testing.T) {
	var models []*model
	for _, workers := range []int{1, 2, 3} {
		m := newModel(t, nil, workers, 1000)
		for i := range m.source.Virtuals { // with one real there is nothing to choose
			m.source.Virtuals[i].Members = m.source.Virtuals[i].Members[:1]
			m.source.Virtuals[i].Keepers = m.source.Virtuals[i].Members
		}
		m.apply()
		for _, w := range m.workers {
			w.sweep.round = 1 // all look at every record at every tick
		}
		models = append(models, m)
	}
	random := rand.New(rand.NewPCG(4, 4))
	one := models[0]
	one.choose = random
	for step := range 30_000 {
		if random.IntN(20) == 0 {
			ticks := uint32(leaps[random.IntN(len(leaps))])
			for _, m := range models {
				m.time += ticks
				m.idle()
			}
		}
		p := one.packet()
		b := p.in(t)
		want := one.deliver(0, p.port, b)
		for _, m := range models[1:] {
			worker := random.IntN(len(m.workers))
			got := m.deliver(worker, p.port, b)
			if got.Verdict != want.Verdict || got.Out != want.Out || !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Fatalf("step %d: %+v: %d workers, at worker %d: verdict %d out %d, want %d out %d\n%s\n%s", step, p,
					len(m.workers), worker, got.Verdict, got.Out, want.Verdict, want.Out, dump(got.Bytes()), dump(want.Bytes()))
			}
		}
	}
	for _, m := range models {
		var opened, handed uint64
		for _, w := range m.workers {
			opened, handed = opened+w.live.opened, handed+w.live.handed
		}
		if opened != one.workers[0].live.opened || opened < 1000 || (handed == 0) != (len(m.workers) == 1) {
			t.Errorf("%d workers: %d opened, %d handed over", len(m.workers), opened, handed)
		}
	}
}

// TestBurstsAgree: frames in bursts fare as they do one by one.
func TestBurstsAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	one, many := newModel(t, random, 1, 1000), newModel(t, nil, 1, 1000)
	for _, m := range []*model{one, many} {
		for i, real := range []int{0, 2, 1, 2} { // a real for each, so that no order matters but that within a flow
			v := &m.source.Virtuals[i]
			r := m.source.Reals[uint16(real+1)]
			slot := uint16(10 + i)
			m.source.Reals[slot] = r
			v.Members = []ruleset.Member{{Binding: uint32(1 + i), Real: slot, Weight: 1}}
			v.Keepers = v.Members
			v.Sticky.Group = slot // which frames of a burst are first matters to buddies
		}
		m.apply()
		m.workers[0].sweep.round = 1
	}
	for round := range 500 {
		ticks := uint32(leaps[random.IntN(len(leaps))])
		for _, m := range []*model{one, many} {
			m.time += ticks
			m.idle()
		}
		var frames, want []Frame
		var packets []pkt
		for range random.IntN(MaxBurst + 1) {
			p := one.packet()
			b := p.in(t)
			packets, frames, want = append(packets, p), append(frames, frameOf(p.port, b)), append(want, one.deliver(0, p.port, b))
		}
		w := many.workers[0]
		w.time = many.time
		w.run(frames...)
		for i, f := range frames {
			if f.Verdict != want[i].Verdict || f.Out != want[i].Out || !bytes.Equal(f.Bytes(), want[i].Bytes()) {
				t.Fatalf("round %d, frame %d: %+v\nverdict %d out %d, want %d out %d", round, i, packets[i], f.Verdict, f.Out, want[i].Verdict, want[i].Out)
			}
		}
		if got := w.counters().since(one.workers[0].counters()); got != "" {
			t.Fatalf("round %d: bursts counted differently: %s", round, got)
		}
	}
}
