package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// until waits for changes until the state is as wanted; the state it shows last when it fails.
func until(t *testing.T, m *Mirror, what string, ok func(State) bool) State {
	t.Helper()
	deadline := time.After(patience)
	for {
		s := m.State()
		if ok(s) {
			return s
		}
		select {
		case <-m.Changes():
		case <-deadline:
			t.Fatalf("%s: not seen; state %+v", what, m.State())
		}
	}
}

// eventFor waits for an event about one address.
func eventFor(t *testing.T, m *Mirror, a string, ok func(Neighbour) bool) Neighbour {
	t.Helper()
	deadline := time.After(patience)
	var last []Neighbour
	for {
		select {
		case batch := <-m.NeighbourEvents():
			last = batch
			for _, n := range batch {
				if n.Addr == addr(a) && ok(n) {
					return n
				}
			}
		case <-deadline:
			t.Fatalf("no event for %s; last ones %+v", a, last)
		}
	}
}

func routes(s State) (out []string) {
	for _, r := range s.Routes {
		line := fmt.Sprintf("%v port %d metric %d", r.Dst, r.Port, r.Priority)
		if r.Gateway.IsValid() {
			line += " via " + r.Gateway.String()
		}
		if r.Weight != 1 || r.Multipath {
			line += fmt.Sprintf(" weight %d multipath %v", r.Weight, r.Multipath)
		}
		out = append(out, line)
	}
	return out
}

func hasRoutes(want ...string) func(State) bool {
	return func(s State) bool { return slices.Equal(routes(s), want) }
}

const (
	connected0 = "192.0.2.0/24 port 0 metric 0"
	connected1 = "10.0.0.0/24 port 1 metric 0"
)

// A mirror of two ports beside an interface that is none of ours.
//
//	outside 192.0.2.1/24 │ director │ inside 10.0.0.1/24
//	mgmt    10.9.0.1/24  │          │ lo 203.0.113.80/32
func mirrored(t *testing.T) (*Mirror, []*Tap) {
	t.Helper()
	newNetns(t)
	sh(t, "ip link set lo up")
	sh(t, "ip link add mgmt type veth peer name far")
	sh(t, "ip link set mgmt up")
	sh(t, "ip link set far up")
	sh(t, "ip addr add 10.9.0.1/24 dev mgmt")
	taps := []*Tap{openTapT(t, "outside", macPort), openTapT(t, "inside", macInside)}
	sh(t, "ip addr add 192.0.2.1/24 dev outside")
	sh(t, "ip addr add 10.0.0.1/24 dev inside")
	sh(t, "ip addr add 203.0.113.80/32 dev lo")
	sh(t, "ip neigh add 10.0.0.11 dev inside lladdr 02:00:00:00:00:0a nud stale")
	m, err := NewMirror(taps)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	return m, taps
}

func TestMirrorBeginsComplete(t *testing.T) {
	m, _ := mirrored(t)
	s := m.State()
	var got []string
	for _, a := range s.Addresses {
		got = append(got, fmt.Sprintf("%d %v", a.Port, a.Prefix))
	}
	equal(t, "addresses", got, []string{"-1 203.0.113.80/32", "0 192.0.2.1/24", "1 10.0.0.1/24"})
	equal(t, "routes", routes(s), []string{connected1, connected0})
	want := Neighbour{Port: 1, Addr: addr("10.0.0.11"), MAC: macHop, Valid: true}
	if !slices.Equal(s.Neighbours, []Neighbour{want}) {
		t.Errorf("neighbours: %+v", s.Neighbours)
	}
	if l := s.Links[0]; !l.Up || !l.Running || l.MTU != 1500 || l.MAC != [6]byte(macPort) {
		t.Errorf("link: %+v", l)
	}
}

// In a namespace where no route was ever set the kernel has no main table to dump.
func TestMirrorOfNothing(t *testing.T) {
	newNetns(t)
	m, err := NewMirror(nil)
	must(t, err)
	must(t, m.Close())
}

func TestMirrorFollowsRoutes(t *testing.T) {
	m, taps := mirrored(t)
	step := func(line string, want ...string) {
		t.Helper()
		sh(t, line)
		until(t, m, line, hasRoutes(want...))
	}
	step("ip route add default via 192.0.2.254", "0.0.0.0/0 port 0 metric 0 via 192.0.2.254", connected1, connected0)
	step("ip route replace default via 192.0.2.253", "0.0.0.0/0 port 0 metric 0 via 192.0.2.253", connected1, connected0)
	step("ip route replace default via 10.9.0.254", connected1, connected0)
	step("ip route replace default via 10.0.0.254", "0.0.0.0/0 port 1 metric 0 via 10.0.0.254", connected1, connected0)
	step("ip route replace blackhole default", connected1, connected0)
	step("ip route add default via 10.0.0.254 metric 5", "0.0.0.0/0 port 1 metric 5 via 10.0.0.254", connected1, connected0)
	step("ip route append default via 192.0.2.254 metric 5",
		"0.0.0.0/0 port 1 metric 5 via 10.0.0.254", "0.0.0.0/0 port 0 metric 5 via 192.0.2.254", connected1, connected0)
	step("ip route prepend default via 192.0.2.253 metric 5",
		"0.0.0.0/0 port 0 metric 5 via 192.0.2.253", "0.0.0.0/0 port 1 metric 5 via 10.0.0.254", "0.0.0.0/0 port 0 metric 5 via 192.0.2.254", connected1, connected0)
	// Which of three is replaced the event does not say.
	step("ip route replace default via 192.0.2.252 metric 5",
		"0.0.0.0/0 port 0 metric 5 via 192.0.2.252", "0.0.0.0/0 port 1 metric 5 via 10.0.0.254", "0.0.0.0/0 port 0 metric 5 via 192.0.2.254", connected1, connected0)
	step("ip route del default via 10.0.0.254 metric 5",
		"0.0.0.0/0 port 0 metric 5 via 192.0.2.252", "0.0.0.0/0 port 0 metric 5 via 192.0.2.254", connected1, connected0)
	step("ip route flush exact default", connected1, connected0)

	step("ip route add 198.18.0.0/15 nexthop via 192.0.2.2 weight 1 nexthop via 10.9.0.2 weight 5 nexthop via 10.0.0.2 weight 3",
		connected1, connected0, "198.18.0.0/15 port 0 metric 0 via 192.0.2.2", "198.18.0.0/15 port 1 metric 0 via 10.0.0.2 weight 3 multipath true")
	step("ip route del 198.18.0.0/15", connected1, connected0)
	sh(t, "ip route add 198.18.0.0/15 via 10.0.0.2 table 7") // another table: the next step does not see it
	step("ip route add 198.18.0.0/15 via 198.51.100.9 dev outside onlink", connected1, connected0, "198.18.0.0/15 port 0 metric 0 via 198.51.100.9")

	// By a next-hop object; its removal takes the route along without a word.
	step("ip nexthop add id 5 via 10.0.0.9 dev inside", connected1, connected0, "198.18.0.0/15 port 0 metric 0 via 198.51.100.9")
	step("ip route add 100.64.0.0/10 nhid 5", connected1, "100.64.0.0/10 port 1 metric 0 via 10.0.0.9", connected0, "198.18.0.0/15 port 0 metric 0 via 198.51.100.9")
	step("ip nexthop del id 5", connected1, connected0, "198.18.0.0/15 port 0 metric 0 via 198.51.100.9")

	// So does setting an interface down, or closing it.
	step("ip link set outside down", connected1)
	must(t, taps[1].Close())
	until(t, m, "tap closed", func(s State) bool { return len(s.Routes) == 0 && s.Links[1] == Link{} && len(s.Addresses) == 2 })
}

func TestMirrorFollowsAddressesAndLinks(t *testing.T) {
	m, taps := mirrored(t)
	sh(t, "ip addr add 192.0.2.10/32 dev outside")
	until(t, m, "address", func(s State) bool { return slices.Contains(s.Addresses, Address{0, prefix("192.0.2.10/32")}) })
	sh(t, "ip addr del 203.0.113.80/32 dev lo")
	until(t, m, "address gone", func(s State) bool { return !slices.Contains(s.Addresses, Address{PortLo, prefix("203.0.113.80/32")}) })
	sh(t, "ip link set inside mtu 9000")
	until(t, m, "MTU", func(s State) bool { return s.Links[1].MTU == 9000 })
	must(t, taps[0].SetCarrier(false))
	until(t, m, "carrier", func(s State) bool { return s.Links[0].Up && !s.Links[0].Running })
}

func TestMirrorNeighbourEvents(t *testing.T) {
	m, _ := mirrored(t)
	sh(t, "ip neigh replace 10.0.0.11 dev inside lladdr 02:00:00:00:00:0b nud stale")
	n := eventFor(t, m, "10.0.0.11", func(n Neighbour) bool { return true })
	if n != (Neighbour{Port: 1, Addr: addr("10.0.0.11"), MAC: macOther, Valid: true}) {
		t.Errorf("event %+v", n)
	}
	// A mere transition is none: the next event is about another neighbour.
	sh(t, "ip neigh replace 10.0.0.11 dev inside lladdr 02:00:00:00:00:0b nud reachable")
	sh(t, "ip neigh add 192.0.2.7 dev outside lladdr 02:00:00:00:00:0a nud permanent")
	batch := <-m.NeighbourEvents()
	if len(batch) != 1 || batch[0] != (Neighbour{Port: 0, Addr: addr("192.0.2.7"), MAC: macHop, Valid: true}) {
		t.Errorf("events %+v", batch)
	}
	sh(t, "ip neigh change 10.0.0.11 dev inside nud failed")
	n = eventFor(t, m, "10.0.0.11", func(n Neighbour) bool { return true })
	if n.Valid || n.MAC != [6]byte{} {
		t.Errorf("failed: %+v", n)
	}
	sh(t, "ip neigh del 192.0.2.7 dev outside")
	if n := eventFor(t, m, "192.0.2.7", func(Neighbour) bool { return true }); n.Valid {
		t.Errorf("deleted: %+v", n)
	}
	select {
	case <-m.Changes():
		t.Error("neighbours alone changed, and Changes says something else did")
	default:
	}
}

// Ten thousand neighbours in one go, through a socket buffer that holds a few: events are lost, and the
// mirror has them all in the end.
func TestMirrorSurvivesLostEvents(t *testing.T) {
	m, _ := mirrored(t)
	if err := m.sock.conn.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 2048)
	}); err != nil {
		t.Fatal(err)
	}
	const many = 10000
	sh(t, "ip addr add 172.16.0.1/16 dev inside")
	var batch strings.Builder
	for i := range many {
		fmt.Fprintf(&batch, "neigh add 172.16.%d.%d dev inside lladdr 02:00:00:01:%02x:%02x nud permanent\n", 1+i/250, 1+i%250, i>>8, i&255)
	}
	fmt.Fprintf(&batch, "route add 198.18.0.0/15 via 10.0.0.2\n")
	file := t.TempDir() + "/batch"
	must(t, os.WriteFile(file, []byte(batch.String()), 0o600))
	m.mu.Lock() // the reader comes to a stop at the first event
	out, err := exec.Command("ip", "-batch", file).CombinedOutput()
	m.mu.Unlock()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seen := map[Neighbour]bool{}
	deadline := time.After(patience)
	for len(seen) < many {
		select {
		case batch := <-m.NeighbourEvents():
			for _, n := range batch {
				if !n.Valid || seen[n] {
					t.Fatalf("event %+v, seen before: %v", n, seen[n])
				}
				seen[n] = true
			}
		case <-deadline:
			t.Fatalf("%d of %d neighbours", len(seen), many)
		}
	}
	until(t, m, "route", func(s State) bool { return len(s.Routes) == 4 && len(s.Neighbours) == many+1 })
}
