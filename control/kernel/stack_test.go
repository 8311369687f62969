package kernel

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Two ports and what a configuration asks for.
//
//	203.0.113.0/24 ─ 192.0.2.254 ─ outside 192.0.2.1/24 │ director │ inside 10.0.0.1/24 ─ reals
//	                               192.0.2.10 (virtual) │          │ 198.51.100.1: not on a subnet, static MAC
//	                                                      lo: 203.0.113.80 (virtual)
func twoPorts(t *testing.T) (*Stack, Wanted) {
	t.Helper()
	newNetns(t)
	taps := []*Tap{openTapT(t, "outside", macPort), openTapT(t, "inside", macInside)}
	s, err := NewStack(taps, newMarkT(t).Label())
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s, Wanted{
		Addresses:  []PortAddress{{0, prefix("192.0.2.1/24")}, {1, prefix("10.0.0.1/24")}},
		Virtuals:   addrs("192.0.2.10", "192.0.2.10", "203.0.113.80", "10.0.0.1"),
		Routes:     []WantedRoute{{prefix("203.0.113.0/24"), addr("192.0.2.254")}, {prefix("198.51.0.0/16"), addr("198.51.100.1")}},
		Neighbours: []StaticNeighbour{{1, addr("198.51.100.1"), macHop}},
	}
}

func newMarkT(t *testing.T) *Mark {
	t.Helper()
	m, err := NewMark()
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// routesOf lists what we set, one line a route.
func routesOf(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, l := range strings.Split(strings.TrimSpace(sh(t, "ip route show proto 76")), "\n") {
		if l != "" {
			out = append(out, strings.Join(strings.Fields(l), " "))
		}
	}
	return out
}

func TestApply(t *testing.T) {
	s, w := twoPorts(t)
	check := func(when string) {
		t.Helper()
		equal(t, when+": outside", addressesOf(t, "outside"), []string{"192.0.2.1/24", "192.0.2.10/32"})
		equal(t, when+": inside", addressesOf(t, "inside"), []string{"10.0.0.1/24"})
		equal(t, when+": lo", addressesOf(t, "lo"), []string{"203.0.113.80/32"})
		equal(t, when+": routes", routesOf(t), []string{
			"203.0.113.0/24 via 192.0.2.254 dev outside", "198.51.0.0/16 via 198.51.100.1 dev inside onlink",
		})
		if out := sh(t, "ip neigh show nud permanent"); !strings.Contains(out, "198.51.100.1 dev inside lladdr 02:00:00:00:00:0a PERMANENT") {
			t.Errorf("%s: neighbours: %s", when, out)
		}
	}
	must(t, s.Apply(w))
	check("first")
	must(t, s.Apply(w))
	check("again")

	// What was removed by hand comes back.
	sh(t, "ip addr del 192.0.2.10/32 dev outside")
	sh(t, "ip route del 203.0.113.0/24")
	sh(t, "ip neigh del 198.51.100.1 dev inside")
	must(t, s.Apply(w))
	check("repaired")

	// A change: another virtual, another next hop for the same destination, no static neighbour.
	w.Virtuals = addrs("192.0.2.11")
	w.Routes = []WantedRoute{{prefix("203.0.113.0/24"), addr("192.0.2.253")}}
	w.Neighbours = nil
	must(t, s.Apply(w))
	equal(t, "outside", addressesOf(t, "outside"), []string{"192.0.2.1/24", "192.0.2.11/32"})
	equal(t, "lo", addressesOf(t, "lo"), nil)
	equal(t, "routes", routesOf(t), []string{"203.0.113.0/24 via 192.0.2.253 dev outside"})
	if out := sh(t, "ip neigh show nud permanent"); out != "" {
		t.Errorf("static neighbour stays: %s", out)
	}

	// What others set stays, also where we would have set the same.
	sh(t, "ip addr add 203.0.113.81/32 dev lo")
	sh(t, "ip route add 198.18.0.0/15 via 10.0.0.9")
	w.Virtuals = addrs("203.0.113.81")
	must(t, s.Apply(w))
	w.Virtuals = nil
	must(t, s.Apply(w))
	equal(t, "lo", addressesOf(t, "lo"), []string{"203.0.113.81/32"})
	must(t, s.Apply(Wanted{}))
	equal(t, "outside", addressesOf(t, "outside"), nil)
}

func TestApplyIsAllOrNothing(t *testing.T) {
	s, w := twoPorts(t)
	must(t, s.Apply(w))
	before := sh(t, "ip addr") + sh(t, "ip route") + sh(t, "ip neigh show nud permanent")
	bad := w
	bad.Addresses = append(slices.Clone(w.Addresses), PortAddress{1, prefix("10.1.0.1/16")})
	bad.Virtuals = addrs("192.0.2.77", "203.0.113.99")
	bad.Neighbours = []StaticNeighbour{{1, addr("198.51.100.1"), macOther}, {0, addr("192.0.2.7"), macOther}}
	bad.Routes = append(slices.Clone(w.Routes), WantedRoute{prefix("100.64.0.0/10"), addr("172.16.0.1")})
	err := s.Apply(bad)
	var item *ItemError
	if !errors.As(err, &item) || item.List != "routes" || item.Index != 2 || !strings.Contains(err.Error(), "in no port's subnet") {
		t.Fatalf("Apply: %v", err)
	}
	if after := sh(t, "ip addr") + sh(t, "ip route") + sh(t, "ip neigh show nud permanent"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	bad = w
	bad.Addresses = []PortAddress{{2, prefix("10.1.0.1/16")}}
	if err := s.Apply(bad); !errors.As(err, &item) || item.List != "addresses" {
		t.Errorf("a port that is not there: %v", err)
	}
	// The director works on: the next good configuration applies.
	must(t, s.Apply(w))
}

// The operator's own default route, maybe the way he came in, wins over the configuration's.
//
//	operator ─ mgmt 10.9.0.1/24, default via 10.9.0.254 │ director │ outside 192.0.2.1/24 ─ 192.0.2.254: default, too
func TestApplyNeverTakesOverRoute(t *testing.T) {
	s, w := twoPorts(t)
	sh(t, "ip link add mgmt type veth peer name far")
	sh(t, "ip link set mgmt up")
	sh(t, "ip link set far up")
	sh(t, "ip addr add 10.9.0.1/24 dev mgmt")
	sh(t, "ip route add default via 10.9.0.254 metric 100")
	w.Routes = []WantedRoute{{prefix("0.0.0.0/0"), addr("192.0.2.254")}}
	must(t, s.Apply(w))
	if out := sh(t, "ip route get 8.8.8.8"); !strings.Contains(out, "dev mgmt") {
		t.Errorf("taken over: %s", out)
	}
	equal(t, "routes", routesOf(t), []string{"default via 192.0.2.254 dev outside metric 101"})
	if len(s.Warnings()) != 1 || !strings.Contains(s.Warnings()[0], "stands behind") {
		t.Errorf("warnings: %q", s.Warnings())
	}
	must(t, s.Apply(w))
	equal(t, "routes", routesOf(t), []string{"default via 192.0.2.254 dev outside metric 101"})
	if len(s.Warnings()) != 1 {
		t.Errorf("warnings of the second Apply: %q", s.Warnings())
	}
	w.Routes = nil
	must(t, s.Apply(w))
	if out := sh(t, "ip route show default"); !strings.Contains(out, "mgmt") || len(s.Warnings()) != 0 {
		t.Errorf("default route: %s, warnings %q", out, s.Warnings())
	}
}

// Addresses on lo that a killed director left go when the next one starts; a living one's stay.
func TestStaleAddressesOnLo(t *testing.T) {
	newNetns(t)
	sh(t, "ip addr add 203.0.113.1/32 dev lo label lo:ld00000000")
	sh(t, "ip addr add 203.0.113.2/32 dev lo label lo:ld00000000")
	sh(t, "ip addr add 203.0.113.3/32 dev lo")
	other, err := NewStack(nil, newMarkT(t).Label())
	must(t, err)
	equal(t, "lo", addressesOf(t, "lo"), []string{"203.0.113.3/32"})
	must(t, other.Apply(Wanted{Virtuals: addrs("203.0.113.4")}))

	s, err := NewStack(nil, newMarkT(t).Label())
	must(t, err)
	must(t, s.Apply(Wanted{Virtuals: addrs("203.0.113.4", "203.0.113.5")}))
	equal(t, "lo", addressesOf(t, "lo"), []string{"203.0.113.3/32", "203.0.113.4/32", "203.0.113.5/32"})
	must(t, s.Close())
	equal(t, "lo", addressesOf(t, "lo"), []string{"203.0.113.3/32", "203.0.113.4/32"})
	must(t, other.Close())
	equal(t, "lo", addressesOf(t, "lo"), []string{"203.0.113.3/32"})
}

func TestHoldEndsWithHolder(t *testing.T) {
	newNetns(t)
	c, err := hold("x")
	must(t, err)
	if _, err := hold("x"); !errors.Is(err, errHeld) {
		t.Errorf("held twice: %v", err)
	}
	c.Close()
	// A child that another test is just starting may have the socket, too, until it executes its program.
	c, err = outlive(func() (*net.UnixConn, error) { return hold("x") })
	must(t, err)
	c.Close()
}

func TestSetSysctl(t *testing.T) {
	newNetns(t)
	must(t, setSysctl(1, "ipv4", "no_such_knob"))
	if err := setSysctl(1<<40, "ipv4", "ip_forward"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("impossible value: %v", err)
	}
}
