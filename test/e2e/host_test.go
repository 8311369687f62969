package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
)

// TestPingAndARP asks the director's own addresses and a virtual's from both sides: Linux answers, by
// way of the taps.
func TestPingAndARP(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		s.start(t, setup, ports(setup.queues)+webAndEcho)
		for _, address := range []string{outsideAddress, virtualAddress} {
			s.client.Run("ping", "-q", "-c", "20", "-i", "0.02", "-W", "1", address)
			s.client.Run("ping", "-q", "-c", "3", "-i", "0.02", "-W", "1", "-s", "1400", address)
		}
		s.reals["b"].Run("ping", "-q", "-c", "20", "-i", "0.02", "-W", "1", insideAddress)

		w := s.wire(t)
		port := s.tapMAC(t, "outside")
		for _, address := range []string{outsideAddress, virtualAddress} {
			if mac := w.resolve(address); mac.String() != port {
				t.Errorf("ARP for %s is answered with %v, want the port's %s", address, mac, port)
			}
		}
		if mac := w.resolve("192.0.2.77"); mac != nil {
			t.Errorf("ARP for an address that nobody has is answered with %v", mac)
		}
	})
}

// tapMAC is the MAC of a port's tap.
func (s *site) tapMAC(t *testing.T, port string) string {
	t.Helper()
	var links []struct{ Address string }
	if err := json.Unmarshal([]byte(s.director.Run("ip", "-json", "link", "show", port)), &links); err != nil || len(links) != 1 {
		t.Fatalf("tap %s: %v, %v", port, links, err)
	}
	return links[0].Address
}

// TestUnknown sends a segment that belongs to no connection to a virtual that refuses and to one that
// keeps silent, before and after the first seconds, in which the director keeps silent by design.
func TestUnknown(t *testing.T) {
	s := newSite(t)
	d := s.start(t, oneWorker, ports(1)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080}
virtuals:
  - {name: refuses, address: 192.0.2.10, port: 80, protocol: tcp, unknown: rst, reals: [a]}
  - {name: silent, address: 192.0.2.10, port: 81, protocol: tcp, unknown: drop, reals: [a]}
`)
	w := s.wire(t)
	// probe returns the RST that answers a lone ACK, or nil.
	probe := func(port layers.TCPPort, source layers.TCPPort, patience time.Duration) *layers.TCP {
		w.Send(w.tcp(virtualAddress, layers.TCP{SrcPort: source, DstPort: port, Seq: 1111, Ack: 2222, ACK: true}, "stray"))
		var answer *layers.TCP
		w.Receive(patience, func(frame []byte) bool {
			ip, tcp := tcpOf(frame)
			if tcp != nil && tcp.SrcPort == port && tcp.DstPort == source && ip.SrcIP.String() == virtualAddress {
				answer = tcp
			}
			return answer != nil
		})
		return answer
	}
	if time.Since(d.forwarding) < 1500*time.Millisecond {
		if probe(80, 42000, 200*time.Millisecond) != nil {
			t.Error("a stray segment was answered in the first seconds after the start")
		}
	}
	d.pastSilence()
	if rst := probe(80, 42001, 2*time.Second); rst == nil {
		t.Error("unknown: rst: no answer to a stray segment")
	} else if !rst.RST || rst.Seq != 2222 {
		// RFC 9293 §3.10.7.1: the RST takes its sequence number from the ACK field.
		t.Errorf("unknown: rst: the answer is %+v, want RST with sequence number 2222", rst)
	}
	if answer := probe(81, 42002, 500*time.Millisecond); answer != nil {
		t.Errorf("unknown: drop: the answer is %+v, want none", answer)
	}
	if got, _ := d.metrics().sum("drops_total"); got == 0 {
		t.Errorf("no drop is counted:\n%v", d.metrics())
	}
	if got := d.metrics().get(t, "flows_open"); got != 0 {
		t.Errorf("%v flows are open, stray segments open none", got)
	}
}

// TestKernelKeepsSilent makes sure that the director's kernel, which hears the interfaces of af_packet ports
// as well, neither answers a client nor learns from it there.
func TestKernelKeepsSilent(t *testing.T) {
	s := newSite(t)
	s.web(t)
	s.start(t, oneWorker, ports(1)+webAndEcho)
	s.ab(t, 500, "-c", "8", "http://192.0.2.10/")
	w := s.wire(t)
	if w.router.String() != s.tapMAC(t, "outside") {
		t.Errorf("ARP is answered with %v, not with the port's MAC", w.router)
	}
	// One answer to a question, not a second one by the kernel.
	w.Send(w.tcp(virtualAddress, layers.TCP{SrcPort: 43000, DstPort: 80, Seq: 5, SYN: true}, ""))
	answers := 0
	w.Receive(700*time.Millisecond, func(frame []byte) bool {
		_, tcp := tcpOf(frame)
		if tcp != nil && tcp.DstPort == 43000 {
			answers++
			if tcp.RST {
				t.Error("the kernel reset a connection to a virtual")
			}
		}
		return false
	})
	if answers == 0 {
		t.Error("no answer to a SYN")
	}
	neighbours := s.director.Run("ip", "neigh", "show", "dev", "eth-out")
	if strings.Contains(neighbours, clientAddress) {
		t.Errorf("the kernel learned the client on the port's interface: %s", neighbours)
	}
	if out := s.director.Run("sysctl", "-n", "net.ipv6.conf.eth-out.disable_ipv6"); strings.TrimSpace(out) != "1" {
		t.Errorf("IPv6 is on at the port's interface")
	}
}
