package kernel

import (
	"encoding/binary"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addNeighbours sets the static neighbours, as addAddresses does with addresses. One that the kernel has
// learned, or that was static with another MAC, is replaced.
func (s *Stack) addNeighbours(old *Stack, w *Wanted, undo *undoList) error {
	s.neighbours = map[neighbourKey][6]byte{}
	for i, n := range w.Neighbours {
		k := neighbourKey{s.taps[n.Port].index, n.Address}
		// No look at what is there: setting it again is cheap, and repairs what was changed by hand.
		if err := s.setNeighbour(k, n.MAC); err != nil {
			return &ItemError{List: "neighbours", Index: i, Err: fmt.Errorf("%v: %w", n.Address, err)}
		}
		if mac, ours := old.neighbours[k]; !ours {
			undo.push(func() error { return s.h.NeighDel(neigh(k, n.MAC)) })
		} else if mac != n.MAC {
			undo.push(func() error { return s.setNeighbour(k, mac) })
		}
		s.neighbours[k] = n.MAC
	}
	return nil
}

// setNeighbour says whose it is.
func (s *Stack) setNeighbour(k neighbourKey, mac [6]byte) error {
	body := ndmsg(k, 0)
	binary.NativeEndian.PutUint16(body[8:], unix.NUD_PERMANENT)
	body = appendAttribute(body, unix.NDA_LLADDR, mac[:])
	body = appendAttribute(body, ndaProtocol, []byte{Protocol})
	return s.sock.request(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE|unix.NLM_F_ACK, body, nil)
}

func neigh(k neighbourKey, mac [6]byte) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex:    k.index,
		State:        netlink.NUD_PERMANENT,
		IP:           k.addr.AsSlice(),
		HardwareAddr: net.HardwareAddr(mac[:]),
	}
}
