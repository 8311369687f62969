package forward

import "linedirector/lcore/packet"

// refuse answers a TCP packet of no flow with RST. In the first seconds after a start it stays silent: another
// director's connections may be on their way to us (SPEC.md section 2, item 3). (The sweep ends the silence, so
// that it does not come back when ticks wrap around.)
func (w *Worker) refuse(f *Frame, m *packet.Meta) {
	if m.TCPFlags&packet.RST != 0 || w.now-w.start < w.silence || !packet.Unicast(m.Src) {
		return
	}
	w.back(f, packet.AnswerReset(f.room(), m))
	w.live.refused++
}

// timeExceeded answers a packet whose time to live ran out.
func (w *Worker) timeExceeded(f *Frame, m *packet.Meta) {
	from := w.rules.Ports[f.Port%uint16(len(w.rules.Ports))].Address
	if from == 0 || !packet.Unicast(m.Src) || !w.answer.take(w.now) {
		w.drop(packet.ICMPLimited)
		return
	}
	w.drop(packet.TTLExpired)
	w.back(f, packet.AnswerTimeExceeded(f.room(), from))
}

// back sends an answer out where its question came in.
func (w *Worker) back(f *Frame, length int) {
	f.Len, f.Flags = uint16(length), f.Flags|FlagResized
	f.Verdict, f.Out = Send, f.Port
}
