package main

import (
	"sync/atomic"

	"linedirector/control"
	"linedirector/control/api"
	"linedirector/flowtable"
	"linedirector/lcore"
	"linedirector/lcore/forward"
	"linedirector/lcore/packet"
)

// loops are the workers as control knows them.
type loops struct{ *lcore.Board }

// Flows lists a worker's flows in pieces.
func (l loops) Flows(worker int, from uint32, page []control.Flow) (n int, next uint32, err error) {
	var records [forward.PageLen]flowtable.Record
	n, next, err = l.Board.Flows(worker, from, records[:min(len(page), len(records))])
	now := l.Now()
	for i := range records[:n] {
		page[i] = flow(&records[i], now)
	}
	return n, next, err
}

// Sticky are the entries that workers share.
func (l loops) Sticky() control.Sticky { return &entries{Table: l.Board.Sticky()} }

// Sweeps are how often each worker has visited all its records.
func (l loops) Sweeps() []uint64 {
	all := make([]uint64, l.Workers())
	for i := range all {
		all[i] = l.Stats(i).Sweeps.Load()
	}
	return all
}

// Explain asks the worker that owns a packet's flow what would become of it.
func (l loops) Explain(p control.Packet) (control.Outlook, error) {
	out := control.Outlook{Worker: l.Owner(p.Client.Address, p.Client.Port)}
	a, err := l.Board.Explain(out.Worker, forward.Question{
		Client: p.Client.Address, ClientPort: p.Client.Port, Virtual: p.To.Address, VirtualPort: p.To.Port, Protocol: p.Protocol,
	})
	if err != nil {
		return out, err
	}
	out.VirtualSlot, out.Real = a.VirtualSlot, a.Real
	if a.Found {
		out.Flow = new(flow(&a.Record, l.Now()))
		out.VirtualSlot = a.Record.VirtualSlot
	}
	if a.Cause != packet.None {
		out.Cause = a.Cause.String()
	}
	return out, nil
}

func flow(r *flowtable.Record, now uint32) control.Flow {
	f := control.Flow{
		Client:   control.Endpoint{Address: r.Client, Port: r.ClientPort},
		Virtual:  control.Endpoint{Address: r.Virtual, Port: r.VirtualPort},
		Real:     control.Endpoint{Address: r.Real, Port: r.RealPort},
		Protocol: r.Protocol, Phase: r.Phase.String(), VirtualSlot: r.VirtualSlot, RealSlot: r.RealSlot,
		Idle: uint32(max(int32(now-r.Last), 0)), // the worker may have stamped it after now was read
	}
	if r.Phase.Opening() {
		f.SYNs = r.SYNs
	} else {
		f.ForwardBytes, f.ReplyBytes = r.Bytes(flowtable.Forward), r.Bytes(flowtable.Reply)
	}
	return f
}

// workers are the poll loops as the control socket shows them.
func (l loops) workers() []api.Worker {
	all := make([]api.Worker, l.Workers())
	for i := range all {
		s, c, x := l.Stats(i), l.Cycles(i), l.Exchanged(i)
		w := &all[i]
		*w = api.Worker{
			Number: i, CPU: l.CPU(i), Flows: s.FlowsUsed.Load(), Capacity: s.FlowsCapacity.Load(), Guests: s.Guests.Load(),
			ForwardPacketsTotal: s.Packets[flowtable.Forward].Load(), ReplyPacketsTotal: s.Packets[flowtable.Reply].Load(),
			ForwardBytesTotal: s.Bytes[flowtable.Forward].Load(), ReplyBytesTotal: s.Bytes[flowtable.Reply].Load(),
			HandedOverTotal:     s.Handed.Load(),
			LongestStallSeconds: l.Clock.Duration(c.Longest.Load()).Seconds(),
		}
		if total := c.Total.Load(); total > 0 {
			w.BusyShare = float64(c.Busy.Load()) / float64(total)
		}
		for cause := range packet.Causes {
			w.DropsTotal += s.Drops[cause].Load()
		}
		for _, counters := range [][]uint64{x.TxFull[:], x.HandFull[:], x.PuntFull[:]} {
			for k := range counters {
				w.DropsTotal += atomic.LoadUint64(&counters[k])
			}
		}
	}
	return all
}
