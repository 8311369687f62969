package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestClasses sends clients elsewhere by who they are, in the order of SPEC.md section 1: a virtual with the port and the
// client's class, one with the port and for all, one for every port and the class, one for every port and all. Of two classes
// the one with the longer prefix is the client's.
//
//	class lab      198.51.100.0/24     100.5
//	class bench    198.51.100.128/25   100.200
//	class nobody   198.51.101.0/24     101.5    without a virtual of its own
//	class 0        all others          102.5
//
// Reals a, b and c are machines that answer on every port that is asked for here.
func TestClasses(t *testing.T) {
	setup := widest()
	s := newSite(t)
	for _, name := range threeReals {
		for _, port := range []int{80, 81, 82} {
			go accept(s.reals[name].Listen(realAddress(name, port)), (&server{name: name}).answer)
		}
	}
	s.manyClients("198.51.100.0/22")
	config := ports(setup.queues) + behindClient("198.51.100.0/22") + `secure: true
classes:
  - {name: lab, clients: [198.51.100.0/24]}
  - {name: bench, clients: [198.51.100.128/25]}
  - {name: nobody, clients: [198.51.101.0/24]}
reals:
  - {name: a, address: 10.0.0.11, port: 0}
  - {name: b, address: 10.0.0.12, port: 0}
  - {name: c, address: 10.0.0.13, port: 0}
virtuals:
  - {name: web-lab, address: 192.0.2.10, port: 80, class: lab, reals: [a]}
  - {name: web-bench, address: 192.0.2.10, port: 80, class: bench, reals: [b]}
  - {name: web, address: 192.0.2.10, port: 80, reals: [c]}
  - {name: only-all, address: 192.0.2.10, port: 81, reals: [b]}
  - {name: any-lab, address: 192.0.2.10, port: 0, protocol: tcp, class: lab, reals: [a]}
  - {name: any, address: 192.0.2.10, port: 0, protocol: tcp, reals: [c]}
`
	d := s.start(t, setup, config)
	const lab, bench, anyone, other = "198.51.100.5", "198.51.100.200", "198.51.101.5", "198.51.102.5"
	for _, c := range []struct {
		client string
		port   int
		want   string
		why    string
	}{
		{lab, 80, "a", "its class"},
		{bench, 80, "b", "the longer prefix"},
		{other, 80, "c", "no class"},
		{anyone, 80, "c", "a class that has no virtual there"},
		{lab, 81, "b", "the port for all is before every port for the class"},
		{bench, 81, "b", "the port for all"},
		{lab, 82, "a", "every port for its class"},
		{bench, 82, "c", "every port for all: there is none for its class"},
		{other, 82, "c", "every port for all"},
	} {
		if real := s.realFor(t, c.client, fmt.Sprintf("192.0.2.10:%d", c.port)); real != c.want {
			t.Errorf("client %s came to %s at port %d, want %s: %s", c.client, real, c.port, c.want, c.why)
		}
	}
	// A live connection outlives the change of its client's class, on whichever worker it is.
	var live []held
	for range 8 {
		live = append(live, s.hold1(t, lab, "192.0.2.10:80"))
	}
	d.reload(strings.Replace(config, "clients: [198.51.100.0/24]", "clients: [198.51.102.0/24]", 1))
	d.eventually(func() error {
		if real := s.realFor(t, other, "192.0.2.10:80"); real != "a" {
			return fmt.Errorf("client %s comes to %s after it has joined the class, want a", other, real)
		}
		return nil
	})
	if real := s.realFor(t, lab, "192.0.2.10:80"); real != "c" {
		t.Errorf("client %s comes to %s after it has left the class, want c", lab, real)
	}
	alive(t, live)
	for _, h := range live {
		if h.real != "a" {
			t.Errorf("a connection of client %s came to %s, want a", lab, h.real)
		}
	}
}

// TestSecure: what is for a virtual's address, but for none of its ports, is the kernel's, which refuses it; under secure
// it is met with silence, and counted. Neither concerns ping, nor the addresses of the ports themselves.
func TestSecure(t *testing.T) {
	setup := widest()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("secure %v", secure), func(t *testing.T) {
			s := newSite(t)
			s.serve(t)
			// A service of the director's own machine, on all its addresses.
			go accept(s.director.Listen("0.0.0.0:2222"), (&server{name: "director"}).answer)
			d := s.start(t, setup, ports(setup.queues)+fmt.Sprintf("secure: %v\n", secure)+webAndEcho)
			for _, address := range []string{virtualAddress, outsideAddress} {
				s.client.Run("ping", "-q", "-c", "3", "-i", "0.02", "-W", "1", address)
				if err := s.curlRefused(fmt.Sprintf("http://%s:99/", address)); (err == nil) == (secure && address == virtualAddress) {
					t.Errorf("a port of %s that nobody serves: %v", address, err)
				}
			}
			for _, c := range []struct {
				address string
				answers bool
			}{
				{virtualAddress + ":80", true},
				{outsideAddress + ":2222", true},
				{virtualAddress + ":2222", !secure},
			} {
				real, _, err := s.once(c.address, time.Now().Add(time.Second))
				if (err == nil) != c.answers {
					t.Errorf("%s is answered by %q, %v; want an answer: %v", c.address, real, err, c.answers)
				}
			}
			// UDP: nothing tells the client, in secrecy; else the kernel's ICMP does.
			conn, err := s.client.Dial(t.Context(), "udp4", virtualAddress+":99")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 1)); refused(err) == secure {
				t.Errorf("a datagram to a port that nobody serves ended so: %v; want it refused: %v", err, !secure)
			}
			// Three at least: of the SYNs to two ports, repeated, and the datagram.
			if n, _ := d.metrics().sum("drops_total", "cause", "secure"); secure != (n >= 3) || !secure && n != 0 {
				t.Errorf("%v packets were dropped as secure", n)
			}
		})
	}
}
