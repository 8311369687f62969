package forward

import "linedirector/lcore/packet"

// Burst gives each of at most MaxBurst frames its verdict and rewrites those that are sent. now is in beats. What the
// worker sends of its own is in the spare frames, see Spared.
func (w *Worker) Burst(frames []Frame, now uint64) {
	w.now, w.beats, w.beat, w.frames, w.spared = uint32(now>>w.tickShift), now, uint32(now), frames, 0
	w.parse(frames)
	w.table.Candidates(&w.hash, &w.ref, w.flows)
	misses := w.steadily()
	if misses > 0 {
		w.plan(misses)
		for j, i := range w.miss[:misses] {
			i, slot := int(i)&(MaxBurst-1), w.virtual[j&(MaxBurst-1)]
			w.unknown(i, slot)
			w.unplan(i)
		}
	}
	w.expire(len(frames))
	switch w.listing.state.Load() {
	case asked:
		w.list()
	case questioned:
		w.explain()
	}
}

// lookahead is how many buckets are asked for at a time: enough that the call costs little a frame, and few enough that
// the loads do not wait for one another.
const lookahead = 8

// parse fills the dense arrays with the frames that may belong to a flow and settles the others.
func (w *Worker) parse(frames []Frame) {
	n, asked := 0, 0
	for i := range frames {
		f := &frames[i]
		m := &w.meta[n&(MaxBurst-1)]
		f.Verdict = Drop
		if f.Flags&FlagSegmented != 0 || !f.head().Plain(f.Len, m) {
			if !w.odd(f, m) {
				continue
			}
		}
		if dst := f.head().DstMAC(); uint64(dst) != w.rules.Ports[f.Port%uint16(len(w.rules.Ports))].MAC {
			w.notForPort(f, m, dst)
			continue
		}
		w.hash[n&(MaxBurst-1)] = w.table.Hash(keyOf(m))
		w.place[n&(MaxBurst-1)] = uint8(i)
		if n++; n-asked == lookahead {
			w.table.PrefetchBuckets(&w.hash, asked, n)
			asked = n
		}
	}
	w.table.PrefetchBuckets(&w.hash, asked, n)
	w.flows = n
}

// odd settles a frame that is not plain, unless it may yet belong to a flow: then it fills m and returns true.
func (w *Worker) odd(f *Frame, m *packet.Meta) bool {
	if f.Flags&FlagSegmented != 0 {
		w.drop(packet.Segmented)
		return false
	}
	b := f.Bytes()
	if cause := packet.Parse(b, m); cause != packet.None {
		w.drop(cause)
		return false
	}
	if m.Kind != packet.KindFlow {
		w.other(f, m, packet.DstMAC(b))
		return false
	}
	return true
}
