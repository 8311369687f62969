package e2e

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
)

// TestSynguard floods a virtual with SYNs of spoofed sources, from the client's machine. Its clients go on to be
// served, those of another virtual notice nothing, and no real is failed for connections that nobody wants.
//
//	client ──► 192.0.2.10:80 (synguard) ──► a, b      the flood, and clients
//	       ──► 192.0.2.10:81            ──► c         clients
func TestSynguard(t *testing.T) {
	if !manyProcessors {
		t.Skip("needs two processors: a flood and a worker")
	}
	const limit = 1000
	setup := widest()
	s := newSite(t)
	s.serve(t)
	d := s.start(t, setup, ports(setup.queues)+realsOf(threeReals)+`virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a, b], synguard: {limit: 1000, above: evict}, timers: {close-delay: 1s}}
  - {name: other, address: 192.0.2.10, port: 81, reals: [c], timers: {close-delay: 1s}}
`)
	events := s.follow(t, d)
	attacked, other := s.clients(t, "192.0.2.10:80", 50), s.clients(t, "192.0.2.10:81", 50)
	attacked.more(t, 10)

	flood := s.flood(t, 80)
	most, mostHalfOpen := 0.0, 0
	memory := d.resident(t)
	for range 5 * number(t, "FLOOD_SECONDS", 3) / 3 {
		attacked.more(t, 30)
		most = max(most, d.metrics().get(t, "flows_open"))
		mostHalfOpen = max(mostHalfOpen, d.showVirtual("web").HalfOpen)
	}
	t.Logf("resident memory when the flood began: %d kB, at its end: %d kB", memory, d.resident(t))
	rate := flood.stop()
	t.Logf("%.0f SYNs a second; %v flows were open at most, %d half-open ones of the virtual", rate, most, mostHalfOpen)
	if rate < 5000 {
		t.Errorf("the flood was a trickle of %.0f a second", rate)
	}
	// Workers know of one another's as of a millisecond ago; and there are the clients' own, which close a second later.
	if slack := rate/1000*5 + 500; most > limit+slack || float64(mostHalfOpen) > limit+slack {
		t.Errorf("%v flows were open, %d half-open, want some %d", most, mostHalfOpen, limit)
	}
	if mostHalfOpen < limit/2 {
		t.Errorf("%d connections were half-open at most: the flood did not come to the limit", mostHalfOpen)
	}
	all := attacked.stop()
	served, times := 0, []time.Duration{}
	for _, c := range all {
		if c.err == nil {
			served++
			times = append(times, c.connect)
		}
	}
	if len(times) == 0 {
		t.Fatal("no client was served")
	}
	slices.Sort(times)
	share := float64(served) / float64(len(all))
	t.Logf("under the flood %d of %d clients were served, %.1f %%; p99 of the connect time: %v",
		served, len(all), 100*share, times[len(times)*99/100].Round(time.Millisecond))
	if share < 0.95 {
		t.Errorf("%.1f %% of the clients were served, want 95 at least", 100*share)
	}
	t.Log("the other virtual:")
	unharmed(t, other.stop(), 4*time.Second)
	for _, e := range events.events() {
		t.Errorf("a flood changed a real's state: %s", e.Text)
	}
	for name, r := range d.showReals() {
		if r.State != "in-service" || r.Ditched != 0 {
			t.Errorf("after the flood real %s is %s with %d ditched", name, r.State, r.Ditched)
		}
	}
}

// flood is a stream of SYNs.
type flood struct {
	begin time.Time
	halt  chan struct{}
	sent  atomic.Int64
	done  chan struct{}
}

// flood sends SYNs to a port of the virtual address from sources of 198.18.0.0/15, where nobody is, up to 20 a
// millisecond (FLOOD_RATE), until stop. A machine of two processors, which is all of client, director and reals, could send more,
// but then it is veth that loses the clients' frames, and not the director.
func (s *site) flood(t *testing.T, port layers.TCPPort) *flood {
	t.Helper()
	w := s.wire(t)
	var frames [][]byte
	ethernet, ip := w.headers(virtualAddress, layers.IPProtocolTCP)
	for range 4096 {
		ip.SrcIP = binary.BigEndian.AppendUint32(nil, 198<<24|18<<16|rand.Uint32N(1<<17))
		segment := layers.TCP{SrcPort: layers.TCPPort(1024 + rand.IntN(60000)), DstPort: port, Seq: rand.Uint32(), SYN: true, Window: 65535}
		if err := segment.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, w.frame(ethernet, ip, &segment))
	}
	f := &flood{begin: time.Now(), halt: make(chan struct{}), done: make(chan struct{})}
	batch := number(t, "FLOOD_RATE", 20)
	go func() {
		defer close(f.done)
		pause := time.NewTicker(time.Millisecond)
		defer pause.Stop()
		for at := 0; ; at = (at + batch) % (len(frames) - batch) {
			select {
			case <-f.halt:
				return
			case <-pause.C:
				w.Send(frames[at : at+batch]...)
				f.sent.Add(int64(batch))
			}
		}
	}()
	t.Cleanup(func() { f.stop() })
	return f
}

// number is what an environment variable says, or else a default.
func number(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Errorf("%s=%s is no number", name, text)
		return otherwise
	}
	return n
}

// resident is the memory that the director's processes have, in kB.
func (d *director) resident(t *testing.T) (sum int) {
	t.Helper()
	for _, pid := range append(d.Children(t), d.PID()) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(status)) {
			kB := 0
			if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kB); err == nil {
				sum += kB
			}
		}
	}
	if sum == 0 {
		t.Fatal("no VmRSS")
	}
	return sum
}

// stop ends it and returns how many SYNs a second it sent.
func (f *flood) stop() float64 {
	select {
	case <-f.halt:
	default:
		close(f.halt)
	}
	<-f.done
	return float64(f.sent.Load()) / time.Since(f.begin).Seconds()
}
