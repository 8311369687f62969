package ruleset

import (
	"encoding/binary"
	"net"
	"sync/atomic"

	"linedirector/lcore/memory"
)

// Hops are the next hops by slot and the index of on-link neighbours. Control writes, any number of workers
// read at the same time; each word changes as a whole.
type Hops struct {
	links      *[MaxHops + 1]words // by slot
	neighbours []uint64            // open-addressed: address | port << 32 | slot << 48; 0 is empty
	occupied   int                 // places that were ever taken; control's
}

// words are the Ethernet header's first 12 bytes, then port and state.
type words struct{ low, high uint64 }

// Hop is one next hop, as a worker needs it.
type Hop struct {
	Low  uint64 // destination and source MAC, bytes 0 to 7, little-endian
	High uint32 // bytes 8 to 11
	Port uint16
}

// Destination is the neighbour's own MAC.
func (h Hop) Destination() net.HardwareAddr {
	mac := binary.LittleEndian.AppendUint64(nil, h.Low)
	return mac[:6]
}

const (
	neighbourPlaces = 4 * (MaxHops + 1)
	known           = 1 << 63
)

// NewHops makes an empty table of 3 MiB in an area, whose memory must be zeroed.
func NewHops(a *memory.Area) *Hops {
	h := memory.New[Hops](a)
	h.links = memory.New[[MaxHops + 1]words](a)
	h.neighbours = memory.Make[uint64](a, neighbourPlaces)
	return h
}

// Get reads a slot; ok is false while its MAC is not known.
func (h *Hops) Get(slot uint16) (hop Hop, ok bool) {
	link := &h.links[slot]
	high := atomic.LoadUint64(&link.high)
	return Hop{atomic.LoadUint64(&link.low), uint32(high), uint16(high >> 32)}, high&known != 0
}

// Set publishes a slot's addresses. A worker that reads while they change sends to the old MAC or the new one:
// dst lies in the low word alone, src and port are the port's own and change only with it. Control only.
func (h *Hops) Set(slot uint16, dst, src uint64, port uint16) {
	atomic.StoreUint64(&h.links[slot].low, dst&(1<<48-1)|src<<48)
	atomic.StoreUint64(&h.links[slot].high, uint64(uint32(src>>16))|uint64(port)<<32|known)
}

// Unset makes a slot's MAC unknown. Control only.
func (h *Hops) Unset(slot uint16) { atomic.StoreUint64(&h.links[slot].high, 0) }

func neighbourKey(port uint16, address uint32) uint64 {
	return uint64(address) | uint64(port&0xff)<<32 | 1<<40 // the last bit tells an entry from an empty place
}

const neighbourKeyMask = 1<<41 - 1

func neighbourPlace(key uint64) uint64 { return key * 0x9E3779B97F4A7C15 >> 46 % neighbourPlaces }

// Neighbour is the slot of an on-link address, 0 if there is none.
func (h *Hops) Neighbour(port uint16, address uint32) uint16 {
	key := neighbourKey(port, address)
	for i := neighbourPlace(key); ; i++ {
		e := atomic.LoadUint64(&h.neighbours[i%neighbourPlaces])
		if e == 0 {
			return 0
		}
		if e&neighbourKeyMask == key {
			return uint16(e >> 48)
		}
	}
}

// SetNeighbour enters an on-link address; slot 0 forgets it. Control only. It returns false when half the
// places are taken, so that a look-up stays short.
func (h *Hops) SetNeighbour(port uint16, address uint32, slot uint16) bool {
	key := neighbourKey(port, address)
	var forgotten *uint64
	for i := neighbourPlace(key); ; i++ {
		at := &h.neighbours[i%neighbourPlaces]
		switch e := *at; {
		case e&neighbourKeyMask == key:
		case e == 0 && slot == 0:
			return true
		case e == 0 && forgotten != nil:
			at = forgotten
		case e == 0 && h.occupied < neighbourPlaces/2:
			h.occupied++
		case e == 0:
			return false
		default:
			if e>>48 == 0 && forgotten == nil {
				forgotten = at
			}
			continue
		}
		atomic.StoreUint64(at, key|uint64(slot)<<48)
		if slot == 0 {
			h.tidy(i)
		}
		return true
	}
}

// tidy empties the place i of a forgotten address, and those before it. Only with an empty place behind it can
// that be: it would cut readers off from what lies there.
func (h *Hops) tidy(i uint64) {
	for h.neighbours[(i+1)%neighbourPlaces] == 0 {
		at := &h.neighbours[i%neighbourPlaces]
		if *at == 0 || *at>>48 != 0 {
			return
		}
		atomic.StoreUint64(at, 0)
		h.occupied--
		i += neighbourPlaces - 1
	}
}
