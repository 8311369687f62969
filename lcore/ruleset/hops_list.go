package ruleset

import "sync/atomic"

// Each calls f for every on-link address that has a slot. What SetNeighbour changes meanwhile it may or may not see.
// Control only.
func (h *Hops) Each(f func(port uint16, address uint32, slot uint16)) {
	for i := range h.neighbours {
		if e := atomic.LoadUint64(&h.neighbours[i]); e>>48 != 0 {
			f(uint16(e>>32&0xff), uint32(e), uint16(e>>48))
		}
	}
}

// Highest is the highest slot that ever had a MAC, 0 if none had: flow records may hold those up to it. Control only.
func (h *Hops) Highest() uint16 {
	for slot := len(h.links) - 1; slot > 0; slot-- {
		if atomic.LoadUint64(&h.links[slot].low) != 0 { // Unset leaves it
			return uint16(slot)
		}
	}
	return 0
}
