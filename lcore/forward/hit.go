package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// steadily forwards the frames whose flow is known and does not change by them, nearly all there are. It notes the others
// in w.miss if their flow is not known, and returns how many those are.
func (w *Worker) steadily() (misses int) {
	for i := range w.flows {
		i &= MaxBurst - 1
		ref := w.ref[i]
		if !w.hit(w.frame(i), &w.meta[i], w.table.Record(ref.Record()), ref.Direction(), w.steady[i]) && !w.known(i) {
			w.miss[misses&(MaxBurst-1)] = uint8(i)
			misses++
		}
	}
	return misses
}

// hit forwards a plain frame of a flow that is in this phase and that it does not change, and tells whether it is one. It
// calls nothing and is not put into the loop, so that what it works on stays in registers.
//
//go:noinline
func (w *Worker) hit(f *Frame, m *packet.Meta, r *flowtable.Record, d flowtable.Direction, phase flowtable.Phase) bool {
	if !r.Stays(keyOf(m), d, phase) || r.RouteGeneration != w.rules.RouteGeneration {
		return false
	}
	hop, ok := w.hops.Get(r.NextHop(d))
	if !ok {
		return false
	}
	addr, port, l3Diff, l4Diff := r.Target(d)
	h, side := f.head(), packet.Destination-packet.Side(d)
	h.RewriteLink(hop.Low, hop.High)
	h.RewriteIPv4(side, addr, l3Diff)
	if m.Protocol == packet.ProtocolTCP {
		h.RewriteTCP(side, port, l4Diff)
	} else {
		h.RewriteUDP(side, port, l4Diff)
	}
	f.Verdict, f.Out = Send, hop.Port
	w.live.packets[d&1]++
	w.live.bytes[d&1] += uint64(f.Len)
	r.Last = w.now
	r.Count(d, f.Len)
	return true
}

// known forwards frame i if its flow is known, and tells whether it was.
func (w *Worker) known(i int) bool {
	ref := w.ref[i]
	if ref == 0 {
		return false
	}
	r := w.table.Record(ref.Record())
	if !r.Shows(keyOf(&w.meta[i]), ref.Direction()) { // an equal tag of another flow
		if ref = w.table.Find(keyOf(&w.meta[i]), w.hash[i]); ref == 0 {
			return false
		}
		r = w.table.Record(ref.Record())
	}
	return w.follow(i, r, ref)
}

// follow forwards a frame of a flow. It returns false when the frame opens a new connection in the flow's
// place; the old record is gone then.
func (w *Worker) follow(i int, r *flowtable.Record, ref flowtable.Ref) bool {
	f, m, d := w.frame(i), &w.meta[i], ref.Direction()
	if m.TTL <= 1 {
		w.timeExceeded(f, m)
		return true
	}
	if (m.TCPFlags&(packet.SYN|packet.FIN|packet.RST) != 0 || r.Phase != flowtable.Established) && r.Phase != flowtable.UDP {
		if r.Guest() {
			w.handFlow(i, w.ownerOf(r))
			return true
		}
		switch w.tcp(i, r, d) {
		case reopened:
			if !w.recall(r) {
				w.drop(packet.HandFull)
				return true
			}
			w.remove(ref.Record())
			return false
		case withheld:
			w.drop(packet.Withheld)
			return true
		case severed:
			w.sever(f, m)
			return true
		case moves:
			refuse := w.rules.Virtual(r.VirtualSlot).Refuse
			n, cause := w.move(i, ref.Record())
			if cause != packet.None {
				w.drop(cause)
				if refuse && cause == packet.NoReal {
					w.refuse(f, m)
				}
				return true
			}
			r = w.table.Record(n)
		}
	}
	if r.RouteGeneration != w.rules.RouteGeneration {
		w.routeFlow(r)
	}
	hop, ok := w.hops.Get(r.NextHop(d))
	if !ok {
		var cause packet.DropCause
		hop, cause = w.rerouteFlow(r, d)
		switch {
		case cause == packet.None:
		case r.Guest(): // the owner may know where the client's first frame came from
			w.handFlow(i, w.ownerOf(r))
			return true
		default:
			w.drop(cause)
			return true
		}
	}
	w.send(f, m, r, d, hop)
	switch r.Phase {
	case flowtable.Established, flowtable.UDP:
		r.Last = w.now
		r.Count(d, f.Len)
		w.watch(r, d)
	case flowtable.HalfOpen, flowtable.Ditched:
		r.Last = w.now
	}
	return true
}

// watchFor has the next packet of a failed real's flow show life.
func (w *Worker) watchFor(r *flowtable.Record) {
	if w.rules.Real(r.RealSlot).Watched {
		r.Flags |= flowtable.Watched
	}
}

// watch tells control of an answer on an established connection of a failed real (SPEC.md section 4). The sweep asks for
// it, so that it costs steady flows nothing.
func (w *Worker) watch(r *flowtable.Record, d flowtable.Direction) {
	if r.Flags&flowtable.Watched == 0 || d == flowtable.Forward {
		return
	}
	r.Flags &^= flowtable.Watched
	if w.rules.Real(r.RealSlot).Watched {
		w.counts.Shared.Raise(r.RealSlot, ruleset.ShowsLife)
	}
}

// send rewrites a frame of a flow and sends it on its way.
func (w *Worker) send(f *Frame, m *packet.Meta, r *flowtable.Record, d flowtable.Direction, hop ruleset.Hop) {
	addr, port, l3Diff, l4Diff := r.Target(d)
	packet.Rewrite(f.Bytes(), m, packet.Destination-packet.Side(d), addr, port, l3Diff, l4Diff, &packet.Link{Low: hop.Low, High: hop.High})
	if r.Flags&flowtable.Translated != 0 {
		packet.SetPort(f.Bytes(), m, packet.Side(d), r.OtherPort(d))
	}
	f.Verdict, f.Out = Send, hop.Port
	w.live.packets[d&1]++
	w.live.bytes[d&1] += uint64(f.Len)
}
