package kernel

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// setUp is all that is set in the namespace.
func setUp(t *testing.T) string {
	t.Helper()
	return sh(t, "ip -4 addr") + sh(t, "ip route") + sh(t, "ip neigh show nud permanent")
}

// died makes what a director leaves behind that another process's taps and mark outlive, twoPorts applied, among what others
// set:
//
//	outside 192.0.2.1/24, 192.0.2.10 │ director │ inside 10.0.0.1/24, neighbour 198.51.100.1
//	        192.0.2.99 (operator's)  │          │        neighbour 10.0.0.50, route 198.18.0.0/15 (operator's)
//	                                      lo: 203.0.113.80 (virtual), 203.0.113.81 (operator's)
func died(t *testing.T) (handles []*Tap, m *Mark, w Wanted) {
	t.Helper()
	newNetns(t)
	m = newMarkT(t)
	for _, tap := range []*Tap{openTapT(t, "outside", macPort), openTapT(t, "inside", macInside)} {
		handles = append(handles, TapOf(tap.Name(), tap.Index(), tap.MAC()))
	}
	s, err := NewStack(handles, m.Label())
	must(t, err)
	w = Wanted{
		Addresses:  []PortAddress{{0, prefix("192.0.2.1/24")}, {1, prefix("10.0.0.1/24")}},
		Virtuals:   addrs("192.0.2.10", "203.0.113.80"),
		Routes:     []WantedRoute{{prefix("203.0.113.0/24"), addr("192.0.2.254")}, {prefix("198.51.0.0/16"), addr("198.51.100.1")}},
		Neighbours: []StaticNeighbour{{1, addr("198.51.100.1"), macHop}},
	}
	must(t, s.Apply(w))
	s.free() // as a crash does
	sh(t, "ip addr add 192.0.2.99/32 dev outside")
	sh(t, "ip addr add 203.0.113.81/32 dev lo")
	sh(t, "ip neigh add 10.0.0.50 lladdr 02:00:00:00:00:0b dev inside")
	sh(t, "ip route add 198.18.0.0/15 via 10.0.0.50")
	return handles, m, w
}

// A successor finds all in its place, and what it no longer wants goes, but not what others set.
func TestTakeOver(t *testing.T) {
	handles, m, w := died(t)
	before := setUp(t)
	s, err := TakeOver(handles, m.Label())
	must(t, err)
	if got := setUp(t); got != before {
		t.Errorf("taking over changed:\n%s\nto:\n%s", before, got)
	}
	must(t, s.Apply(w))
	if got := setUp(t); got != before || len(s.Warnings()) != 0 {
		t.Errorf("applying the same changed:\n%s\nto:\n%s%v", before, got, s.Warnings())
	}
	w.Virtuals = addrs("192.0.2.11")
	w.Routes = w.Routes[:1]
	w.Neighbours = nil
	must(t, s.Apply(w))
	check := func(when string, outside, lo, routes, neighbours []string) {
		t.Helper()
		equal(t, when+": outside", addressesOf(t, "outside"), outside)
		equal(t, when+": lo", addressesOf(t, "lo"), lo)
		equal(t, when+": routes", routesOf(t), routes)
		var got []string
		for line := range strings.Lines(sh(t, "ip neigh show nud permanent")) {
			got = append(got, strings.Fields(line)[0])
		}
		equal(t, when+": neighbours", got, neighbours)
		if out := sh(t, "ip route show 198.18.0.0/15"); !strings.Contains(out, "via 10.0.0.50") {
			t.Errorf("%s: the operator's route is gone: %q", when, out)
		}
	}
	theirs := []string{"10.0.0.50"}
	check("changed", []string{"192.0.2.1/24", "192.0.2.11/32", "192.0.2.99/32"}, []string{"203.0.113.81/32"},
		[]string{"203.0.113.0/24 via 192.0.2.254 dev outside"}, theirs)
	w.Addresses = slices.Clone(w.Addresses[1:]) // with it goes the route
	w.Virtuals, w.Routes = nil, nil
	must(t, s.Apply(w))
	check("less", []string{"192.0.2.99/32"}, []string{"203.0.113.81/32"}, nil, theirs)
	must(t, s.Apply(w))
	s.free()

	// And again, from what that one has left.
	s, err = TakeOver(handles, m.Label())
	must(t, err)
	must(t, s.Close())
	equal(t, "closed: inside", addressesOf(t, "inside"), nil)
	equal(t, "closed: outside", addressesOf(t, "outside"), []string{"192.0.2.99/32"})
}

// What the dead one was about to change, and no configuration says, goes with the first Apply.
func TestTakeOverOfHalfAChange(t *testing.T) {
	handles, m, w := died(t)
	less := w
	less.Virtuals, less.Neighbours, less.Routes = addrs("192.0.2.10"), nil, nil
	s, err := TakeOver(handles, m.Label())
	must(t, err)
	must(t, s.Apply(less))
	equal(t, "outside", addressesOf(t, "outside"), []string{"192.0.2.1/24", "192.0.2.10/32", "192.0.2.99/32"})
	equal(t, "lo", addressesOf(t, "lo"), []string{"203.0.113.81/32"})
	equal(t, "routes", routesOf(t), nil)
	if out := sh(t, "ip neigh show nud permanent"); strings.Contains(out, "198.51.100.1") || !strings.Contains(out, "10.0.0.50") {
		t.Errorf("neighbours: %s", out)
	}
	must(t, s.Close())
}

// What stands on another director's taps is that one's.
func TestTakeOverOfItsOwnTaps(t *testing.T) {
	handles, m, _ := died(t)
	s, err := TakeOver(handles[:1], m.Label())
	must(t, err)
	must(t, s.Apply(Wanted{}))
	equal(t, "outside", addressesOf(t, "outside"), []string{"192.0.2.99/32"})
	equal(t, "inside", addressesOf(t, "inside"), []string{"10.0.0.1/24"})
	equal(t, "routes", routesOf(t), []string{"198.51.0.0/16 via 198.51.100.1 dev inside onlink"})
	if out := sh(t, "ip neigh show nud permanent"); !strings.Contains(out, "198.51.100.1 dev inside") {
		t.Errorf("neighbours: %s", out)
	}
	must(t, s.Close())
}

// A failed Apply of a successor takes back what it added, and nothing else.
func TestTakeOverIsAllOrNothing(t *testing.T) {
	handles, m, w := died(t)
	s, err := TakeOver(handles, m.Label())
	must(t, err)
	before := setUp(t)
	bad := w
	bad.Virtuals = addrs("192.0.2.77")
	bad.Neighbours = []StaticNeighbour{{1, addr("198.51.100.1"), macOther}}
	bad.Routes = append(slices.Clone(w.Routes), WantedRoute{prefix("100.64.0.0/10"), addr("172.16.0.1")})
	if err := s.Apply(bad); err == nil {
		t.Fatal("a route to nowhere is applied")
	}
	if got := setUp(t); got != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, got)
	}
	must(t, s.Close())
}

// As long as the mark is held, other directors take its addresses for those of one that lives, whoever set them. Its Close
// removes them.
func TestMarkOutlivesStack(t *testing.T) {
	_, m, _ := died(t)
	sh(t, "ip addr add 203.0.113.1/32 dev lo label lo:ld00000000")
	other, err := NewStack(nil, newMarkT(t).Label())
	must(t, err)
	must(t, other.Apply(Wanted{Virtuals: addrs("203.0.113.7")}))
	equal(t, "while it is held", addressesOf(t, "lo"), []string{"203.0.113.7/32", "203.0.113.80/32", "203.0.113.81/32"})
	must(t, m.Close())
	equal(t, "closed", addressesOf(t, "lo"), []string{"203.0.113.7/32", "203.0.113.81/32"})
	must(t, other.Close())
	if _, err := NewStack(nil, "outside"); err == nil || err.Error() != "label 'outside' is no mark's" {
		t.Errorf("a label that is no mark's: %v", err)
	}
}

// A handle of another process's tap knows the tap, and carries nothing.
func TestTapOf(t *testing.T) {
	mac := slices.Clone(macPort)
	tap := TapOf("outside", 7, mac)
	mac[5] = 99
	if tap.Name() != "outside" || tap.Index() != 7 || tap.MAC().String() != macPort.String() {
		t.Errorf("%s %d %s", tap.Name(), tap.Index(), tap.MAC())
	}
	_, readErr := tap.Read(make([]byte, 10))
	_, writeErr := tap.Write(make([]byte, 10))
	for _, err := range []error{readErr, writeErr, tap.SetCarrier(true)} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("it says %v, want %v", err, os.ErrClosed)
		}
	}
	if err := tap.Close(); err != nil {
		t.Error(err)
	}
}

// What is set says whose it is, and looks as it did otherwise.
func TestWhoseItIs(t *testing.T) {
	died(t)
	out := sh(t, "ip addr show dev outside")
	for _, want := range []string{"inet 192.0.2.1/24 brd 192.0.2.255 scope global", "inet 192.0.2.10/32 scope global"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if strings.Contains(out, ":ld") {
		t.Errorf("addresses on a tap are labelled: %s", out)
	}
}
