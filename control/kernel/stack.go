package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Protocol is the routing protocol number (rtm_protocol) on every route that linedirector adds, free in
// iproute2's rt_protos: `ip route show proto 76` lists them.
const Protocol = 76

// Stack sets the configuration's addresses, routes and static neighbours in the kernel. It removes again
// only what it set itself; what an operator or a routing daemon put there it leaves alone. One
// goroutine at a time.
type Stack struct {
	h    *netlink.Handle
	taps []*Tap
	lo   int
	mark string // label of what it sets on lo
	sock *rtnl  // for what says whose it is, which the handle cannot

	addresses  map[addressKey]int // value: position in the Wanted it came from
	routes     map[routeItem]netlink.Route
	neighbours map[neighbourKey][6]byte
	warnings   []string
}

type addressKey struct {
	index  int // of the interface
	prefix netip.Prefix
}

type routeItem struct {
	to   netip.Prefix
	via  netip.Addr
	port int
	flag int
}

type neighbourKey struct {
	index int
	addr  netip.Addr
}

// NewStack begins with nothing set. label is that of a Mark, which a process holds for as long as this director lives, be
// it this one or not. It removes the addresses from lo that a director left there which was killed; those of one
// that lives stay.
func NewStack(taps []*Tap, label string) (*Stack, error) {
	if !strings.HasPrefix(label, loLabel) {
		return nil, fmt.Errorf("label '%s' is no mark's", label)
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	lo, err := h.LinkByName("lo")
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("interface lo: %w", err)
	}
	s := &Stack{
		h:          h,
		taps:       append([]*Tap(nil), taps...),
		lo:         lo.Attrs().Index,
		mark:       label,
		addresses:  map[addressKey]int{},
		routes:     map[routeItem]netlink.Route{},
		neighbours: map[neighbourKey][6]byte{},
	}
	if s.sock, err = dialRtnl(); err == nil {
		err = s.removeStale(lo)
	}
	if err == nil && lo.Attrs().Flags&net.FlagUp == 0 {
		// A fresh namespace's lo is down, and the kernel answers nothing for an address there.
		err = h.LinkSetUp(lo)
	}
	if err != nil {
		s.free()
		return nil, err
	}
	return s, nil
}

// free closes what speaks to the kernel.
func (s *Stack) free() {
	if s.sock != nil {
		s.sock.Close()
	}
	s.h.Close()
}

// Apply makes the kernel have what is wanted: it adds what is missing, then removes what an earlier Apply
// set and is wanted no more. If something cannot be added, what this call had added before is removed
// again, nothing else has changed, and the error is an *ItemError. What exists already is no error.
//
// A route never takes precedence over one to the same destination that somebody else set (that could be
// the operator's way in): it gets a metric above all of those, and Warnings says so.
func (s *Stack) Apply(w Wanted) error {
	if err := w.check(len(s.taps)); err != nil {
		return err
	}
	var undo undoList
	next := &Stack{h: s.h, taps: s.taps, lo: s.lo, mark: s.mark, sock: s.sock}
	steps := []func(*Stack, *Wanted, *undoList) error{
		next.addAddresses, next.addNeighbours, next.addRoutes,
	}
	for _, add := range steps {
		if err := add(s, &w, &undo); err != nil {
			undo.run()
			return err
		}
	}
	err := s.removeBut(next)
	s.warnings = next.warnings
	return err
}

// Warnings are sentences about the last Apply that succeeded, for the log.
func (s *Stack) Warnings() []string { return s.warnings }

// Close removes everything that was set, and frees the handle.
func (s *Stack) Close() error {
	err := s.removeBut(&Stack{})
	s.free()
	return err
}

// removeBut removes what s set and next does not have, and takes over next's record. What could not be
// removed stays on record, for the next try.
func (s *Stack) removeBut(next *Stack) error {
	var errs []error
	removed := func(err error) bool {
		if isGone(err) {
			return true
		}
		errs = append(errs, err)
		return false
	}
	for k, r := range s.routes {
		if _, keep := next.routes[k]; !keep && removed(s.h.RouteDel(&r)) {
			delete(s.routes, k)
		}
	}
	if err := s.removeNeighbours(next.neighbours); err != nil {
		errs = append(errs, err)
	}
	for k := range s.addresses {
		if _, keep := next.addresses[k]; !keep && removed(s.delAddress(k)) {
			delete(s.addresses, k)
		}
	}
	for k, v := range next.routes {
		s.routes[k] = v
	}
	for k, v := range next.neighbours {
		s.neighbours[k] = v
	}
	for k, v := range next.addresses {
		s.addresses[k] = v
	}
	return errors.Join(errs...)
}

// isGone says of an attempt to remove something that it is there no more.
func isGone(err error) bool {
	return err == nil || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) ||
		errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV)
}

// undoList takes back, last first, what an Apply did before it failed.
type undoList []func() error

func (u *undoList) push(f func() error) { *u = append(*u, f) }

func (u undoList) run() {
	for i := len(u) - 1; i >= 0; i-- {
		_ = u[i]() // the error that led here is the one to report
	}
}
