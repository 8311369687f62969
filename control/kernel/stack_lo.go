package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/vishvananda/netlink"
)

// loLabel begins the label of every address that a director sets on lo. Addresses on a tap go with the
// tap; those on lo outlive a SIGKILL, so they must tell whose they are. (IFA_PROTO would, but only
// since Linux 5.18, and it does not tell two directors on one machine apart.)
const loLabel = "lo:ld"

// loMark is one director's label on lo: a random token, held by a socket as long as the process lives.
type loMark struct {
	label string
	held  io.Closer
}

func newLoMark() (*loMark, error) {
	var token [4]byte
	_, _ = rand.Read(token[:]) // never fails
	label := loLabel + hex.EncodeToString(token[:])
	held, err := hold(label)
	if err != nil {
		return nil, fmt.Errorf("hold %s: %w", label, err)
	}
	return &loMark{label: label, held: held}, nil
}

func (m *loMark) release() {
	if m != nil {
		m.held.Close()
	}
}

// removeStale removes the addresses of directors that are no more: nobody holds their label.
func (s *Stack) removeStale(lo netlink.Link) error {
	list, err := s.h.AddrList(lo, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list addresses of lo: %w", err)
	}
	dead := map[string]bool{}
	for _, a := range list {
		if !strings.HasPrefix(a.Label, loLabel) {
			continue
		}
		if _, known := dead[a.Label]; !known {
			c, err := hold(a.Label)
			dead[a.Label] = err == nil
			if err == nil {
				c.Close()
			}
		}
		if dead[a.Label] {
			if err := s.h.AddrDel(lo, &a); err != nil {
				return fmt.Errorf("remove %s, left on lo by an earlier run: %w", a.IPNet, err)
			}
		}
	}
	return nil
}
