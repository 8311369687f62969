package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// loLabel begins the label of every address that a director sets on lo. Addresses on a tap go with the
// tap; those on lo outlive a SIGKILL, so they must tell whose they are. (IFA_PROTO would, but only
// since Linux 5.18, and it does not tell two directors on one machine apart.)
const loLabel = "lo:ld"

// Mark is one director's label on lo: a random token, held by a socket as long as the process lives that took it. What
// carries it is the director's even if the process that set it has died: another one, told the label, goes on with it.
type Mark struct {
	label string
	held  io.Closer
	h     *netlink.Handle
}

// NewMark takes a label that no other director in this network namespace has. Close gives it back.
func NewMark() (*Mark, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	var token [4]byte
	_, _ = rand.Read(token[:]) // never fails
	m := &Mark{label: loLabel + hex.EncodeToString(token[:]), h: h}
	if m.held, err = hold(m.label); err != nil {
		h.Close()
		return nil, fmt.Errorf("hold %s: %w", m.label, err)
	}
	return m, nil
}

// Label is what NewStack and TakeOver want.
func (m *Mark) Label() string { return m.label }

// Close removes the addresses from lo that carry the label, as a Stack left them whose process died, and gives it back.
func (m *Mark) Close() error {
	defer m.h.Close()
	defer m.held.Close()
	lo, err := m.h.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("interface lo: %w", err)
	}
	return removeLabelled(m.h, lo, func(label string) bool { return label == m.label })
}

// removeStale removes the addresses of directors that are no more: nobody holds their label.
func (s *Stack) removeStale(lo netlink.Link) error {
	dead := map[string]bool{s.mark: false}
	return removeLabelled(s.h, lo, func(label string) bool {
		if _, known := dead[label]; !known {
			c, err := hold(label)
			dead[label] = err == nil
			if err == nil {
				c.Close()
			}
		}
		return dead[label]
	})
}

// removeLabelled removes those of directors' addresses from lo that goes names.
func removeLabelled(h *netlink.Handle, lo netlink.Link, goes func(label string) bool) error {
	list, err := h.AddrList(lo, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list addresses of lo: %w", err)
	}
	for _, a := range list {
		if !strings.HasPrefix(a.Label, loLabel) || !goes(a.Label) {
			continue
		}
		if err := h.AddrDel(lo, &a); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("remove %s, left on lo by an earlier run: %w", a.IPNet, err)
		}
	}
	return nil
}
