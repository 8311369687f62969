package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

// unplanned stands for no member of a virtual.
const unplanned = ^uint32(0)

// plan looks ahead over the burst's misses: those that open a flow are given their real already, so that the four
// index buckets that the flow's two entries may go to can be on their way while others are settled. Without it a new
// flow waits for memory four times in a row.
func (w *Worker) plan(misses int) {
	w.lookUp(misses)
	planned := 0
	for j, i := range w.miss[:misses] {
		i := int(i) & (MaxBurst - 1)
		m := &w.meta[i]
		w.planned[i] = unplanned
		slot := w.virtual[j&(MaxBurst-1)]
		if slot == 0 || m.TTL <= 1 || m.Protocol == packet.ProtocolTCP && !opens(m.TCPFlags) ||
			w.steering.Owner(m.Src, m.SrcPort) != w.self || w.again(i, planned) {
			continue
		}
		at, ok := w.assign(m, slot, w.rules.Virtual(slot), 0) // reserved now, or all of this burst would see the same least connections
		if !ok {
			continue
		}
		to := w.rules.Member(at)
		w.planned[i] = at
		w.plans[planned&(MaxBurst-1)] = uint8(i)
		planned++

		real := w.rules.Real(to.Real)
		reply := flowtable.Key{Src: real.Address, Dst: m.Src, SrcPort: real.Port, DstPort: m.SrcPort, Protocol: m.Protocol}
		if reply.SrcPort == 0 {
			reply.SrcPort = m.DstPort
		}
		w.table.PrefetchBoth(w.hash[i])
		w.table.PrefetchBoth(w.table.Hash(&reply))
	}
}

// lookUp finds the virtuals that the burst's misses are for. Their clients' sticky entries are on their way then.
func (w *Worker) lookUp(misses int) {
	for j, i := range w.miss[:misses] {
		m := &w.meta[i&(MaxBurst-1)]
		slot := w.rules.FindVirtual(m.Src, m.Dst, m.DstPort, m.Protocol)
		w.virtual[j&(MaxBurst-1)] = slot
		if slot == 0 {
			continue
		}
		if v := w.rules.Virtual(slot); w.sticks(v) {
			w.sticky.Prefetch(v.Sticky.Group, stuck(m.Src, v.Sticky))
		}
	}
}

// again tells whether an earlier frame of the burst may open the flow of frame i: it must not be scheduled twice.
func (w *Worker) again(i, planned int) bool {
	for _, earlier := range w.plans[:planned] {
		if w.hash[earlier&(MaxBurst-1)] == w.hash[i] {
			return true
		}
	}
	return false
}

// unplan gives back what was planned for frame i and not used.
func (w *Worker) unplan(i int) {
	if at := w.planned[i]; at != unplanned {
		w.counts.Release(w.rules.Member(at).Real)
		w.planned[i] = unplanned
	}
}
