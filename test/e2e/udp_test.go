package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// TestUDP makes 1,000 exchanges of a datagram and its echo, from 100 sockets, and loses none.
func TestUDP(t *testing.T) {
	each(t, everySetup, func(t *testing.T, setup setup) {
		s := newSite(t)
		s.echo()
		d := s.start(t, setup, ports(setup.queues)+webAndEcho)

		const sockets, rounds = 100, 10
		var conns []net.Conn
		err := s.client.Do(func() error {
			for range sockets {
				// Connected, so that the kernel takes answers from nowhere but the virtual.
				conn, err := net.Dial("udp4", "192.0.2.10:7")
				if err != nil {
					return err
				}
				conns = append(conns, conn)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		answered := map[string]int{}
		served := make([]string, sockets)
		for round := range rounds {
			for i, conn := range conns {
				real, err := exchange(conn, 1+(round*sockets+i)%1470)
				if err != nil {
					t.Fatalf("exchange %d of socket %d: %v", round, i, err)
				}
				if round > 0 && real != served[i] {
					t.Fatalf("socket %d was answered by %s, then by %s", i, served[i], real)
				}
				served[i] = real
				answered[real]++
			}
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
		if len(answered) != 3 {
			t.Errorf("answers came from %v, want all three reals", answered)
		}
		if got := d.metrics().get(t, "connections_total", "virtual", "echo"); got != sockets {
			t.Errorf("the director counts %v connections of UDP, want %d", got, sockets)
		}
		d.drained(webVirtuals...)
	})
}

// exchange sends a random datagram and wants it back, behind the name of the real that answers.
func exchange(conn net.Conn, size int) (string, error) {
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	if _, err := conn.Write(sent); err != nil {
		return "", err
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	buffer := make([]byte, 1<<16)
	n, err := conn.Read(buffer)
	if err != nil {
		return "", err
	}
	name, echo, ok := bytes.Cut(buffer[:n], []byte(":"))
	if !ok || !bytes.Equal(echo, sent) {
		return "", fmt.Errorf("%d bytes came back, not the %d that were sent", n, size)
	}
	return string(name), nil
}
