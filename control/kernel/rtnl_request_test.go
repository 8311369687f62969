package kernel

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// nth is an address of 10.0.0.0/16, none of the first two.
func nth(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24+uint32(i)+2)
	return netip.AddrFrom4(b)
}

// Several datagrams of requests, of which the kernel refuses some: the first, the last, some between.
func TestRequestsTellWhatIsRefused(t *testing.T) {
	newNetns(t)
	tap := openTapT(t, "inside", macInside)
	s, err := dialRtnl()
	must(t, err)
	defer s.Close()
	const n = 900
	bad := func(i int) bool { return i%100 == 0 || i == n-1 }
	refused, err := s.requests(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE, n, func(b []byte, i int) []byte {
		key := neighbourKey{tap.Index(), nth(i)}
		if bad(i) {
			key.index += 1000 // no interface has it
		}
		return appendAttribute(appendNdmsg(b, key, unix.NUD_PERMANENT, 0), unix.NDA_LLADDR, macHop[:])
	})
	must(t, err)
	for i, err := range refused {
		if !bad(i) || !errors.Is(err, unix.ENODEV) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if len(refused) != 10 {
		t.Errorf("refused %v", refused)
	}
	if set := strings.Count(sh(t, "ip neigh show nud permanent"), "lladdr 02:00:00:00:00:0a"); set != n-10 {
		t.Errorf("%d neighbours are set, want %d", set, n-10)
	}
	if refused, err = s.requests(unix.RTM_NEWNEIGH, 0, 0, nil); err != nil || len(refused) > 0 {
		t.Errorf("no requests: %v, refused %v", err, refused)
	}
}

// One neighbour that cannot be set takes back all that were set with it.
func TestNeighboursAreAllOrNothing(t *testing.T) {
	s, _ := twoPorts(t)
	w := Wanted{Addresses: []PortAddress{{1, prefix("10.0.0.1/16")}}}
	for i := range 700 {
		w.Neighbours = append(w.Neighbours, StaticNeighbour{1, nth(i), macHop})
	}
	neighbours := func() string { // in no order of the kernel's
		lines := strings.Split(strings.TrimSpace(sh(t, "ip neigh show nud permanent")), "\n")
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	must(t, s.Apply(w))
	before := neighbours()
	if set := strings.Count(before, "lladdr 02:00:00:00:00:0a"); set != 700 {
		t.Fatalf("%d neighbours are set, want 700", set)
	}
	bad := w
	bad.Neighbours = nil
	for i := range 900 { // some are new, some have another MAC, and the first are wanted no more
		bad.Neighbours = append(bad.Neighbours, StaticNeighbour{1, nth(100 + i), macOther})
	}
	bad.Neighbours[850].Port = 0
	sh(t, "ip link del outside")
	var item *ItemError
	if err := s.Apply(bad); !errors.As(err, &item) || item.List != "neighbours" || item.Index != 850 || !errors.Is(err, unix.ENODEV) {
		t.Fatalf("Apply: %v", err)
	}
	if after := neighbours(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	bad.Neighbours[850].Port = 1
	must(t, s.Apply(bad))
	if after := neighbours(); strings.Count(after, "lladdr 02:00:00:00:00:0b") != 900 || strings.Contains(after, "lladdr 02:00:00:00:00:0a") {
		t.Errorf("neighbours:\n%s", after)
	}
	must(t, s.Apply(Wanted{}))
	if after := neighbours(); after != "" {
		t.Errorf("neighbours stay:\n%s", after)
	}
}
