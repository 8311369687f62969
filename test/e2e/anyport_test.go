package e2e

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAnyPort has virtuals for every port. Of the usual network's reals
//
//	192.0.2.10, TCP and UDP ──► a, b    asked on the port that the client chose
//	192.0.2.10:443          ──► c       a port with a virtual of its own
//	192.0.2.11              ──► c:8080  a real with one port, which takes all
func TestAnyPort(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		tcp, udp := []int{22, 443, 8080, 40000}, []int{53, 8080, 50000}
		for _, name := range threeReals {
			for _, port := range tcp {
				go accept(s.reals[name].Listen(realAddress(name, port)), (&server{name: fmt.Sprintf("%s:%d", name, port)}).answer)
			}
			for _, port := range udp {
				conn := s.reals[name].ListenUDP(realAddress(name, port))
				go answerDatagrams(conn, fmt.Sprintf("%s:%d", name, port))
			}
		}
		d := s.start(t, setup, ports(setup.queues)+`reals:
  - {name: a, address: 10.0.0.11, port: 0}
  - {name: b, address: 10.0.0.12}
  - {name: c, address: 10.0.0.13}
  - {name: fixed, address: 10.0.0.13, port: 8080}
virtuals:
  - {name: all, address: 192.0.2.10, port: 0, protocol: any, reals: [a, b], reset: pass, timers: &brief {udp-idle: 1s, close-delay: 1s}, predictor: roundrobin}
  - {name: tls, address: 192.0.2.10, port: 443, reals: [c], timers: *brief}
  - {name: one, address: 192.0.2.11, port: any, protocol: any, reals: [fixed], timers: *brief}
`)
		for _, c := range []struct {
			address    string
			network    string
			port       int
			reals      []string // that answer, each on the port
			servedPort int
		}{
			{"192.0.2.10", "tcp4", 22, []string{"a", "b"}, 22},
			{"192.0.2.10", "tcp4", 8080, []string{"a", "b"}, 8080},
			{"192.0.2.10", "tcp4", 40000, []string{"a", "b"}, 40000},
			{"192.0.2.10", "tcp4", 443, []string{"c"}, 443},
			{"192.0.2.10", "udp4", 53, []string{"a", "b"}, 53},
			{"192.0.2.10", "udp4", 50000, []string{"a", "b"}, 50000},
			{"192.0.2.11", "tcp4", 22, []string{"c"}, 8080},
			{"192.0.2.11", "tcp4", 8080, []string{"c"}, 8080},
			{"192.0.2.11", "tcp4", 443, []string{"c"}, 8080},
			{"192.0.2.11", "udp4", 9, []string{"c"}, 8080},
		} {
			got, want := tally{}, map[string]bool{}
			for _, name := range c.reals {
				want[fmt.Sprintf("%s:%d", name, c.servedPort)] = true
			}
			to := net.JoinHostPort(c.address, strconv.Itoa(c.port))
			for range 8 {
				who, err := s.who(c.network, to)
				if err != nil || !want[who] {
					t.Fatalf("%s %s is answered by %q, %v; want one of %v", c.network, to, who, err, want)
				}
				got[who]++
			}
			if setup == oneWorker && len(got) != len(want) { // of two, each has a rotation of its own
				t.Errorf("%s %s, eight times, is answered by %v; want all of %v", c.network, to, got, want)
			}
		}
		// A port of the virtual where no real listens: the real's own refusal, in the virtual's name.
		if err := s.curlRefused("http://192.0.2.10:81/"); err != nil {
			t.Errorf("a port that no real serves: %v", err)
		}
		drainedOf(d, "all", "tls", "one")
	})
}

// who is who answers one question of the client's, on a connection of its own.
func (s *site) who(network, address string) (string, error) {
	if network == "tcp4" {
		real, _, err := s.once(address, time.Now().Add(bound))
		return real, err
	}
	conn, err := s.client.Dial(context.Background(), network, address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return exchangeWith(conn)
}

// answerDatagrams answers each with a name.
func answerDatagrams(conn *net.UDPConn, name string) {
	buffer := make([]byte, 1<<16)
	for {
		_, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return // closed with the test
		}
		_, _ = conn.WriteToUDPAddrPort([]byte(name), from)
	}
}

// exchangeWith sends a datagram and returns the answer.
func exchangeWith(conn net.Conn) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(bound)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte("who?")); err != nil {
		return "", err
	}
	buffer := make([]byte, 1<<16)
	n, err := conn.Read(buffer)
	return string(buffer[:n]), err
}

// curlRefused wants curl refused by a RST at once.
func (s *site) curlRefused(url string) error {
	begin := time.Now()
	out, err := s.client.Try("curl", "--no-progress-meter", "--connect-timeout", "1.3", url)
	const code = "exit status 7" // CURLE_COULDNT_CONNECT
	if took := time.Since(begin); err == nil || !strings.Contains(err.Error(), code) || took > time.Second {
		return fmt.Errorf("curl ended after %v with %w: %s; want %s, at once", took, err, out, code)
	}
	return nil
}
