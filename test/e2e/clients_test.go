package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// server is a real's program: it answers each line by the real's name. Its machine is told to be well or ill by
// fault_test.go.
type server struct {
	s        *site
	name     string
	listener net.Listener // of its present life
	accepted atomic.Int64
}

// serve runs a server on each of the site's reals, on port 8080.
func (s *site) serve(t *testing.T) map[string]*server {
	t.Helper()
	servers := map[string]*server{}
	for _, name := range s.names() {
		servers[name] = &server{s: s, name: name}
		servers[name].start()
	}
	return servers
}

// start opens the port.
func (sv *server) start() {
	sv.listener = sv.s.reals[sv.name].Listen(realAddress(sv.name, 8080))
	listener := sv.listener
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed by stop, or with the test
			}
			sv.accepted.Add(1)
			go sv.answer(conn)
		}
	}()
}

// stop closes the port; connections go on. Those that wait to be accepted would be reset with it, so there are none.
func (sv *server) stop(t *testing.T) {
	t.Helper()
	sv.s.ail(t, sv.name, refusing)
	err := netlab.Eventually(bound, func() error {
		out, err := sv.s.reals[sv.name].Try("ss", "-Hltn", "sport", "8080")
		if fields := strings.Fields(out); err != nil || len(fields) < 2 || fields[1] != "0" {
			return fmt.Errorf("connections wait to be accepted: %q, %w", out, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = sv.listener.Close()
	sv.s.ail(t, sv.name, "")
}

// answer goes on until the client closes.
func (sv *server) answer(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if _, err := fmt.Fprintln(conn, sv.name); err != nil {
			return
		}
	}
}

// ask sends a line and returns the name that is the answer.
func ask(conn net.Conn, deadline time.Time) (string, error) {
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(conn, "who?"); err != nil {
		return "", err
	}
	name, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(name), err
}

// patience is how long a client waits before it takes a connection for lost.
const patience = 15 * time.Second

// connection is one of a client's, from its opening to its end.
type connection struct {
	begin   time.Time
	connect time.Duration // until it was open
	real    string        // who answered
	err     error         // it was lost
}

// clients open connections to one endpoint at a steady rate, however slow they are. Each asks once and closes.
type clients struct {
	s       *site
	address string
	begun   atomic.Int64
	ended   atomic.Int64
	halt    chan struct{}
	open    sync.WaitGroup

	mu  sync.Mutex
	all []connection
}

// clients begins with so many connections a second, until stop.
func (s *site) clients(t *testing.T, address string, rate int) *clients {
	c := &clients{s: s, address: address, halt: make(chan struct{})}
	c.open.Go(func() {
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		defer ticker.Stop()
		for {
			select {
			case <-c.halt:
				return
			case <-ticker.C:
				c.begun.Add(1)
				c.open.Go(c.one)
			}
		}
	})
	t.Cleanup(func() { c.stop() })
	return c
}

func (c *clients) one() {
	one := connection{begin: time.Now()}
	one.real, one.connect, one.err = c.s.once(c.address, one.begin.Add(patience))
	c.mu.Lock()
	c.all = append(c.all, one)
	c.mu.Unlock()
	c.ended.Add(1)
}

// once is one connection of the client's: who answered, and how long it took to connect.
func (s *site) once(address string, deadline time.Time) (real string, connect time.Duration, err error) {
	begin := time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	conn, err := s.client.Dial(ctx, "tcp4", address)
	if err != nil {
		return "", 0, err
	}
	defer conn.Close()
	connect = time.Since(begin)
	real, err = ask(conn, deadline)
	return real, connect, err
}

// more waits until so many further connections have begun, and ended, one way or another.
func (c *clients) more(t *testing.T, n int) {
	t.Helper()
	begun, ended := c.begun.Load()+int64(n), c.ended.Load()+int64(n)
	err := netlab.Eventually(2*patience, func() error {
		if c.begun.Load() < begun || c.ended.Load() < ended {
			return fmt.Errorf("%d connections have begun and %d ended", c.begun.Load(), c.ended.Load())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stop opens no more connections, waits for the end of those that are open, and returns all in the order in which they
// began.
func (c *clients) stop() []connection {
	c.mu.Lock()
	select {
	case <-c.halt:
	default:
		close(c.halt)
	}
	c.mu.Unlock()
	c.open.Wait()
	slices.SortFunc(c.all, func(a, b connection) int { return a.begin.Compare(b.begin) })
	return c.all
}

// unharmed wants all connections answered and none opened later than the bound, and tells how it was.
func unharmed(t *testing.T, all []connection, worst time.Duration) {
	t.Helper()
	lost, late, slowest := 0, 0, time.Duration(0)
	var why error
	for _, c := range all {
		switch {
		case c.err != nil:
			lost, why = lost+1, c.err
		case c.connect > 900*time.Millisecond:
			late++
		}
		slowest = max(slowest, c.connect)
	}
	t.Logf("%d connections: %d lost, %d rescued, worst connect time %v", len(all), lost, late, slowest.Round(time.Millisecond))
	if lost > 0 {
		t.Errorf("%d of %d connections were lost, the last one: %v", lost, len(all), why)
	}
	if len(all) == 0 || slowest > worst {
		t.Errorf("of %d connections one was open only after %v, want some and %v at most", len(all), slowest, worst)
	}
}

// between are the connections that began in a span of time.
func between(all []connection, from, to time.Time) []connection {
	var some []connection
	for _, c := range all {
		if !c.begin.Before(from) && c.begin.Before(to) {
			some = append(some, c)
		}
	}
	return some
}

// shareOf is a real's part of the connections that were answered, from 0 to 1; NaN if there were none.
func shareOf(all []connection, real string) float64 {
	n, answered := 0, 0
	for _, c := range all {
		if c.err == nil {
			answered++
			if c.real == real {
				n++
			}
		}
	}
	return float64(n) / float64(answered)
}

// refused tells whether a RST answered the SYN.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// hold opens n connections to an endpoint and keeps them; each has been answered once. They are closed with the test.
func (s *site) hold(t *testing.T, n int, address string) []held {
	t.Helper()
	conns, err := s.dial(n, address)
	t.Cleanup(func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]held, n)
	for i, conn := range conns {
		real, err := ask(conn, time.Now().Add(bound))
		if err != nil {
			t.Fatalf("connection %d of %d is open but not answered: %v", i, n, err)
		}
		all[i] = held{conn, real}
	}
	return all
}

// held is an open connection and who answers on it.
type held struct {
	net.Conn
	real string
}

// of are those that a real answers.
func of(all []held, real string) []held {
	var some []held
	for _, h := range all {
		if h.real == real {
			some = append(some, h)
		}
	}
	return some
}

// alive wants all of them answered, by whom they were before.
func alive(t *testing.T, all []held) {
	t.Helper()
	for _, h := range all {
		if real, err := ask(h, time.Now().Add(bound)); err != nil || real != h.real {
			t.Errorf("an open connection to real %s is answered by %q, %v", h.real, real, err)
		}
	}
}

// slowSYNs has the client repeat its SYNs after 1, 3, 7 seconds, as kernels before 6.5 do: with those there are more.
func (s *site) slowSYNs() {
	s.client.Run("sysctl", "-eqw", "net.ipv4.tcp_syn_linear_timeouts=0")
}
