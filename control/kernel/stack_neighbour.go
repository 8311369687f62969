package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// addNeighbours sets the static neighbours, as addAddresses does with addresses. One that the kernel has
// learned, or that was static with another MAC, is replaced.
func (s *Stack) addNeighbours(old *Stack, w *Wanted, undo *undoList) error {
	// No look at what is there: setting it again is cheap, and repairs what was changed by hand.
	refused, err := s.setNeighbours(w.Neighbours)
	s.neighbours = make(map[neighbourKey][6]byte, len(w.Neighbours))
	var added []neighbourKey
	var changed []StaticNeighbour
	for i, n := range w.Neighbours {
		if refused[i] != nil {
			continue
		}
		k := s.neighbour(n)
		if mac, ours := old.neighbours[k]; !ours {
			added = append(added, k)
		} else if mac != n.MAC {
			changed = append(changed, StaticNeighbour{n.Port, n.Address, mac})
		}
		s.neighbours[k] = n.MAC
	}
	undo.push(func() error { _, err := s.delNeighbours(added); return err })
	undo.push(func() error { _, err := s.setNeighbours(changed); return err })
	if err != nil {
		return fmt.Errorf("set neighbours: %w", err)
	}
	if len(refused) > 0 {
		i := firstOf(refused)
		return &ItemError{List: "neighbours", Index: i, Err: fmt.Errorf("%v: %w", w.Neighbours[i].Address, refused[i])}
	}
	return nil
}

func (s *Stack) neighbour(n StaticNeighbour) neighbourKey {
	return neighbourKey{s.taps[n.Port].index, n.Address}
}

// setNeighbours says whose they are. What the kernel refuses it tells by its place, and sets the rest.
func (s *Stack) setNeighbours(all []StaticNeighbour) (refused map[int]error, err error) {
	return s.sock.requests(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, len(all), func(b []byte, i int) []byte {
		b = appendNdmsg(b, s.neighbour(all[i]), unix.NUD_PERMANENT, 0)
		b = appendAttribute(b, unix.NDA_LLADDR, all[i].MAC[:])
		return appendAttribute(b, ndaProtocol, []byte{Protocol})
	})
}

// delNeighbours tells likewise what the kernel did not delete, but not what it did not have.
func (s *Stack) delNeighbours(all []neighbourKey) (refused map[int]error, err error) {
	refused, err = s.sock.requests(unix.RTM_DELNEIGH, 0, len(all), func(b []byte, i int) []byte {
		return appendNdmsg(b, all[i], 0, 0)
	})
	maps.DeleteFunc(refused, func(_ int, err error) bool { return isGone(err) })
	return refused, err
}

// removeNeighbours removes what s set but those to keep.
func (s *Stack) removeNeighbours(keep map[neighbourKey][6]byte) error {
	var old []neighbourKey
	for k := range s.neighbours {
		if _, ok := keep[k]; !ok {
			old = append(old, k)
		}
	}
	refused, err := s.delNeighbours(old)
	if err != nil {
		return err
	}
	for i, k := range old {
		if refused[i] == nil {
			delete(s.neighbours, k)
		}
	}
	return errors.Join(slices.Collect(maps.Values(refused))...)
}

// appendNdmsg appends a struct ndmsg and the address.
func appendNdmsg(b []byte, key neighbourKey, state uint16, flags uint8) []byte {
	family := uint8(unix.AF_INET)
	if key.addr.Is6() {
		family = unix.AF_INET6
	}
	b = append(b, family, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(key.index))
	b = binary.NativeEndian.AppendUint16(b, state)
	b = append(b, flags, 0) // and its type
	return appendAttribute(b, unix.NDA_DST, key.addr.AsSlice())
}
