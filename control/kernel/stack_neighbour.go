package kernel

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// addNeighbours sets the static neighbours, as addAddresses does with addresses. One that the kernel has
// learned, or that was static with another MAC, is replaced.
func (s *Stack) addNeighbours(old *Stack, w *Wanted, undo *undoList) error {
	s.neighbours = map[neighbourKey][6]byte{}
	for i, n := range w.Neighbours {
		k := neighbourKey{s.taps[n.Port].index, n.Address}
		// No look at what is there: setting it again is cheap, and repairs what was changed by hand.
		if err := s.h.NeighSet(neigh(k, n.MAC)); err != nil {
			return &ItemError{List: "neighbours", Index: i, Err: fmt.Errorf("%v: %w", n.Address, err)}
		}
		if mac, ours := old.neighbours[k]; !ours {
			undo.push(func() error { return s.h.NeighDel(neigh(k, n.MAC)) })
		} else if mac != n.MAC {
			undo.push(func() error { return s.h.NeighSet(neigh(k, mac)) })
		}
		s.neighbours[k] = n.MAC
	}
	return nil
}

func neigh(k neighbourKey, mac [6]byte) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex:    k.index,
		State:        netlink.NUD_PERMANENT,
		IP:           k.addr.AsSlice(),
		HardwareAddr: net.HardwareAddr(mac[:]),
	}
}
