package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

// step is what a TCP packet meant for its flow.
type step uint8

const (
	goesOn   step = iota
	reopened      // a SYN on the endpoints of a connection that is over
)

// tcp follows a connection's phase (RFC 9293 §3.3.2, seen from the middle) by a packet that may change it.
//
//	half-open ── ACK of the SYN-ACK ──► established ── FIN from both ends ──► closing
//	    └──────────────── RST ──────────────┴──► reset ── life from its sender ──► established
//
// A packet's window is not checked: a forged RST must cut nobody, so a reset connection is restored when the
// end that is said to have sent the RST goes on sending.
func (w *Worker) tcp(r *flowtable.Record, m *packet.Meta, d flowtable.Direction) step {
	flags := m.TCPFlags
	switch r.Phase {
	case flowtable.HalfOpen:
		switch {
		case flags&packet.RST != 0:
			w.reset(r, d)
		case d == flowtable.Reply:
			if flags&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK {
				r.Flags |= flowtable.SYNACK
			}
			w.fin(r, m, d) // with TCP Fast Open the real may be done before the client's ACK (RFC 7413)
		case flags&packet.SYN != 0:
			r.SYNs += 1 - r.SYNs>>7 // counts up to 128
			first, _ := r.SYNSent()
			r.SetSYN(r.ISN(), first, w.now)
		case r.Flags&flowtable.SYNACK != 0:
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
			w.counts.Restore(r.Binding, r.RealSlot)
			w.fin(r, m, d)
		}
	case flowtable.Closing:
		if opens(flags) && d == flowtable.Forward {
			return reopened
		}
	}
	return goesOn
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
		w.uncount(r)
		r.Phase, r.Last = flowtable.Closing, w.now
	}
}

func (w *Worker) reset(r *flowtable.Record, d flowtable.Direction) {
	w.uncount(r)
	r.Flags &^= flowtable.RealReset
	if d == flowtable.Reply {
		r.Flags |= flowtable.RealReset
	}
	if r.Phase == flowtable.HalfOpen {
		r.Establish(flowtable.Reset) // if it is restored, it counts bytes where the SYN's data were
	}
	r.Phase, r.Last = flowtable.Reset, w.now
}

// uncount takes a connection off its binding's and real's counts, once.
func (w *Worker) uncount(r *flowtable.Record) {
	if r.Phase.Counted() {
		w.counts.Close(r.Binding, r.RealSlot)
	}
}

// remove ends a flow: its record and tuples are gone.
func (w *Worker) remove(n uint32) {
	r := w.table.Record(n)
	w.uncount(r)
	w.live.closed++
	w.counts.Remove(r.Binding)
	w.table.Remove(n)
}
