package e2e

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMaxConnsExact has 10,000 connections attempted, 250 at a time, to a real that takes 100: the server itself counts
// how many it has, and never has one more. Two workers, which must agree on the last place.
//
// A server's count is at most the director's: it counts a connection later, and ends it sooner, when it has read the
// client's FIN and before it sends its own.
func TestMaxConnsExact(t *testing.T) {
	const limit, clients, attempts = 100, 250, 10_000
	setup := widest()
	s := newSiteOf(t, threeReals[:1])
	d := s.start(t, setup, ports(setup.queues)+fmt.Sprintf(`reals:
  - {name: a, address: 10.0.0.11, port: 8080, maxconns: %d}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a], no-real: rst, timers: {close-delay: 1s}}
`, limit))
	d.pastSilence() // in which it refuses nobody
	var open, most, served, turnedAway atomic.Int64
	full := make(chan struct{}) // closed once there were so many: the first ones wait for each other
	fill := sync.OnceFunc(func() { close(full) })
	go accept(s.reals["a"].Listen(realAddress("a", 8080)), func(conn net.Conn) {
		defer conn.Close()
		now := open.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		if now >= limit {
			fill()
		}
		<-full
		if _, err := fmt.Fprintln(conn, "a"); err == nil {
			_, _ = bufio.NewReader(conn).ReadString('\n') // until the client's FIN
		}
		open.Add(-1)
	})

	var running sync.WaitGroup
	left := atomic.Int64{}
	left.Store(attempts)
	failures := make(chan error, clients)
	attempt := func() error {
		conn, err := net.DialTimeout("tcp4", "192.0.2.10:80", patience)
		if refused(err) {
			turnedAway.Add(1)
			return nil
		} else if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			return err
		}
		served.Add(1)
		return nil
	}
	for range clients {
		running.Go(func() {
			err := s.client.Do(func() error {
				for left.Add(-1) >= 0 {
					if err := attempt(); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				failures <- err
			}
		})
	}
	running.Wait()
	fill()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	t.Logf("of %d connections %d were served and %d refused; the server had %d at most", attempts, served.Load(), turnedAway.Load(), most.Load())
	if most.Load() != limit || turnedAway.Load() == 0 {
		t.Errorf("the server had %d connections at most, and %d were refused; want exactly %d, and some", most.Load(), turnedAway.Load(), limit)
	}
	drainedOf(d, "web")
}
