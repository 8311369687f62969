package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestTupleTaken has one client use one port for connections to three virtuals on the same reals. The reals cannot tell them
// apart: so each goes to another real as long as there is one, and then comes from another port of the client's (SPEC.md
// section 3). All of them live side by side; and likewise for UDP, from one socket.
//
//	client 192.0.2.100:23456 ──► 192.0.2.10:80, 192.0.2.10:81, 192.0.2.11:80 ──► a, b, c     three reals for three
//	client 192.0.2.100:23556 ──► 192.0.2.12:80, 192.0.2.12:81, 192.0.2.13:80 ──► a           one for all
func TestTupleTaken(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		for _, name := range threeReals { // answers who it is and from where it was asked
			go answerWithSource(s.reals[name].ListenUDP(realAddress(name, 8080)), name)
			go accept(s.reals[name].Listen(realAddress(name, 8080)), func(conn net.Conn) {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					fmt.Fprintf(conn, "%s %v\n", name, conn.RemoteAddr())
				}
			})
		}
		d := s.start(t, setup, ports(setup.queues)+realsOf(threeReals)+`virtuals:
  - {name: one, address: 192.0.2.10, port: 80, reals: &three [a, b, c], timers: &brief {udp-idle: 1s, close-delay: 1s}}
  - {name: two, address: 192.0.2.10, port: 81, reals: *three, timers: *brief}
  - {name: three, address: 192.0.2.11, port: 80, reals: *three, timers: *brief}
  - {name: dns, address: 192.0.2.10, port: 53, protocol: udp, reals: *three, timers: *brief}
  - {name: dns-too, address: 192.0.2.11, port: 53, protocol: udp, reals: *three, timers: *brief}
  - {name: narrow-one, address: 192.0.2.12, port: 80, reals: &one [a], timers: *brief}
  - {name: narrow-two, address: 192.0.2.12, port: 81, reals: *one, timers: *brief}
  - {name: narrow-three, address: 192.0.2.13, port: 80, reals: *one, timers: *brief}
  - {name: narrow-dns, address: 192.0.2.12, port: 53, protocol: udp, reals: *one, timers: *brief}
  - {name: narrow-dns-too, address: 192.0.2.13, port: 53, protocol: udp, reals: *one, timers: *brief}
`)
		cases := []struct {
			name, address, other string // of its virtuals
			port                 int    // of the client's
			machines             int    // that the connections come to
			translated           float64
			all                  []held
		}{
			{name: "another real", address: "192.0.2.10", other: "192.0.2.11", port: 23456, machines: 3},
			{name: "another port", address: "192.0.2.12", other: "192.0.2.13", port: 23556, machines: 1, translated: 2},
		}
		translated := 0.0
		for i := range cases {
			c := &cases[i]
			reals, sources := map[string]bool{}, map[string]bool{}
			for _, address := range []string{c.address + ":80", c.address + ":81", c.other + ":80"} {
				h, err := s.from(clientAddress, c.port, address)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				t.Cleanup(func() { _ = h.Close() })
				c.all = append(c.all, h)
				var real, source string
				if _, err := fmt.Sscan(h.real, &real, &source); err != nil {
					t.Fatal(err)
				}
				if host, _, _ := net.SplitHostPort(source); host != clientAddress || sources[real+source] {
					t.Errorf("%s: real %s was asked from %s; want the client's address, and a port that no other connection has", c.name, real, source)
				}
				reals[real], sources[real+source] = true, true
			}
			if len(reals) != c.machines {
				t.Errorf("%s: the connections came to %v, want %d reals", c.name, reals, c.machines)
			}
			translated += c.translated
			d.await(translated, "flows_translated_total")
			s.sameSocket(t, c.port+1, c.address+":53", c.other+":53", c.machines)
			translated += c.translated / 2 // the second one of UDP
		}
		for range 3 { // side by side
			alive(t, append(cases[0].all, cases[1].all...))
		}
		// The ones in the middle end, and begin again, while the others go on.
		for _, c := range cases {
			_ = c.all[1].Close()
		}
		d.await(4, "flows_open")
		for _, c := range cases {
			again, err := s.from(clientAddress, c.port, c.address+":81")
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			t.Cleanup(func() { _ = again.Close() })
			c.all[1] = again
			alive(t, c.all)
		}
		for _, c := range cases {
			for _, h := range c.all {
				_ = h.Close()
			}
		}
		drainedOf(d, "one", "two", "three", "narrow-one", "narrow-two", "narrow-three")
	})
}

// sameSocket asks two virtuals for UDP from one socket, in turn, and wants each answered in its own name: by a real of its
// own, or, of one machine, by the same one which sees another port of the client's.
func (s *site) sameSocket(t *testing.T, port int, first, second string, machines int) {
	t.Helper()
	socket := s.client.ListenUDP(fmt.Sprintf("%s:%d", clientAddress, port))
	seen := map[string]string{} // by virtual: who answers, and whom it sees
	for range 3 {
		for _, address := range []string{first, second} {
			to := netip.MustParseAddrPort(address)
			if err := socket.SetDeadline(time.Now().Add(bound)); err != nil {
				t.Fatal(err)
			}
			if _, err := socket.WriteToUDPAddrPort([]byte("who?"), to); err != nil {
				t.Fatal(err)
			}
			buffer := make([]byte, 1<<16)
			n, from, err := socket.ReadFromUDPAddrPort(buffer)
			answer := string(buffer[:n])
			if err != nil || netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != to {
				t.Fatalf("%s is answered by %v, %v", address, from, err)
			}
			if before := seen[address]; before != "" && before != answer {
				t.Errorf("%s is answered by %q, and then by %q", address, before, answer)
			}
			seen[address] = answer
		}
	}
	one, two := seen[first], seen[second]
	if one == two || (one[0] == two[0]) != (machines == 1) {
		t.Errorf("one socket's datagrams to two virtuals were answered by %q and %q", one, two)
	}
}

// answerWithSource answers each datagram with a name, and from where it came.
func answerWithSource(conn *net.UDPConn, name string) {
	buffer := make([]byte, 1<<16)
	for {
		_, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return // closed with the test
		}
		_, _ = conn.WriteToUDPAddrPort(fmt.Appendf(nil, "%s %v", name, from), from)
	}
}
