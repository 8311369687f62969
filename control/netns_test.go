package control

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/vishvananda/netns"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"linedirector/conf"
	"linedirector/control/kernel"
	"linedirector/lcore/ruleset"
)

// bound is how long an event may take; nothing waits that long unless it fails.
const bound = 20 * time.Second

// linux is a director on a kernel of its own: a network namespace. Workers and wire are the test.
//
//	                    ┌ kernel: taps, addresses, routes, neighbours ┐
//	test as workers ─── outside 192.0.2.1/24      inside 10.0.0.1/24 ─── test as workers
type linux struct {
	*Director
	t       *testing.T
	first   *ruleset.Snapshot
	workers *fakeWorkers
	punts   *fakePunts
	table   *ruleset.Hops
	logs    *observer.ObservedLogs
	ports   []Port
	taps    []*kernel.Tap // handles: others carry their frames
	mark    *kernel.Mark
	stack   *kernel.Stack
	ledger  fakeLedger
	die     func() // leaves the kernel as it is
}

func newLinux(t *testing.T) *linux {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes network namespaces and taps")
	}
	runtime.LockOSThread()
	old, err := netns.Get()
	must(t, err)
	ns, err := netns.New()
	must(t, err)
	t.Cleanup(func() {
		must(t, netns.Set(old)) // else the thread ends with the goroutine, being locked
		runtime.UnlockOSThread()
		_ = ns.Close()
		_ = old.Close()
	})

	l := &linux{t: t, workers: newFakeWorkers(2), punts: &fakePunts{make(chan injected), make(chan struct{})}, table: ruleset.NewHops(nil)}
	l.workers.injected = make(chan injected, 1000)
	l.ports = fakePorts()
	var ends []Tap
	for i := range l.ports {
		tap, err := kernel.OpenTap(l.ports[i].Name, net.HardwareAddr(l.ports[i].MAC[:]), 0)
		must(t, err)
		l.ports[i].Interface = tap.Index()
		ends = append(ends, tap)
		l.taps = append(l.taps, kernel.TapOf(tap.Name(), tap.Index(), tap.MAC()))
	}
	l.mark, err = kernel.NewMark()
	must(t, err)
	t.Cleanup(func() { must(t, l.mark.Close()) })
	carry := NewTaps(zap.NewNop(), l.workers, l.punts, ends)
	carry.Start()
	t.Cleanup(carry.Stop)
	stack, err := kernel.NewStack(l.taps, l.mark.Label())
	must(t, err)
	l.begin(stack)
	t.Cleanup(func() {
		l.die()
		must(t, l.stack.Close())
	})
	return l
}

// begin makes a director, which runs until it dies.
func (l *linux) begin(stack *kernel.Stack) {
	keeper, err := kernel.NewKeeper()
	must(l.t, err)
	core, logs := observer.New(zap.DebugLevel)
	l.stack, l.logs = stack, logs
	l.Director, l.first, err = New(Config{
		Log: zap.New(core), Conf: parse(l.t, twoPorts), Workers: l.workers, Ports: l.ports, Hops: l.table, Stack: stack, Keeper: keeper,
		Follow: func() (Mirror, error) { return kernel.NewMirror(l.taps) },
		Ticks:  func(d time.Duration) uint32 { return uint32(d.Milliseconds()) },
		Beats:  func(d time.Duration) uint32 { return uint32(d.Microseconds()) },
		Ledger: &l.ledger,
	})
	must(l.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { l.Run(ctx); close(done) }()
	l.die = func() {
		cancel()
		<-done
		must(l.t, l.Close())
		must(l.t, keeper.Close())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (l *linux) sh(line string) string {
	l.t.Helper()
	args := strings.Fields(line)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput() // forked by this thread, hence in its namespace
	if err != nil {
		l.t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

// rules waits for rules that are as the test wants them.
func (l *linux) rules(what string, as func(*ruleset.Snapshot) bool) *ruleset.Snapshot {
	l.t.Helper()
	for end := time.Now().Add(bound); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s, _ := l.workers.last(); s != nil && as(s) {
			return s
		}
	}
	l.t.Fatalf("%s: no such rules", what)
	return nil
}

// until waits for something that has no event.
func (l *linux) until(what string, ok func() bool) {
	l.t.Helper()
	for end := time.Now().Add(bound); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("%s: never", what)
		}
	}
}

// answerARP answers for the hosts of the links, as what workers are given to send asks for them.
func (l *linux) answerARP(hosts map[string][6]byte) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case f := <-l.workers.injected:
				p := gopacket.NewPacket([]byte(f.frame), layers.LayerTypeEthernet, gopacket.Default)
				arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP)
				if !ok || arp.Operation != layers.ARPRequest {
					continue
				}
				asked, _ := netip.AddrFromSlice(arp.DstProtAddress)
				if mac, ok := hosts[asked.String()]; ok {
					l.punts.frames <- injected{f.port, string(reply(l.t, arp, mac))}
				}
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// reply answers an ARP request.
func reply(t *testing.T, ask *layers.ARP, mac [6]byte) []byte {
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: mac[:], DstMAC: ask.SourceHwAddress, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPReply, SourceHwAddress: mac[:], SourceProtAddress: ask.DstProtAddress,
			DstHwAddress: ask.SourceHwAddress, DstProtAddress: ask.SourceProtAddress,
		})
	if err != nil {
		t.Error(err)
	}
	return buf.Bytes()
}

// known waits until workers know the MAC of an on-link address.
func (l *linux) known(device uint16, address string, mac [6]byte) {
	l.t.Helper()
	l.until(address+" is resolved", func() bool {
		slot := l.table.Neighbour(device, ip(address))
		if slot == 0 {
			return false
		}
		hop, ok := l.table.Get(slot)
		return ok && hop.Low&(1<<48-1) == mac48(mac)
	})
}

// A director dies, and its successor goes on on the same taps.
func TestTakeOverOnLinux(t *testing.T) {
	l := newLinux(t)
	stop := l.answerARP(map[string][6]byte{"10.0.0.11": macOne, "10.0.0.254": macTwo})
	defer stop()
	set := func() string { return l.sh("ip -4 addr") + l.sh("ip route") }
	l.known(5, "10.0.0.11", macOne)
	l.known(5, "10.0.0.254", macTwo)
	real, gateway, before := l.table.Neighbour(5, ip("10.0.0.11")), l.table.Neighbour(5, ip("10.0.0.254")), set()
	l.die()
	l.sh("ip neigh del 10.0.0.11 dev inside") // and nobody hears of it

	stack, err := kernel.TakeOver(l.taps, l.mark.Label())
	must(t, err)
	l.begin(stack)
	if got := set(); got != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, got)
	}
	if hop, ok := l.table.Get(gateway); !ok || hop.Low&(1<<48-1) != mac48(macTwo) || l.first.Route(ip("10.9.0.12")).Hop != gateway {
		t.Error("the gateway is not what it was")
	}
	l.known(5, "10.0.0.11", macOne)
	if slot := l.table.Neighbour(5, ip("10.0.0.11")); slot != real {
		t.Errorf("the real is in slot %d, was in %d", slot, real)
	}
	must(t, l.Reload(parse(t, strings.NewReplacer("192.0.2.10,", "192.0.2.11,", "{to: 10.9.0.0/16", "{to: 10.9.0.0/17").Replace(twoPorts))))
	if out := set(); strings.Contains(out, "192.0.2.10/") || !strings.Contains(out, "192.0.2.11/32") || strings.Contains(out, "10.9.0.0/16") || !strings.Contains(out, "10.9.0.0/17") {
		t.Errorf("the change of the successor: %s", out)
	}
}

func TestOnLinux(t *testing.T) {
	l := newLinux(t)
	stop := l.answerARP(map[string][6]byte{"10.0.0.11": macOne, "10.0.0.254": macTwo, "192.0.2.100": macTwo})
	defer stop()

	// The first rules know the routes of the configuration, and next hops resolve by themselves.
	if at := l.first.Route(ip("10.9.0.12")); at.Hop == 0 || at.Port != 5 {
		t.Errorf("the configuration's route: %+v", at)
	}
	if at := l.first.Route(ip("192.0.2.100")); at.Hop != 0 || at.Port != 3 {
		t.Errorf("the link's route: %+v", at)
	}
	l.known(5, "10.0.0.11", macOne)
	l.known(5, "10.0.0.254", macTwo)
	l.until("all next hops resolved", func() bool { return l.Unresolved() == 0 })

	// A client on the link that a worker misses.
	l.workers.want(3, "192.0.2.100")
	l.known(3, "192.0.2.100", macTwo)

	// A route set by hand, or by a routing daemon, raises the route generation; one that goes, too.
	before := l.first.RouteGeneration
	l.sh("ip route add 203.0.113.0/24 via 192.0.2.254")
	s := l.rules("another route", func(s *ruleset.Snapshot) bool { return s.Route(ip("203.0.113.1")).Port == 3 })
	if s.RouteGeneration == before {
		t.Error("a new route, and flows do not look theirs up again")
	}
	l.sh("ip route del 203.0.113.0/24")
	l.rules("the route is gone", func(s *ruleset.Snapshot) bool { return s.Route(ip("203.0.113.1")).Port == ruleset.NoPort })
	l.sh("ip addr add 192.0.2.77/32 dev outside")
	l.rules("another address", func(s *ruleset.Snapshot) bool { return s.Local(ip("192.0.2.77")) })

	// What IPv6 does on a tap is none of the workers' business.
	l.sh("ip -6 addr add 2001:db8::1/64 dev outside nodad")
	l.sh("ip -6 neigh add 2001:db8::2 dev outside lladdr 02:00:00:00:00:09")
	l.sh("ip route add 198.18.0.0/15 via inet6 2001:db8::2 dev outside")
	l.sh("ip route add 203.0.113.0/24 via 192.0.2.254")
	s = l.rules("routes after IPv6", func(s *ruleset.Snapshot) bool { return s.Route(ip("203.0.113.1")).Port == 3 })
	if at := s.Route(ip("198.18.0.1")); at.Port != ruleset.NoPort {
		t.Errorf("an IPv6 gateway: %+v", at)
	}

	// A reload moves addresses and virtuals.
	next := strings.NewReplacer("192.0.2.1/24", "192.0.2.2/24", "192.0.2.10, port: 53", "203.0.113.53, port: 53", "10.0.0.254", "10.0.0.253").Replace(twoPorts)
	must(t, l.Reload(parse(t, next)))
	s = l.rules("reloaded", func(s *ruleset.Snapshot) bool {
		return !s.Local(ip("192.0.2.1")) && s.Local(ip("192.0.2.2")) && s.Route(ip("10.9.0.1")).Hop == l.table.Neighbour(5, ip("10.0.0.253"))
	})
	if s.FindVirtual(0, ip("203.0.113.53"), 53, udp) == 0 {
		t.Error("the moved virtual is not there")
	}
	if out := l.sh("ip -br addr show dev outside"); !strings.Contains(out, "192.0.2.2/24") || strings.Contains(out, "192.0.2.1/24") {
		t.Errorf("outside has %s", out)
	}
	if out := l.sh("ip -br addr show dev lo"); !strings.Contains(out, "203.0.113.53/32") {
		t.Errorf("lo has %s", out)
	}
	if n := l.logs.FilterMessageSnippet("no route leads").Len(); n != 0 {
		t.Error("a reload made reals look unreachable")
	}
}

// A route that the kernel cannot take leaves everything as it was.
func TestReloadThatLinuxRefuses(t *testing.T) {
	l := newLinux(t)
	before := l.sh("ip addr") + l.sh("ip route")
	bad := parse(t, strings.Replace(twoPorts, "address: 192.0.2.10, port: 53", "address: 192.0.2.20, port: 53", 1))
	bad.Routes = append(bad.Routes, conf.Route{To: prefix("172.16.0.0/12"), Via: addr("172.31.0.1"), Pos: conf.Pos{Line: 7, Column: 5}})
	err := l.Reload(bad)
	if err == nil || !strings.HasPrefix(err.Error(), "dir.yaml:7:5: routes[1]: ") || !strings.Contains(err.Error(), "; ") {
		t.Errorf("Reload: %v", err)
	}
	if after := l.sh("ip addr") + l.sh("ip route"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	must(t, l.Reload(parse(t, twoPorts)))
}

// Next hops come back by themselves: a static one that a reload removes, and one that is deleted.
func TestKeptOnLinux(t *testing.T) {
	l := newLinux(t)
	hosts := map[string][6]byte{"10.0.0.11": macOne, "10.0.0.254": macTwo}
	must(t, l.Reload(parse(t, twoPorts+"neighbours:\n  - {port: inside, address: 10.0.0.11, mac: 02:00:00:00:01:02}\n")))
	l.known(5, "10.0.0.11", macTwo)
	stop := l.answerARP(hosts)
	defer stop()
	began := time.Now()
	must(t, l.Reload(parse(t, twoPorts)))
	l.known(5, "10.0.0.11", macOne)
	l.known(5, "10.0.0.254", macTwo)
	l.sh("ip neigh del 10.0.0.254 dev inside")
	l.known(5, "10.0.0.254", macTwo)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v: the keeper's round, not the event", took)
	}
}
