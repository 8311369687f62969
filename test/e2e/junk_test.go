package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"golang.org/x/net/ipv4"
)

// junkMAC is the address that DPDK's pcap driver gives its first device.
const junkMAC = "02:70:63:61:70:00"

// TestJunk throws more than a million packets a second at the director's own addresses and pings it
// meanwhile, and asks by ARP, and fetches pages: none of it may suffer.
//
//	client ─── eth-out [outside] [inside] eth-in ─── switch ─── a, b, c
//	                   [junk] ◄── a file, replayed as fast as the worker takes it
func TestJunk(t *testing.T) {
	s := newSite(t)
	s.web(t)
	file := filepath.Join(s.Dir(), "junk.pcap")
	writeJunk(t, file)
	// The junk comes from far away, by a gateway that the kernel's answers can be sent to.
	config := strings.Replace(ports(1)+webAndEcho, "reals:\n", `  - {name: junk, device: "net_pcap0,rx_pcap=`+file+`,infinite_rx=1", addresses: [198.51.100.1/24]}
routes:
  - {to: 100.64.0.0/10, via: 198.51.100.254}
neighbours:
  - {port: junk, address: 198.51.100.254, mac: 02:00:00:00:00:09}
reals:
`, 1)
	d := s.start(t, oneWorker, config)
	if mac := s.tapMAC(t, "junk"); mac != junkMAC {
		t.Fatalf("the junk is addressed to %s, its port has %s", junkMAC, mac)
	}
	received := func() float64 {
		return d.metrics().get(t, "port_packets_total", "port", "junk", "direction", "rx")
	}
	before, begin := received(), time.Now()
	s.unharmed(t)
	rate := (received() - before) / time.Since(begin).Seconds() / 1e6
	t.Logf("%.1f Mpps of junk", rate)
	if rate < 1 {
		t.Errorf("the junk came at %.2f Mpps, want at least 1", rate)
	}
	s.ab(t, 1000, "-c", "8", "http://192.0.2.10/")
}

// unharmed pings the director from both sides, and asks for its addresses by ARP, for some seconds.
func (s *site) unharmed(t *testing.T) {
	t.Helper()
	pings := make(chan error, 3)
	ping := func(run func(...string) (string, error), address string) {
		out, err := run("ping", "-q", "-c", "150", "-i", "0.02", "-W", "1", address)
		if err == nil && !strings.Contains(out, " 0% packet loss") {
			err = fmt.Errorf("pings were lost: %s", out)
		}
		pings <- err
	}
	go ping(s.client.Try, outsideAddress)
	go ping(s.client.Try, virtualAddress)
	go ping(s.reals["a"].Try, insideAddress)
	w := s.wire(t)
	for i := range 60 {
		if w.resolve([]string{outsideAddress, virtualAddress}[i%2]) == nil {
			t.Errorf("ARP request %d was not answered within a second", i)
			break
		}
		time.Sleep(30 * time.Millisecond)
	}
	for range cap(pings) {
		if err := <-pings; err != nil {
			t.Error(err)
		}
	}
}

// writeJunk writes packets to the director's own address that nobody waits for.
func writeJunk(t *testing.T, file string) {
	t.Helper()
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	writer := pcapgo.NewWriter(out)
	if err := writer.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	to, err := net.ParseMAC(junkMAC)
	if err != nil {
		t.Fatal(err)
	}
	w := wire{t: t}
	for i := range 512 {
		ethernet := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 9}, DstMAC: to, EthernetType: layers.EthernetTypeIPv4}
		ip := &layers.IPv4{
			Version: 4, IHL: 5, TTL: 64, Id: uint16(i),
			SrcIP: net.IPv4(100, 64, byte(rand.Uint32()), byte(rand.Uint32())).To4(), DstIP: net.IPv4(198, 51, 100, 1).To4(),
		}
		source, destination := 1024+rand.IntN(60000), 1024+rand.IntN(60000)
		var l4 gopacket.SerializableLayer
		switch i % 4 {
		case 0, 1:
			ip.Protocol = layers.IPProtocolUDP
			udp := &layers.UDP{SrcPort: layers.UDPPort(source), DstPort: layers.UDPPort(destination)}
			_ = udp.SetNetworkLayerForChecksum(ip)
			l4 = udp
		case 2:
			ip.Protocol = layers.IPProtocolTCP
			tcp := &layers.TCP{SrcPort: layers.TCPPort(source), DstPort: layers.TCPPort(destination), SYN: true, Window: 1000}
			_ = tcp.SetNetworkLayerForChecksum(ip)
			l4 = tcp
		case 3:
			ip.Protocol = 99 // nobody's
			l4 = gopacket.Payload("junk")
		}
		frame := w.frame(ethernet, ip, l4, gopacket.Payload("nobody waits for this"))
		if err := writer.WritePacket(gopacket.CaptureInfo{CaptureLength: len(frame), Length: len(frame)}, frame); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFlood throws junk at the director's own address on the very port that the pings come in by, 100,000
// packets a second: more would be a test of veth. The interface's ring is long enough for a machine whose
// processors have other work, too: a frame that the kernel had no room for never came to the director.
func TestFlood(t *testing.T) {
	if !manyProcessors {
		t.Skip("needs two processors: a flood and a worker")
	}
	s := newSite(t)
	s.web(t)
	s.start(t, oneWorker, strings.Replace(ports(1)+webAndEcho, "iface=eth-out", "iface=eth-out,framecnt=65536", 1))
	var conn net.PacketConn
	if err := s.client.Do(func() (err error) {
		conn, err = net.ListenPacket("udp4", clientAddress+":0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	begin, stopped := time.Now(), make(chan struct{})
	go func() {
		defer close(stopped)
		batch := make([]ipv4.Message, 64)
		for i := range batch {
			batch[i] = ipv4.Message{
				Buffers: [][]byte{[]byte("nobody waits for this")},
				Addr:    &net.UDPAddr{IP: net.ParseIP(outsideAddress), Port: 20000 + i},
			}
		}
		flood := ipv4.NewPacketConn(conn)
		due, pause := time.Now(), time.Duration(len(batch))*10*time.Microsecond
		for {
			// What was missed is not made up for: that would be a burst.
			if due = due.Add(pause); time.Until(due) < -10*time.Millisecond {
				due = time.Now()
			}
			time.Sleep(time.Until(due))
			n, err := flood.WriteBatch(batch, 0)
			sent.Add(int64(n))
			if errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}()
	s.unharmed(t)
	rate := float64(sent.Load()) / time.Since(begin).Seconds() / 1e3
	_ = conn.Close()
	<-stopped
	t.Logf("%.0f kpps of junk over the wire", rate)
	if rate < 40 {
		t.Errorf("the flood was a trickle of %.0f kpps", rate)
	}
}
