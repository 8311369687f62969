package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

// step is what a TCP packet meant for its flow.
type step uint8

const (
	goesOn   step = iota
	reopened      // a SYN on the endpoints of a connection that is over, or that its client gave up
	moves         // a SYN that another real is to get
	withheld      // a RST that the client is not to see
	severed       // a segment of a connection that is being cut
)

// tcp follows a connection's phase (RFC 9293 §3.3.2, seen from the middle) by a packet, of frame i, that may change it.
//
//	half-open ── ACK of the SYN-ACK ──► established ── FIN from both ends ──► closing
//	  │ ▲ ▲  └──────────── RST ────────────┴──► reset ── life from its sender ──► established
//	  │ │ └ SYN-ACK after all, or: moved to another real
//	  └─┴─ ditched (ditch.go)           a flush, or the idle timer ──► cut (cut.go)
//
// A packet's window is not checked: a forged RST must cut nobody, so a reset connection is restored when the
// end that is said to have sent the RST goes on sending.
func (w *Worker) tcp(i int, r *flowtable.Record, d flowtable.Direction) step {
	m := &w.meta[i]
	flags := m.TCPFlags
	switch r.Phase {
	case flowtable.HalfOpen, flowtable.Ditched:
		if d == flowtable.Reply {
			return w.openingReply(i, r)
		}
		switch {
		case flags&packet.RST != 0:
			w.reset(r, d)
		case opens(flags):
			return w.retried(i, r)
		case flags&packet.SYN != 0: // neither opens a connection nor acknowledges one
		case r.Flags&flowtable.SYNACK != 0:
			w.opened(r)
			r.Establish(flowtable.Established)
			w.fin(r, m, d)
		}
	case flowtable.Established:
		if flags&packet.RST != 0 {
			w.reset(r, d)
		} else {
			w.fin(r, m, d)
		}
	case flowtable.Reset:
		if flags&packet.RST != 0 {
			break
		}
		if opens(flags) && d == flowtable.Forward {
			return reopened
		}
		if flags&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK && d == flowtable.Reply {
			r.Flags |= flowtable.SYNACK // the RST came before it and was not the real's
		}
		if fromReal := r.Flags&flowtable.RealReset != 0; fromReal == (d == flowtable.Reply) && r.Flags&flowtable.SYNACK != 0 && flags&packet.SYN == 0 {
			r.Phase = flowtable.Established
			w.restore(r)
			w.fin(r, m, d)
		}
	case flowtable.Closing:
		if opens(flags) && d == flowtable.Forward {
			return reopened
		}
	case flowtable.Cut:
		return w.cutOff(i, r, d)
	}
	return goesOn
}

// openingReply follows what a real says before its connection is open.
func (w *Worker) openingReply(i int, r *flowtable.Record) step {
	m := &w.meta[i]
	switch flags := m.TCPFlags; {
	case flags&packet.RST != 0 && r.Flags&flowtable.SYNACK != 0:
		w.reset(r, flowtable.Reply)
	case flags&packet.RST != 0:
		if !w.answersSYN(i, r) {
			break // the client will not believe it either
		}
		if w.refusedBy(r) {
			return withheld
		}
		w.reset(r, flowtable.Reply)
	case flags&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK && r.Flags&flowtable.SYNACK == 0:
		w.answered(r)
	default:
		w.fin(r, m, flowtable.Reply) // with TCP Fast Open the real may be done before the client's ACK (RFC 7413)
	}
	return goesOn
}

// answersSYN tells whether a RST acknowledges the attempt's SYN, and data with it, as it must (RFC 9293 §3.10.7.3).
func (w *Worker) answersSYN(i int, r *flowtable.Record) bool {
	m := &w.meta[i]
	return m.TCPFlags&packet.ACK != 0 && packet.Ack(w.frame(i).Bytes(), m)-r.ISN()-1 < 1<<16
}

// opens tells the flags that open a connection.
func opens(flags uint8) bool {
	return flags&(packet.SYN|packet.ACK|packet.RST|packet.FIN) == packet.SYN
}

// fin notes a FIN; with the second end's the connection is over and the close delay begins.
func (w *Worker) fin(r *flowtable.Record, m *packet.Meta, d flowtable.Direction) {
	if m.TCPFlags&packet.FIN == 0 {
		return
	}
	r.Flags |= flowtable.ClientFIN << d
	if r.Flags&(flowtable.ClientFIN|flowtable.RealFIN) == flowtable.ClientFIN|flowtable.RealFIN {
		w.end(r, flowtable.Closing)
	}
}

func (w *Worker) reset(r *flowtable.Record, d flowtable.Direction) {
	r.Flags &^= flowtable.RealReset
	if d == flowtable.Reply {
		r.Flags |= flowtable.RealReset
	}
	w.end(r, flowtable.Reset)
}

// end counts a connection no more; its record stays for the close delay. Guests that could not be recalled are by the sweep.
func (w *Worker) end(r *flowtable.Record, p flowtable.Phase) {
	w.uncount(r)
	w.recall(r)
	if r.Phase.Opening() {
		w.opened(r)
		r.Establish(p) // if it is restored, it counts bytes where the SYN's data were
	}
	r.Phase, r.Last = p, w.now
}

// uncount takes a connection off its binding's and real's counts, once.
func (w *Worker) uncount(r *flowtable.Record) {
	if r.Phase.Counted() {
		w.counts.Close(r.Binding, r.RealSlot)
		w.unstick(r)
	}
}

// remove ends a flow, whose guests were recalled: its record and tuples are gone.
func (w *Worker) remove(n uint32) {
	r := w.table.Record(n)
	w.uncount(r)
	if r.Phase.Opening() {
		w.opened(r)
	}
	w.live.closed++
	w.counts.Remove(r.Binding)
	w.table.Remove(n)
}
