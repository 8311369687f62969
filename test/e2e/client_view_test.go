package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
)

// TestClientSeesOnlyTheVirtual records everything on the client's wire while it talks to virtuals, gets
// refused, and asks for what is not there. No address of a real, no real's MAC and no port of a real may show.
func TestClientSeesOnlyTheVirtual(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		s.web(t)
		s.echo()
		config := strings.Replace(webAndEcho, "virtuals:\n", "  - {name: deaf, address: 10.0.0.11, port: 9}\nvirtuals:\n", 1)
		s.start(t, setup, ports(setup.queues)+config+`  - {name: closed, address: 192.0.2.10, port: 81, protocol: tcp, reals: [deaf], timers: {half-open: 2s, close-delay: 1s}}
  - {name: mute, address: 192.0.2.10, port: 8, protocol: udp, reals: [deaf], timers: {udp-idle: 2s}}
`)
		capture := s.client.Capture("eth0")
		s.ab(t, 300, "-c", "8", "http://192.0.2.10/")
		s.ab(t, 300, "-c", "8", "-k", "http://192.0.2.10/")
		for i := range 20 {
			conn, err := s.client.Dial(t.Context(), "udp4", "192.0.2.10:7")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := exchange(conn, 10+i); err != nil {
				t.Error(err)
			}
			_ = conn.Close()
		}
		// The real refuses: its RST must come from the virtual, its ICMP error not at all or translated.
		s.refused(t)
		capture.Stop()

		if n := capture.Count("tcp.port == 80"); n < 300*8 {
			t.Errorf("captured %d segments of port 80, expected thousands", n)
		}
		// An address in a quote inside an ICMP error matches ip.addr, too.
		for _, row := range capture.Select(strings.Join([]string{
			"ip.addr == 10.0.0.0/24",
			"arp.src.proto_ipv4 == 10.0.0.0/24 || arp.dst.proto_ipv4 == 10.0.0.0/24",
			"tcp && !(ip.addr == 192.0.2.10 && (tcp.port == 80 || tcp.port == 81))",
			"udp && ip && !icmp && !(ip.addr == 192.0.2.10 && (udp.port == 7 || udp.port == 8))",
			"tcp.port == 8080 || udp.port == 8080 || tcp.port == 9 || udp.port == 9",
		}, " || "), "frame.number", "_ws.col.Protocol", "ip.src", "ip.dst", "_ws.col.Info") {
			t.Errorf("the client sees what is not the virtual's: frame %v", row)
		}
		macs := capture.Distinct("ip.src == 192.0.2.10", "eth.src")
		if len(macs) != 1 {
			t.Errorf("packets of the virtual come from the MACs %v, want one", macs)
		}
		for name, real := range s.reals {
			if mac := real.Raw("eth0").MAC.String(); macs[mac] != 0 {
				t.Errorf("the client sees the MAC of real %s", name)
			}
		}
	})
}

// refused asks for ports that nobody listens on at the real.
func (s *site) refused(t *testing.T) {
	t.Helper()
	if conn, err := s.client.Dial(t.Context(), "tcp4", "192.0.2.10:81"); err == nil {
		_ = conn.Close()
		t.Error("a connection to a closed port was accepted")
	}
	conn, err := s.client.Dial(t.Context(), "udp4", "192.0.2.10:8")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write([]byte("anybody?"))
	_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes came from a closed port", n)
	}
}

// TestTTL wants the TTL to fall by one in both directions.
//
// The client writes a SYN with TTL 33; the real sees 32. The real's answer leaves with 64; the client sees 63.
func TestTTL(t *testing.T) {
	s := newSite(t)
	s.web(t, "a")
	s.start(t, oneWorker, ports(1)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, protocol: tcp, reals: [a]}
`)
	w, real := s.wire(t), s.reals["a"].Raw("eth0")
	ethernet, ip := w.headers(virtualAddress, layers.IPProtocolTCP)
	ip.TTL = 33
	segment := layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 1000, SYN: true, Window: 65535}
	if err := segment.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	w.Send(w.frame(ethernet, ip, &segment))
	for _, hop := range []struct {
		name string
		raw  interface {
			Receive(time.Duration, func([]byte) bool) []byte
		}
		want uint8
	}{{"the real", real, 32}, {"the client", w, 63}} {
		frame := hop.raw.Receive(2*time.Second, func(frame []byte) bool {
			_, tcp := tcpOf(frame)
			return tcp != nil && tcp.SYN && (tcp.SrcPort == 40000 || tcp.DstPort == 40000)
		})
		if frame == nil {
			t.Fatalf("no SYN came to %s", hop.name)
		}
		if ip, _ := tcpOf(frame); ip.TTL != hop.want {
			t.Errorf("%s sees TTL %d, want %d", hop.name, ip.TTL, hop.want)
		}
	}
}
