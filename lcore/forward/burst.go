package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// Burst gives each of at most MaxBurst frames its verdict and rewrites those that are sent. now is in beats. What the
// worker sends of its own is in the spare frames, see Spared.
func (w *Worker) Burst(frames []Frame, now uint64) {
	w.now, w.beats, w.beat, w.frames, w.spared = uint32(now>>w.tickShift), now, uint32(now), frames, 0
	if len(w.peers) > 0 {
		w.correspond()
	}
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
	if w.seen&FlagHanded != 0 && len(w.peers) > 0 {
		w.chooseLoans()
	}
	w.expire(len(frames))
	if len(w.peers) > 0 {
		w.publish()
	}
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
	w.flows, w.seen = 0, 0
	for i := 0; i < len(frames); {
		end, asked := min(i+lookahead, len(frames)), w.flows
		for i = w.plain(frames[:end], i); i < end; i = w.plain(frames[:end], i+1) {
			w.odd(i)
		}
		w.table.PrefetchBuckets(&w.hash, asked, w.flows)
	}
}

// plain enters frames into the dense arrays from place i on, while they are plain and for their port, as nearly all are,
// and returns the place of the first that is not, or their number. It calls nothing: around a call all that the loop
// has in registers would be saved and restored, for each frame.
func (w *Worker) plain(frames []Frame, i int) int {
	n, seen := w.flows, w.seen
	for ; i < len(frames); i++ {
		f := &frames[i]
		seen |= f.Flags
		h := f.head()
		payload := h.Payload(f.Len)
		f.Verdict = Drop
		if f.Flags&FlagSegmented != 0 || !h.IsFor(packet.MAC(w.rules.Ports[f.Port%ruleset.MaxPorts].MAC)) {
			break
		}
		protocol, flags, phase := h.Protocol(), uint8(0), flowtable.UDP
		if protocol == packet.ProtocolTCP {
			if !h.TCPFits(payload) {
				break
			}
			if flags, phase = h.TCPFlags(), flowtable.Established; flags&(packet.SYN|packet.FIN|packet.RST) != 0 {
				phase = flowtable.Free
			}
		} else if protocol != packet.ProtocolUDP || !h.UDPFits(payload) {
			break
		}
		ttl := h.TTL()
		if ttl <= 1 {
			phase = flowtable.Free
		}
		at, addresses, ports := n&(MaxBurst-1), h.Addresses(), h.Ports()
		w.meta[at].Show(addresses, ports, protocol, flags, ttl)
		w.hash[at], w.place[at], w.steady[at] = w.table.HashWords(addresses, ports, protocol), uint8(i), phase
		n++
	}
	w.flows, w.seen = n, seen
	return i
}

// odd settles frame i of the burst, which is not plain or not for its port, unless it may yet belong to a flow: then it
// enters the dense arrays.
func (w *Worker) odd(i int) {
	f, n := &w.frames[i], w.flows&(MaxBurst-1)
	m := &w.meta[n]
	if f.Flags&FlagSegmented != 0 {
		w.drop(packet.Segmented)
		return
	}
	b := f.Bytes()
	if cause := packet.Parse(b, m); cause != packet.None {
		w.drop(cause)
		return
	}
	dst := packet.DstMAC(b)
	switch {
	case m.Kind != packet.KindFlow:
		w.other(f, m, dst)
	case uint64(dst) != w.rules.Ports[f.Port%ruleset.MaxPorts].MAC:
		w.notForPort(f, m, dst)
	default:
		w.hash[n], w.place[n], w.steady[n] = w.table.Hash(keyOf(m)), uint8(i), flowtable.Free
		w.flows++
	}
}
