package forward

import (
	"errors"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// unknown settles frame i, whose flow this shard does not hold: direction and purpose come from the rules. slot is
// the virtual's that the frame is for, 0 if none.
func (w *Worker) unknown(i int, slot uint16) {
	f, m := w.frame(i), &w.meta[i]
	if slot != 0 || w.rules.Classed(m.Dst, m.DstPort, m.Protocol) {
		if owner := w.steering.Owner(m.Src, m.SrcPort); owner != w.self {
			w.handFlow(i, owner)
			return
		}
		if w.toVirtual(i, slot) {
			return
		}
	}
	if w.rules.Local(m.Dst) {
		if w.rules.Secured(m.Dst) {
			w.drop(packet.Secure)
			return
		}
		w.puntHost(f, m)
		return
	}
	if w.rules.FindReal(m.Src, m.SrcPort, m.Protocol) != 0 {
		if owner := w.steering.Owner(m.Dst, m.DstPort); owner != w.self {
			w.handFlow(i, owner)
			return
		}
		w.fromReal(i)
		return
	}
	w.transit(f, m)
}

// hand passes a frame to the worker that owns its flow, once.
func (w *Worker) hand(f *Frame, owner uint16) {
	if f.Flags&FlagHanded != 0 {
		w.drop(packet.NoFlow)
		return
	}
	f.Verdict, f.Out, f.Hash = Hand, owner, uint32(w.self)
	w.live.handed++
}

// toVirtual opens a flow for a packet that may, and answers or drops the others. An earlier frame of this burst
// may have opened it already. It returns false for a packet of no flow to a virtual that was removed, or to none that
// takes this client: slot 0.
func (w *Worker) toVirtual(i int, slot uint16) bool {
	f, m := w.frame(i), &w.meta[i]
	if ref := w.table.Find(keyOf(&w.meta[i]), w.hash[i]); ref != 0 && w.follow(i, w.table.Record(ref.Record()), ref) {
		return true
	}
	v := w.rules.Virtual(slot)
	if v.Draining {
		return false
	}
	if m.Protocol == packet.ProtocolTCP && !opens(m.TCPFlags) {
		w.drop(packet.NoFlow)
		if v.Reset {
			w.refuse(f, m)
		}
		return true
	}
	if m.TTL <= 1 {
		w.timeExceeded(f, m)
		return true
	}
	if m.Protocol == packet.ProtocolTCP && !w.guard(slot, v) {
		w.drop(packet.Synguard)
		return true
	}
	ref, cause := w.open(i, slot, v)
	n := ref.Record()
	if cause == packet.None {
		n, cause = w.stick(i, n, v, 0)
	}
	if cause != packet.None {
		w.drop(cause)
		if cause == packet.NoReal && v.Refuse && m.Protocol == packet.ProtocolTCP {
			w.refuse(f, m)
		}
		return true
	}
	return w.follow(i, w.table.Record(n), flowtable.Ref(n<<1))
}

// open enters a flow for frame i: a trial, or to the real that was planned for it or is scheduled now. Where the reply
// tuple is another flow's, another real is tried, unless this one keeps the client, then another port of the client's
// (SPEC.md section 3).
func (w *Worker) open(i int, slot uint16, v *ruleset.Virtual) (flowtable.Ref, packet.DropCause) {
	keeper := w.replan(i, v)
	if at, ok := w.trial(&w.meta[i], v, keeper != 0); ok {
		real := w.rules.Member(at).Real
		n, err := w.enter(i, slot, w.rules.Member(at))
		if err == nil {
			w.table.Record(n).Flags |= flowtable.Trial
			return flowtable.Ref(n << 1), packet.None
		}
		w.counts.Release(real)
		w.counts.Shared.ReturnTrial(real)
		if errors.Is(err, flowtable.ErrFull) {
			return 0, packet.TableFull
		}
	}
	at := w.planned[i]
	w.planned[i] = unplanned
	if at == unplanned {
		var ok bool
		if at, ok = w.schedule(&w.meta[i], slot, v, 0); !ok {
			w.counts.NoReal(slot)
			return 0, packet.NoReal
		}
	}
	n, err := w.enter(i, slot, w.rules.Member(at))
	if err == nil {
		return flowtable.Ref(n << 1), packet.None
	}
	w.counts.Release(w.rules.Member(at).Real)
	if errors.Is(err, flowtable.ErrFull) {
		return 0, packet.TableFull
	}
	if w.rules.Member(at).Real == keeper {
		if ref, cause := w.openTranslated(i, slot, at); cause != packet.TupleTaken {
			return ref, cause
		}
	}
	return w.openElsewhere(i, slot, v, at)
}

// openElsewhere is open for a connection whose reply tuple another flow has at a member's real.
func (w *Worker) openElsewhere(i int, slot uint16, v *ruleset.Virtual, taken uint32) (flowtable.Ref, packet.DropCause) {
	tiers := w.rules.Tiers(v)
	for t := range tiers {
		first, all := w.rules.First(&tiers[t]), w.rules.All(&tiers[t])
		for k := range all {
			m := &all[k]
			if first+uint32(k) == taken || !w.counts.Reserve(m.Real, w.most(m)) {
				continue
			}
			n, err := w.enter(i, slot, m)
			if err == nil {
				return flowtable.Ref(n << 1), packet.None
			}
			w.counts.Release(m.Real)
			if errors.Is(err, flowtable.ErrFull) {
				return 0, packet.TableFull
			}
		}
	}
	return w.openTranslated(i, slot, taken)
}

// record is the flow of frame i, to a member's real.
func (w *Worker) record(i int, slot uint16, to *ruleset.Member) flowtable.Record {
	m, real := &w.meta[i], w.rules.Real(to.Real)
	r := flowtable.Record{
		Real: real.Address, Client: m.Src, Virtual: m.Dst,
		RealPort: real.Port, ClientPort: m.SrcPort, VirtualPort: m.DstPort,
		Protocol: m.Protocol, Phase: flowtable.UDP,
		Last: w.now, Binding: to.Binding, RealSlot: to.Real, VirtualSlot: slot,
	}
	if r.RealPort == 0 {
		r.RealPort = m.DstPort
	}
	if m.Protocol == packet.ProtocolTCP {
		r.Phase = flowtable.HalfOpen // follow counts this SYN like any later one
		r.SetSYN(packet.Seq(w.frame(i).Bytes(), m), w.beat)
	}
	r.L3Diff = packet.AddressDiff(r.Virtual, r.Real)
	r.L4Diff = packet.PortDiff(r.L3Diff, r.VirtualPort, r.RealPort)
	w.routeFlow(&r)
	return r
}

// enter opens a flow to a member's real, which has reserved the connection.
func (w *Worker) enter(i int, slot uint16, to *ruleset.Member) (uint32, error) {
	r := w.record(i, slot, to)
	return w.enterRecord(i, &r)
}

// enterRecord writes the flow's record. In a full table others give way.
func (w *Worker) enterRecord(i int, r *flowtable.Record) (uint32, error) {
	if r.ToClient == 0 {
		w.learnLastHop(w.frame(i), &w.meta[i])
	}
	n, err := w.table.Insert(r)
	if errors.Is(err, flowtable.ErrFull) {
		n, err = w.enterFull(i, r)
	}
	if err == nil {
		if r.Phase == flowtable.HalfOpen {
			w.enlist(n, w.table.Record(n))
		}
		w.live.opened++
		w.countTranslated(r)
		w.counts.Insert(r.Binding)
		w.counts.Begin(r.Binding)
	}
	return n, err
}

// enterFull is Insert in a full table: guests in reach are forgotten, or one opening connection ends. A flow may need more
// than one record's room, if it is the index that is full.
func (w *Worker) enterFull(i int, r *flowtable.Record) (uint32, error) {
	for {
		gives := w.table.GivesWay(w.hash[i], w.sweep.next, w.now)
		if gives == 0 {
			return 0, flowtable.ErrFull
		}
		guest := w.table.Record(gives).Guest()
		if guest {
			w.forget(gives)
		} else {
			w.remove(gives)
			w.live.evicted++
		}
		if n, err := w.table.Insert(r); err == nil || !guest {
			return n, err
		}
	}
}

// fromReal drops a packet of a real's endpoint that belongs to no flow: it would show the real's address. An
// earlier frame of this burst may have opened the flow. A stray SYN-ACK is refused, so that the real forgets it.
func (w *Worker) fromReal(i int) {
	f, m := w.frame(i), &w.meta[i]
	if ref := w.table.Find(keyOf(&w.meta[i]), w.hash[i]); ref != 0 && w.follow(i, w.table.Record(ref.Record()), ref) {
		return
	}
	w.drop(packet.StrayReply)
	if m.Protocol == packet.ProtocolTCP && m.TCPFlags&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK {
		w.refuse(f, m)
	}
}

// transit routes what is for nobody here, if the operator wants that. An ICMP error is not answered with another
// (RFC 1812 §4.3.2.7), and one that quotes a real's endpoint must not leave untranslated: it would show the real.
func (w *Worker) transit(f *Frame, m *packet.Meta) {
	if !w.rules.TransitRoute || !packet.Unicast(m.Dst) {
		w.drop(packet.Transit)
		return
	}
	var about packet.Meta
	if m.Kind == packet.KindIPv4 && packet.ICMPError(f.Bytes(), m, &about) {
		switch {
		case w.rules.FindReal(about.Dst, about.DstPort, about.Protocol) != 0:
			w.drop(packet.StrayReply)
			return
		case m.TTL <= 1:
			w.drop(packet.ICMPLimited)
			return
		}
	}
	if m.TTL <= 1 {
		w.timeExceeded(f, m)
		return
	}
	slot, cause := w.route(m.Dst)
	if cause != packet.None {
		w.drop(cause)
		return
	}
	hop, ok := w.hops.Get(slot)
	if !ok {
		w.drop(packet.NoNeighbour)
		return
	}
	packet.Route(f.Bytes(), packet.Link{Low: hop.Low, High: hop.High})
	f.Verdict, f.Out = Send, hop.Port
	w.live.transit++
}
