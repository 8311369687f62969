package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

// How a live connection is cut (SPEC.md section 4; docs/design/0010-cutting-connections.md). An end believes a RST only if it
// bears the very number that it expects next (RFC 5961 §3), and the record knows no numbers. But each segment of an end
// names that number: its ACK.
//
//	a flush, or idle for too long ──► cut: it counts no more
//	  each end is sent a segment that it must answer with an ACK, until it did
//	  what an end sends, that ACK or anything else ──► not forwarded; a RST to it, whose SEQ is that ACK
//	  a RST of an end ──► on to the other end
//	  close delay ──► removed

// flush cuts the flow of record n. Those that nobody could tell go at once: their records are gone.
func (w *Worker) flush(n uint32) {
	r := w.table.Record(n)
	switch r.Phase {
	case flowtable.UDP:
		if w.recall(r) {
			w.live.cut++
			w.remove(n)
		}
	case flowtable.HalfOpen, flowtable.Ditched:
		w.resetClient(r)
		if r.Flags&flowtable.SYNACK == 0 {
			if r.Phase.Counted() {
				w.live.cut++
			}
			w.remove(n)
			return
		}
		w.resetReal(r)
		w.cut(r) // the client's ACK may be on its way: then it does not believe the RST
		r.Flags |= flowtable.RealTold
	case flowtable.Established:
		w.cut(r)
	case flowtable.Reset: // both know; but nothing restores it now
		r.Phase = flowtable.Cut
		r.Flags |= flowtable.ClientTold | flowtable.RealTold
	}
}

// cut begins to cut a connection.
func (w *Worker) cut(r *flowtable.Record) {
	w.live.cut++
	w.end(r, flowtable.Cut)
	r.Flags &^= flowtable.ClientTold | flowtable.RealTold
}

// cutFrames is how many frames the worker sends of its own, at most, when the sweep visits a connection that is cut.
const cutFrames = 4

// provoke has those ends of a connection in phase Cut speak that have not spoken yet, by a segment in each other's name.
// They are asked again in every round of the sweep, and then with a timestamp, too: most stacks answer the segment that has
// none, some ignore it (RFC 7323 §3.2). In each of four rounds its numbers lie elsewhere: a NAT on the way lets only those
// pass that are behind what it has seen, and an end answers only what is not in its window.
func (w *Worker) provoke(r *flowtable.Record) {
	base, round := cutNumber(r), uint32(w.sweep.done)
	u := packet.Unacceptable{Seq: base + round<<31, Ack: base + round>>1<<31}
	first := r.Last == w.now
	if r.Flags&flowtable.ClientTold == 0 {
		w.provokeEnd(r, flowtable.Reply, r.ForwardKey(), u, first)
	}
	if r.Flags&flowtable.RealTold == 0 {
		w.provokeEnd(r, flowtable.Forward, r.ReplyKey(), u, first)
	}
}

// provokeEnd is provoke for the end that is met in a direction; shows is what its own packets show.
func (w *Worker) provokeEnd(r *flowtable.Record, d flowtable.Direction, shows flowtable.Key, u packet.Unacceptable, first bool) {
	u.Src, u.Dst, u.SrcPort, u.DstPort = shows.Dst, shows.Src, shows.DstPort, shows.SrcPort
	for {
		f, link := w.spare(r, d)
		if f == nil {
			return
		}
		if f.Len = uint16(u.Write(f.room(), link)); first || u.Stamped {
			return
		}
		u.Stamped = true
	}
}

// cutNumber is what the numbers of the segments that provoke the ends of a connection in phase Cut are made of.
func cutNumber(r *flowtable.Record) uint32 { return r.Last * golden }

// cutOff settles what comes from an end of a connection in phase Cut, frame i. A RST that repeats our own number is of
// somebody who does not have the connection: it is for nobody, and that end is asked again.
func (w *Worker) cutOff(i int, r *flowtable.Record, d flowtable.Direction) step {
	m := &w.meta[i]
	switch reset := m.TCPFlags&packet.RST != 0; {
	case opens(m.TCPFlags) && d == flowtable.Forward:
		return reopened
	case reset && (packet.Seq(w.frame(i).Bytes(), m)-cutNumber(r))<<1 == 0:
		return severed
	case reset:
		r.Flags |= flowtable.ClientTold << d
		return goesOn
	}
	r.Flags |= flowtable.ClientTold << d
	return severed
}

// sever drops a segment of a connection that is being cut, and answers it, if it is no RST.
func (w *Worker) sever(f *Frame, m *packet.Meta) {
	w.drop(packet.Cut)
	if m.TCPFlags&packet.RST == 0 && packet.Unicast(m.Src) {
		w.back(f, packet.AnswerReset(f.room(), m))
		w.live.refused++
	}
}
