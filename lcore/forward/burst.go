package forward

import "linedirector/lcore/packet"

// Burst gives each of at most MaxBurst frames its verdict and rewrites those that are sent. now is in ticks.
func (w *Worker) Burst(frames []Frame, now uint32) {
	w.now = now
	w.parse(frames)
	w.table.Candidates(&w.hash, &w.ref, w.flows)
	misses := w.steadily()
	if misses > 0 {
		w.plan(misses)
		for j, i := range w.miss[:misses] {
			i, slot := int(i)&(MaxBurst-1), w.virtual[j&(MaxBurst-1)]
			w.unknown(i, slot)
			w.unplan(i, slot)
		}
	}
	w.expire(len(frames))
}

// parse fills the dense arrays with the frames that may belong to a flow and settles the others.
func (w *Worker) parse(frames []Frame) {
	n := 0
	for i := range frames {
		f := &frames[i]
		f.Verdict = Drop
		n &= MaxBurst - 1
		m := &w.meta[n]
		if f.Flags&FlagSegmented != 0 {
			w.drop(packet.Segmented)
			continue
		}
		b := f.Bytes()
		if cause := packet.Parse(b, m); cause != packet.None {
			w.drop(cause)
			continue
		}
		dst := packet.DstMAC(b)
		if m.Kind != packet.KindFlow {
			w.other(f, m, dst)
			continue
		}
		if uint64(dst) != w.rules.Ports[f.Port%uint16(len(w.rules.Ports))].MAC {
			w.notForPort(f, m, dst)
			continue
		}
		hash := w.table.Hash(keyOf(m))
		w.table.PrefetchBucket(hash) // now: prefetched all at once, they would wait for one another
		w.hash[n] = hash
		w.frame[n] = f
		n++
		w.flows = n
	}
	if n == 0 {
		w.flows = 0
	}
}
