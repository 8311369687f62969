package dpdk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"linedirector/dpdk"
)

// files holds the captures that the pcap devices read and write.
var files string

// TestMain starts EAL once for all tests, on memory without hugepages and on virtual devices:
//
//	net_null0          a source of endless frames and a sink, with RSS
//	net_ring0 to 3     what is transmitted comes back, queue by queue
//	net_pcap0, 1       read inN.pcap, write outN.pcap
//	net_pcap9          has no file to read and cannot be made
func TestMain(m *testing.M) {
	if what := os.Getenv(childKey); what != "" {
		os.Exit(child(what))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	runtime.LockOSThread()
	var err error
	if files, err = os.MkdirTemp("", "dpdk"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(files)
	writeCaptures()
	err = dpdk.Init([]string{
		"--no-huge", "--no-pci", "--no-shconf", "-m", "256", "--file-prefix", fmt.Sprintf("dpdktest%d", os.Getpid()),
		"--vdev", "net_null0", "--vdev", "net_ring0", "--vdev", "net_ring1", "--vdev", "net_ring2", "--vdev", "net_ring3",
		"--vdev", pcapDevice(0), "--vdev", pcapDevice(1),
		"--vdev", "net_pcap9,rx_pcap=" + file("missing", 9) + ",tx_pcap=" + file("out", 9),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := dpdk.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func file(name string, n int) string { return filepath.Join(files, fmt.Sprintf("%s%d.pcap", name, n)) }

func pcapDevice(n int) string {
	return fmt.Sprintf("net_pcap%d,rx_pcap=%s,tx_pcap=%s", n, file("in", n), file("out", n))
}

// worker makes the test's goroutine a worker's.
func worker(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	if err := dpdk.RegisterThread(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dpdk.UnregisterThread)
}

var unique int

// pool makes a mempool that must have all its mbufs back at the end of the test.
func pool(t testing.TB, mbufs, dataRoom int) *dpdk.Mempool {
	t.Helper()
	unique++
	m, err := dpdk.NewMempool(fmt.Sprintf("pool%d", unique), mbufs, min(256, mbufs/2), dataRoom, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := m.InUse(); n != 0 {
			t.Errorf("%d of %d mbufs leaked", n, m.Size())
			return
		}
		m.Free()
	})
	return m
}

// ring makes a ring that holds size-1 mbufs.
func ring(t testing.TB, size int) *dpdk.Ring {
	t.Helper()
	unique++
	r, err := dpdk.NewRing(fmt.Sprintf("ring%d", unique), size, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Free)
	return r
}

// port opens and starts a device that a later test may open again.
func port(t testing.TB, device string, cfg dpdk.PortConfig) *dpdk.Port {
	t.Helper()
	id, err := dpdk.PortByName(device)
	if err != nil {
		t.Fatal(err)
	}
	cfg.RxQueues, cfg.TxQueues = max(cfg.RxQueues, 1), max(cfg.TxQueues, 1)
	p, err := dpdk.Open(id, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// exchange makes one that is closed at the end of the test.
func exchange(t testing.TB, cfg dpdk.ExchangeConfig) *dpdk.Exchange {
	t.Helper()
	if cfg.Burst == 0 {
		cfg.Burst = 32
	}
	cfg.Socket = dpdk.AnySocket
	x, err := dpdk.NewExchange(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// loop is a ring device with an exchange that owns its first queues, and a ring to inject frames that it sends and gets back.
type loop struct {
	pool *dpdk.Mempool
	port dpdk.PortID
	in   *dpdk.Ring
	x    *dpdk.Exchange
}

func newLoop(t testing.TB, device string, cfg dpdk.ExchangeConfig) *loop {
	t.Helper()
	l := &loop{pool: pool(t, 4095, 2048), in: ring(t, 2048)}
	l.port = port(t, device, dpdk.PortConfig{Mempools: []*dpdk.Mempool{l.pool}}).ID()
	q := dpdk.Queue{Port: l.port}
	cfg.Receive = append(cfg.Receive, q)
	cfg.Transmit = append(cfg.Transmit, q)
	cfg.Finished = append(cfg.Finished, l.in)
	l.x = exchange(t, cfg)
	t.Cleanup(func() { // what went round last is still in the device
		for range 100 {
			if l.x.Exchange() == 0 {
				return
			}
		}
		t.Error("frames keep coming")
	})
	return l
}

// feed sends frames round the loop and receives them as the next burst.
func (l *loop) feed(t testing.TB, frames ...[]byte) []dpdk.Frame {
	t.Helper()
	for _, f := range frames {
		if err := dpdk.Inject(l.pool, l.in, l.port, f); err != nil {
			t.Fatal(err)
		}
	}
	n := l.x.Exchange()
	if n != len(frames) {
		t.Fatalf("received %d frames, want %d", n, len(frames))
	}
	return l.x.Frames()[:n]
}

// payload is a frame of n bytes that begin with mark.
func payload(mark byte, n int) []byte {
	f := make([]byte, n)
	for i := range f {
		f[i] = mark + byte(i)
	}
	return f
}
