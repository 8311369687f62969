package kernel

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
)

// answerARP answers, as the hop would, every ARP request that the kernel sends out of the tap for it, and
// reports each: was it to the hop alone (a check of what is known) or to all?
func answerARP(t *testing.T, tap *Tap, hop netip.Addr, mac [6]byte) <-chan bool {
	asked := make(chan bool, 100)
	go func() {
		for {
			a, eth, err := readARP(tap, layers.ARPRequest)
			if err != nil {
				return
			}
			if netip.AddrFrom4([4]byte(a.DstProtAddress)) != hop {
				continue
			}
			from, _ := netip.AddrFromSlice(a.SourceProtAddress)
			if _, err := tap.Write(arpFrame(t, layers.ARPReply, mac, hop, [6]byte(a.SourceHwAddress), from)); err != nil {
				return
			}
			asked <- eth.DstMAC[0]&1 == 0
		}
	}()
	return asked
}

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing comes", what)
		panic("unreachable")
	}
}

// fastNeighbours makes entries of the tap age in a second instead of half a minute. An answer has three times
// retrans to come.
func fastNeighbours(t *testing.T, tap *Tap, retrans string) {
	t.Helper()
	for _, s := range []string{
		"base_reachable_time_ms=1000", "delay_first_probe_time=1", "interval_probe_time_ms=500", "retrans_time_ms=" + retrans, "gc_stale_time=1",
	} {
		sh(t, "sysctl -qw net.ipv4.neigh."+tap.Name()+"."+s)
	}
}

// A next hop that no traffic of the kernel's uses.
//
//	kernel ─ tap inside 10.0.0.1/24 ─ hop 10.0.0.11 (the test: answers ARP)
func testKeep(t *testing.T, managed bool) {
	newNetns(t)
	tap := openTapT(t, "inside", macInside)
	sh(t, "ip addr add 10.0.0.1/24 dev inside")
	fastNeighbours(t, tap, "1000") // on a busy machine the test's answer may take its time
	m, err := NewMirror([]*Tap{tap})
	must(t, err)
	defer m.Close()
	k, err := newKeeper(300*time.Millisecond, managed)
	must(t, err)
	defer k.Close()
	hop := addr("10.0.0.11")
	asked := answerARP(t, tap, hop, macHop)

	must(t, k.Keep(tap.Index(), hop))
	if await(t, "first request", asked) {
		t.Error("the first request is not a broadcast")
	}
	n := eventFor(t, m, "10.0.0.11", func(n Neighbour) bool { return n.Valid })
	if n.MAC != macHop {
		t.Errorf("resolved as %+v", n)
	}
	// It is asked again, by unicast, without any traffic, and stays valid.
	for range 3 {
		for !await(t, "refresh", asked) {
		}
	}
	if s := m.State(); len(s.Neighbours) != 1 || !s.Neighbours[0].Valid {
		t.Errorf("neighbours %+v", s.Neighbours)
	}

	// Flushed, it comes back by itself.
	sh(t, "ip neigh flush dev inside")
	for await(t, "request after flush", asked) {
	}
	eventFor(t, m, "10.0.0.11", func(n Neighbour) bool { return n.Valid })

	// A static neighbour stays static.
	sh(t, "ip neigh replace 10.0.0.12 dev inside lladdr 02:00:00:00:00:0b nud permanent")
	must(t, k.Keep(tap.Index(), addr("10.0.0.12")))
	k.refresh()
	must(t, k.Resolve(tap.Index(), addr("10.0.0.12")))
	if out := sh(t, "ip neigh show 10.0.0.12"); !strings.Contains(out, "PERMANENT") {
		t.Errorf("static neighbour: %s", out)
	}

	// Forgotten, it is known, but no longer kept.
	must(t, k.Forget(tap.Index(), hop))
	if out := sh(t, "ip neigh show 10.0.0.11"); strings.Contains(out, "managed") || !strings.Contains(out, "lladdr 02:00:00:00:00:0a") {
		t.Errorf("forgotten: %s", out)
	}
	must(t, k.Forget(tap.Index(), hop))
	must(t, k.Forget(tap.Index(), addr("10.0.0.99")))
}

func TestKeepManaged(t *testing.T) { testKeep(t, true) }

// As on a kernel before 5.16.
func TestKeepByUse(t *testing.T) { testKeep(t, false) }

func TestKeeperIsManagedHere(t *testing.T) {
	newNetns(t)
	tap := openTapT(t, "inside", macInside)
	sh(t, "ip addr add 10.0.0.1/24 dev inside")
	k, err := NewKeeper()
	must(t, err)
	defer k.Close()
	must(t, k.Keep(tap.Index(), addr("10.0.0.11")))
	if out := sh(t, "ip neigh show 10.0.0.11"); k.managed != strings.Contains(out, "managed") {
		t.Errorf("managed: %v, kernel: %s", k.managed, out)
	}
	if err := k.Keep(tap.Index()+1000, addr("10.0.0.11")); err == nil {
		t.Error("an interface that is not there keeps a neighbour")
	}
}

// So many next hops that the keeper looks at all neighbours at once; every second is static.
func TestKeepMany(t *testing.T) {
	s, _ := twoPorts(t)
	w, many := Wanted{Addresses: []PortAddress{{1, prefix("10.0.0.1/16")}}}, []netip.Addr{}
	for i := range 3 * manyEntries {
		many = append(many, nth(i))
		if i%2 == 0 {
			w.Neighbours = append(w.Neighbours, StaticNeighbour{1, nth(i), macHop})
		}
	}
	must(t, s.Apply(w))
	k, err := NewKeeper()
	must(t, err)
	defer k.Close()
	inside := s.taps[1].Index()
	for range 2 { // the second time all are kept already
		must(t, k.Keep(inside, many...))
		if n := strings.Count(sh(t, "ip neigh show nud permanent"), "lladdr 02:00:00:00:00:0a"); n != len(many)/2 {
			t.Errorf("%d are static, want %d", n, len(many)/2)
		}
		if n := strings.Count(sh(t, "ip neigh show nud all"), "managed"); k.managed && n != len(many)/2 {
			t.Errorf("%d are managed, want %d", n, len(many)/2)
		}
	}
	err = k.Keep(inside+1000, many...)
	if err == nil || !strings.Contains(err.Error(), "keep neighbour 10.0.0.2: ") || !strings.HasSuffix(err.Error(), "and 191 more") {
		t.Errorf("an interface that is not there: %v", err)
	}
}

func TestResolveOnce(t *testing.T) {
	newNetns(t)
	tap := openTapT(t, "inside", macInside)
	sh(t, "ip addr add 10.0.0.1/24 dev inside")
	m, err := NewMirror([]*Tap{tap})
	must(t, err)
	defer m.Close()
	k, err := NewKeeper()
	must(t, err)
	defer k.Close()
	answerARP(t, tap, addr("10.0.0.50"), macOther)
	must(t, k.Resolve(tap.Index(), addr("10.0.0.50")))
	n := eventFor(t, m, "10.0.0.50", func(n Neighbour) bool { return n.Valid })
	if n.MAC != macOther {
		t.Errorf("resolved as %+v", n)
	}
	if out := sh(t, "ip neigh show 10.0.0.50"); strings.Contains(out, "managed") {
		t.Errorf("kept: %s", out)
	}
}

// A next hop that does not answer is shown as not valid, and asked again and again.
func TestKeepSilentHop(t *testing.T) {
	newNetns(t)
	tap := openTapT(t, "inside", macInside)
	sh(t, "ip addr add 10.0.0.1/24 dev inside")
	fastNeighbours(t, tap, "100")
	k, err := newKeeper(100*time.Millisecond, true)
	must(t, err)
	defer k.Close()
	must(t, k.Keep(tap.Index(), addr("10.0.0.11")))
	for range 8 { // more than the three that one resolution takes
		if _, _, err := readARP(tap, layers.ARPRequest); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckNeighbours(t *testing.T) {
	limit, ok, err := readSysctl("ipv4", "neigh", "default", "gc_thresh3")
	if err != nil || !ok {
		t.Skip("gc_thresh3 does not show here: ", err)
	}
	if text := CheckNeighbours(limit); text != "" {
		t.Errorf("enough: %q", text)
	}
	if text := CheckNeighbours(limit + 1); !strings.Contains(text, "set net.ipv4.neigh.default.gc_thresh3=") {
		t.Errorf("too few: %q", text)
	}
}
