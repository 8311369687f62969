package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

// Spared are the spare frames that the last burst used: to be sent, then replaced by empty ones.
func (w *Worker) Spared() int { return w.spared }

// spare is a frame for what the worker sends of its own along a flow, and its way. It is nil when the next hop is not known,
// or no spare frame is left.
func (w *Worker) spare(r *flowtable.Record, d flowtable.Direction) (*Frame, packet.Link) {
	if r.RouteGeneration != w.rules.RouteGeneration {
		w.routeFlow(r)
	}
	hop, ok := w.hops.Get(r.NextHop(d))
	if !ok {
		var cause packet.DropCause
		hop, cause = w.rerouteFlow(r, d)
		ok = cause == packet.None
	}
	if !ok || w.spared == len(w.spares) || w.spares[w.spared].Data == nil {
		return nil, packet.Link{}
	}
	f := &w.spares[w.spared]
	w.spared++
	f.Flags, f.Verdict, f.Out = FlagResized, Send, hop.Port
	return f, packet.Link{Low: hop.Low, High: hop.High}
}

// sendReset sends a RST in somebody's name along a flow. It is left out when there is no spare frame: then the other end's
// own timer or next packet ends the connection.
func (w *Worker) sendReset(r *flowtable.Record, d flowtable.Direction, reset packet.Reset) {
	if f, link := w.spare(r, d); f != nil {
		f.Len = uint16(reset.Write(f.room(), link))
		w.live.refused++
	}
}

// resetReal tells a flow's real that its client is gone, in the client's name as the real knows it.
func (w *Worker) resetReal(r *flowtable.Record) {
	w.sendReset(r, flowtable.Forward, packet.Reset{
		Src: r.Client, Dst: r.Real, SrcPort: r.ShownPort(), DstPort: r.RealPort, Seq: r.ISN() + 1,
	})
}

// resetClient tells a flow's client that nobody takes its connection, in the virtual's name.
func (w *Worker) resetClient(r *flowtable.Record) {
	w.sendReset(r, flowtable.Reply, packet.Reset{
		Src: r.Virtual, Dst: r.Client, SrcPort: r.VirtualPort, DstPort: r.ClientPort, Ack: r.ISN() + 1,
	})
}
