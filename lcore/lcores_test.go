package lcore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linedirector/dpdk"
	"linedirector/flowtable"
	"linedirector/lcore/forward"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

var rates = [forward.PuntKinds]uint32{1000, 1000, 1000, 1000, 1000}

func config(workers int, devices ...string) Config {
	c := Config{
		CPUs: cpus(workers), Flows: 4096, Burst: 32, RxDesc: 512, TxDesc: 512, Adaptive: true,
		PuntRate: rates, MaxSlots: ruleset.Slots{Bindings: 8, Reals: 8, Virtuals: 8},
	}
	for _, d := range devices {
		c.Ports = append(c.Ports, PortConfig{Device: d})
	}
	return c
}

var used = map[string]bool{}

// open takes devices that no other test uses, and makes sure at the end that every mbuf came back.
func open(t *testing.T, c Config) *Lcores {
	t.Helper()
	for _, p := range c.Ports {
		if used[p.Device] {
			t.Skip("its device was closed in an earlier round")
		}
		used[p.Device] = true
	}
	l, err := Open(c)
	must(t, err)
	t.Cleanup(func() {
		must(t, l.Stop())
		l.closeToPools(t)
		l.Close()
		l.Close() // again is nothing
	})
	return l
}

// closeToPools does what Close does, but for board, bell and mempools, which were made first.
func (l *Lcores) closeToPools(t *testing.T) {
	t.Helper()
	first := 2 + len(l.pools)
	for i := len(l.undo) - 1; i >= first; i-- {
		l.undo[i]()
	}
	l.undo = l.undo[:first]
	for _, m := range l.pools {
		if n := m.InUse(); n != 0 {
			t.Errorf("%d of %d mbufs did not come back", n, m.Size())
		}
	}
}

func ip4(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

func mac(b [6]byte) (n uint64) {
	for i, x := range b {
		n |= uint64(x) << (8 * i)
	}
	return n
}

// rules are those of the captures on every port of l; all hosts are known as neighbours.
func rules(l *Lcores, generation uint32) *ruleset.Snapshot {
	src := &ruleset.Source{
		Generation: generation, RouteGeneration: 1, Local: []uint32{ip4(ipPort)},
		Reals: map[uint16]ruleset.Real{1: {Address: ip4(ipReal), Port: 8080}, 2: {Address: ip4(ipReal), Port: 0}},
	}
	timers := ruleset.Timers{HalfOpen: 1 << 20, Idle: 1 << 20, CloseDelay: 1 << 20, UDPIdle: 1 << 20}
	for i, v := range []struct {
		port     uint16
		protocol uint8
	}{{80, packet.ProtocolTCP}, {53, packet.ProtocolUDP}} {
		members := []ruleset.Member{{Binding: uint32(i + 1), Real: uint16(i + 1), Weight: 1}}
		src.Virtuals = append(src.Virtuals, ruleset.VirtualSource{
			Slot: uint16(i + 1), Address: ip4(ipVirtual), Port: v.port, Protocol: v.protocol, Timers: timers,
			Sticky:  ruleset.Sticky{Group: uint16(i + 1), Bits: 32, Timer: 1 << 20}, // where there is a table
			Members: members, Keepers: members,
		})
	}
	for i, p := range l.Ports {
		id := uint16(p.ID)
		src.Ports[id] = ruleset.Port{MAC: mac(macPort), Address: ip4(ipPort)}
		if i > 0 {
			continue
		}
		src.Routes = append(src.Routes, ruleset.Route{Prefix: ip4([]byte{192, 0, 2, 0}), Bits: 24, Port: id}, ruleset.Route{Prefix: ip4([]byte{10, 0, 0, 0}), Bits: 24, Port: id})
		for slot := range uint16(101) {
			address, to := ip4([]byte{192, 0, 2, byte(99 + slot)}), macClient
			if slot == 0 {
				address, to = ip4(ipReal), macReal
			}
			l.Hops.SetNeighbour(id, address, slot+1)
			l.Hops.Set(slot+1, mac(to), mac(macPort), id)
		}
	}
	return ruleset.Build(src)
}

// received is how many frames came in over all workers' queues.
func (l *Lcores) received() (n uint64) {
	for i := range l.Workers() {
		n += atomic.LoadUint64(&l.Exchanged(i).Received)
	}
	return n
}

func (l *Lcores) sent(port int) (n uint64) {
	for i := range l.Workers() {
		n += atomic.LoadUint64(&l.Exchanged(i).SentPackets[l.Ports[port].ID])
	}
	return n
}

func sorted(frames [][]byte) [][]byte {
	frames = slices.Clone(frames)
	slices.SortFunc(frames, bytes.Compare)
	return frames
}

// A capture goes in, the same frames as any director must send come out: as gopacket builds them, byte for byte.
// Two workers on the device's one queue send the same set as one does.
func TestForwards(t *testing.T) {
	const connections = 90
	for n, workers := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			in, want := conversation(connections)
			writeCapture(inFile(n), in)
			c := config(workers, fmt.Sprintf("net_pcap%d", n))
			c.Sticky = 1000
			l := open(t, c)
			l.Publish(rules(l, 1))
			must(t, l.Start())
			until(t, "all frames are forwarded", func() bool { return l.sent(0) == uint64(len(want)) })
			must(t, l.Stop())

			var stats struct{ handed, opened, used, packets uint64 }
			for i := range workers {
				s := l.Stats(i)
				stats.handed += s.Handed.Load()
				stats.opened += s.Opened.Load()
				stats.used += s.FlowsUsed.Load()
				stats.packets += s.Packets[0].Load() + s.Packets[1].Load()
				for cause := range s.Drops {
					if d := s.Drops[cause].Load(); d != 0 {
						t.Errorf("worker %d dropped %d: %v", i, d, packet.DropCause(cause))
					}
				}
			}
			if stats.opened != 2*connections || stats.used != 2*connections || stats.packets != uint64(len(in)) {
				t.Errorf("%+v; want %d opened and in use, %d packets", stats, 2*connections, len(in))
			}
			if some := stats.handed > 0; some != (workers > 1) {
				t.Errorf("%d frames were handed over", stats.handed)
			}
			if entries := l.Sticky().Stats().Used; entries != 2*connections {
				t.Errorf("%d sticky entries", entries)
			}
			var opened uint64
			for _, c := range l.Counts() {
				opened += c.Binding(1).Opened + c.Binding(2).Opened
			}
			if opened != 2*connections {
				t.Errorf("bindings count %d connections", opened)
			}

			got, want := sorted(readCapture(t, outFile(n))), sorted(want)
			if len(got) != len(want) {
				t.Fatalf("%d frames went out, want %d", len(got), len(want))
			}
			for i := range got {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("frame %d of the sorted ones:\n%x, want\n%x", i, got[i], want[i])
				}
			}
		})
	}
}

// What is the kernel's comes to control with its port, though the frames come in on several.
func TestPunts(t *testing.T) {
	writeCapture(inFile(3), [][]byte{ping(), arpRequest()})
	writeCapture(inFile(4), [][]byte{arpRequest()})
	l := open(t, config(2, "net_pcap3", "net_pcap4"))
	punts, err := l.Punts()
	must(t, err)
	defer punts.Close()
	l.Publish(rules(l, 1))
	must(t, l.Start())
	got := map[string]int{}
	for n := 0; n < 3; {
		must(t, punts.Next(func(port int, frame []byte) {
			n++
			got[fmt.Sprint(port, " ", string(frame))]++
		}))
	}
	for _, want := range []string{"0 " + string(ping()), "0 " + string(arpRequest()), "1 " + string(arpRequest())} {
		if got[want] != 1 {
			t.Errorf("no %x", want)
		}
	}

	// Nothing more comes: Next waits until it is interrupted.
	waits := make(chan error, 1)
	go func() { waits <- punts.Next(func(int, []byte) { t.Error("a fourth frame") }) }()
	punts.Interrupt()
	select {
	case err := <-waits:
		if err == nil {
			t.Error("interrupted without an error")
		}
	case <-time.After(bound):
		t.Fatal("Next does not end")
	}
	if punts.Next(func(int, []byte) {}) == nil {
		t.Error("Next goes on after Interrupt")
	}
}

// Interrupt ends Next also while frames keep coming.
func TestInterruptUnderLoad(t *testing.T) {
	l := open(t, config(1, "net_ring3"))
	punts, err := l.Punts()
	must(t, err)
	defer punts.Close()
	l.Publish(rules(l, 1))
	must(t, l.Start())
	ended := make(chan struct{})
	count := 0
	must(t, l.Inject(0, arpRequest()))
	go func() {
		defer close(ended)
		for punts.Next(func(port int, frame []byte) {
			if count++; count == 100 {
				punts.Interrupt()
			}
			_ = l.Inject(port, frame) // it comes back
		}) == nil {
		}
	}()
	select {
	case <-ended:
	case <-time.After(bound):
		t.Fatal("Next does not end")
	}
	if count != 100 {
		t.Errorf("%d frames, want no more than those before Interrupt", count)
	}
}

// Frames of the kernel leave by the port that they are for, whichever worker owns its queue.
func TestInject(t *testing.T) {
	writeCapture(inFile(5), nil)
	writeCapture(inFile(6), nil)
	l := open(t, config(2, "net_pcap5", "net_pcap6"))
	l.Publish(rules(l, 1))
	must(t, l.Start())
	var want [2][][]byte
	for i := range 100 {
		frame := udpFrame(end{macPort, ipPort, uint16(i)}, client(i), 64, strings.Repeat("x", i))
		port := i % 2
		must(t, l.Inject(port, frame))
		want[port] = append(want[port], frame)
	}
	if err := l.Inject(0, make([]byte, 1<<15)); err == nil {
		t.Error("took a frame longer than an mbuf")
	}
	if err := l.Inject(0, nil); err == nil {
		t.Error("took an empty frame")
	}
	until(t, "frames are sent", func() bool { return l.sent(0) == 50 && l.sent(1) == 50 })
	must(t, l.Stop())
	for port, n := range []int{5, 6} {
		if got := readCapture(t, outFile(n)); !slices.EqualFunc(got, want[port], bytes.Equal) {
			t.Errorf("port %d sent %d frames, not those of the kernel in their order", port, len(got))
		}
	}
}

// Frames that are anywhere when the workers stop are given back: on rings, in queues, in the last burst.
func TestStopWithFramesOnTheirWay(t *testing.T) {
	l := open(t, config(2, "net_ring0", "net_ring1"))
	l.Publish(rules(l, 1))
	must(t, l.Start())
	for i := range 200 { // requests come back and are punted, and nobody takes them
		must(t, l.Inject(i%2, arpRequest()))
	}
	until(t, "some came back", func() bool { return l.received() > 20 })
	must(t, l.Stop())
	for range 10 {
		must(t, l.Inject(0, ping())) // nobody sends it any more
	}
}

// Rules that are published are in use from the next burst on, and acknowledged by all workers.
func TestPublish(t *testing.T) {
	l := open(t, config(2, "net_ring2"))
	if l.Acknowledged() != 0 {
		t.Error("acknowledged before any worker ran")
	}
	l.Publish(rules(l, 7))
	must(t, l.Start())
	until(t, "the first rules are acknowledged", func() bool { return l.Acknowledged() == 7 })
	l.Publish(rules(l, 8))
	until(t, "the next are", func() bool { return l.Acknowledged() == 8 })
	if n := l.Stats(0).FlowsCapacity.Load(); n != 4096 {
		t.Errorf("capacity %d", n)
	}

	// Of two workers, the slower one counts, also where generations wrap around.
	must(t, l.Stop())
	for _, tt := range []struct{ a, b, want uint32 }{{3, 4, 3}, {4, 3, 3}, {1<<32 - 1, 0, 1<<32 - 1}, {1, 1<<32 - 2, 1<<32 - 2}} {
		l.Stats(0).Generation.Store(tt.a)
		l.Stats(1).Generation.Store(tt.b)
		if got := l.Acknowledged(); got != tt.want {
			t.Errorf("workers at %d and %d: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// TestExplain: whichever worker owns a client's flows says what it would do; and flows are listed between questions. A worker
// that has ended says nothing.
func TestExplain(t *testing.T) {
	l := open(t, config(2, "net_ring4"))
	l.Publish(rules(l, 1))
	must(t, l.Start())
	q := forward.Question{Virtual: ip4(ipVirtual), VirtualPort: 80, Protocol: packet.ProtocolTCP}
	var asking sync.WaitGroup
	for n := range 4 {
		asking.Go(func() {
			for i := range 50 {
				q := q
				q.Client, q.ClientPort = ip4(client(n).ip), uint16(40000+i)
				owner := l.Owner(q.Client, q.ClientPort)
				if a, err := l.Explain(owner, q); err != nil || a != (forward.Answer{VirtualSlot: 1, Real: 1}) {
					t.Errorf("%+v: %+v, %v", q, a, err)
				}
				if n, next, err := l.Flows(owner, 1, make([]flowtable.Record, 10)); n != 0 || next != 0 || err != nil {
					t.Errorf("%d flows, next %d, %v", n, next, err)
				}
			}
		})
	}
	asking.Wait()
	must(t, l.Stop())
	for range 2 {
		if _, err := l.Explain(0, q); !errors.Is(err, errNoAnswer) {
			t.Error(err)
		}
	}
}

// A worker that has nothing to do leaves its CPU to others, and is quick all the same when something comes.
func TestNaps(t *testing.T) {
	writeCapture(inFile(7), nil)
	l := open(t, config(1, "net_pcap7"))
	l.Publish(rules(l, 1))
	must(t, l.Start())
	until(t, "it runs", func() bool { return l.Acknowledged() == 1 })
	cpu := func() time.Duration {
		var u unix.Rusage
		must(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before, began := cpu(), time.Now()
	time.Sleep(500 * time.Millisecond) // what is measured
	used, passed := cpu()-before, time.Since(began)
	t.Logf("an idle worker used %v of %v", used, passed)
	if used > passed*6/10 {
		t.Errorf("an idle worker used %v of %v", used, passed)
	}

	var took []time.Duration
	for i := range 21 {
		time.Sleep(2 * time.Millisecond) // it naps
		began := time.Now()
		must(t, l.Inject(0, arpRequest()))
		for l.sent(0) != uint64(i+1) {
			if time.Since(began) > bound {
				t.Fatal("it does not wake")
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("woken in %v to %v, half of the times in %v", took[0], took[20], took[10])
	if took[0] > time.Millisecond { // the others may have waited for a CPU
		t.Errorf("it took %v to wake at the least", took[0])
	}
	c := l.Cycles(0)
	if total, busy := c.Total.Load(), c.Busy.Load(); busy*10 > total {
		t.Errorf("an idle worker was busy in %d of %d cycles", busy, total)
	}
}

// What fails says which port it was, and leaves nothing: the same names can be taken again.
func TestOpenFails(t *testing.T) {
	port := func(err error) int {
		var p *PortError
		if errors.As(err, &p) {
			return p.Index
		}
		return -1
	}
	_, err := Open(config(1, "net_null0", "net_pcap77"))
	if port(err) != 1 || !strings.Contains(err.Error(), "net_pcap77") {
		t.Errorf("a device that does not exist: %v", err)
	}
	c := config(1, "net_null0")
	c.Mbufs = 1 << 22
	if _, err := Open(c); err == nil || port(err) != -1 || !strings.Contains(err.Error(), "memory") {
		t.Errorf("more mbufs than memory: %v", err)
	}
	c = config(1, "net_null0")
	c.Sticky = 1 << 30
	if _, err := Open(c); err == nil || !strings.Contains(err.Error(), "for sticky entries") || !strings.Contains(err.Error(), "memory") {
		t.Errorf("more sticky entries than memory: %v", err)
	}
	c = config(1, "net_pcap9")
	c.Flows = 1 << 24
	if _, err := Open(c); err == nil || !strings.HasPrefix(err.Error(), "worker 0: ") || !strings.Contains(err.Error(), "memory") {
		t.Errorf("more flows than memory: %v", err)
	}
	used["net_pcap9"] = true
	c = config(2, "net_null0")
	c.Sticky = 1000
	l := open(t, c)
	if l.Sticky() == nil || l.Sticky().Stats().Capacity != 1000 {
		t.Error("no table of 1000 sticky entries")
	}
	if rx, tx := l.Ports[0].Queues(); rx != 2 || tx != 2 {
		t.Errorf("%d rx and %d tx queues for two workers", rx, tx)
	}
	if l.Ports[0].HardwareSteered(2) || !l.Ports[0].HardwareSteered(1) {
		t.Error("net_null hashes both ends' addresses: no RSS brings flows home there")
	}
}

func TestStartFails(t *testing.T) {
	writeCapture(inFile(8), nil)
	if used["net_pcap8"] {
		t.Skip("its device was closed in an earlier round")
	}
	// A first start and stop close the file; then it goes.
	id, err := dpdk.PortByName("net_pcap8")
	must(t, err)
	m, err := dpdk.NewMempool("first", 1023, 0, 2048, dpdk.AnySocket)
	must(t, err)
	p, err := dpdk.Open(id, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempools: []*dpdk.Mempool{m}})
	must(t, err)
	must(t, p.Start())
	must(t, p.Stop())
	must(t, os.Remove(inFile(8)))

	c := config(1, "net_ring2", "net_pcap8")
	if used["net_ring2"] {
		c.Ports = c.Ports[1:]
	}
	l := open(t, c)
	defer m.Free()
	l.Publish(rules(l, 1))
	err = l.Start()
	var failed *PortError
	if !errors.As(err, &failed) || failed.Index != len(c.Ports)-1 {
		t.Errorf("Start: %v", err)
	}
}

func TestStartOnAMissingCPU(t *testing.T) {
	w := &worker{number: 3, cpu: 100000}
	failed := make(chan error)
	go func() { failed <- w.pin() }()
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "worker 3 on CPU 100000") {
		t.Errorf("pinned to a CPU that is not there: %v", err)
	}
}
