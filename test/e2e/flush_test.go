package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// cut wants a connection reset by the other side.
func cut(conn net.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(bound)); err != nil {
		return err
	}
	n, err := conn.Read(make([]byte, 1))
	if !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("reading brings %d bytes, %w; want it reset", n, err)
	}
	return nil
}

// keeping are a real's servers that keep connections, and know how each of them ended.
type keeping struct {
	ended chan error // of each connection but those that the client closed
}

// keep serves on all reals, port 8080.
func (s *site) keep(t *testing.T) map[string]*keeping {
	t.Helper()
	all := map[string]*keeping{}
	for _, name := range s.names() {
		k := &keeping{ended: make(chan error, 1000)}
		all[name] = k
		go accept(s.reals[name].Listen(realAddress(name, 8080)), func(conn net.Conn) {
			defer conn.Close()
			buffer := make([]byte, 4096)
			for {
				if _, err := conn.Read(buffer); errors.Is(err, io.EOF) {
					return
				} else if err != nil {
					k.ended <- err
					return
				}
				if _, err := fmt.Fprintln(conn, name); err != nil {
					k.ended <- err
					return
				}
			}
		})
	}
	return all
}

// talk has connections busy: each asks as fast as it is answered, until it fails. It returns the errors' channel.
func talk(conns []held) chan error {
	ended := make(chan error, len(conns))
	for _, h := range conns {
		go func() {
			for {
				if _, err := ask(h, time.Now().Add(bound)); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	return ended
}

// allReset wants so many ends of connections reset.
func allReset(t *testing.T, what string, ended <-chan error, n int) {
	t.Helper()
	for i := range n {
		select {
		case err := <-ended:
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: end %d was told %v, want it reset", what, i, err)
			}
		case <-time.After(bound):
			t.Fatalf("%s: %d of %d ends were not reset", what, n-i, n)
		}
	}
}

// TestFlush cuts live connections, busy and idle ones, by RST to both ends, and no others: those of a real, then those of a
// virtual, then those of a real that was removed from the configuration and drains. curl, which waits for the end of a page,
// is told, too.
//
//	client ──► 192.0.2.10:80 (web)   ──► a, b, c    10 idle and 2 busy connections to each, curl, and a flush of a, then of web
//	       ──► 192.0.2.10:81 (other) ──► a, b, c    10 idle ones to each, and a flush of c, which is none of the site's then
func TestFlush(t *testing.T) {
	setup := widest()
	s := newSite(t)
	servers := s.keep(t)
	config := func(reals ...string) string {
		return ports(setup.queues) + realsOf(reals) + fmt.Sprintf(`virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: &all [%s], predictor: roundrobin, timers: {close-delay: 2s}}
  - {name: other, address: 192.0.2.10, port: 81, reals: *all, predictor: roundrobin, timers: {close-delay: 2s}}
`, strings.Join(reals, ", "))
	}
	d := s.start(t, setup, config(threeReals...))
	s.portsFrom(10)
	web := s.hold(t, 30, "192.0.2.10:80")
	busy := s.hold(t, 6, "192.0.2.10:80")
	s.portsFrom(20)
	other := s.hold(t, 30, "192.0.2.10:81")
	s.portsFrom(30)
	curl := s.client.Start("curl", "--no-progress-meter", "--max-time", "60", "--http0.9", "http://192.0.2.10:80/") // waits for more
	const all = 30 + 6 + 30 + 1
	d.await(all, "flows_open")
	curls := ""
	for _, f := range show[shownFlow](d, "flow", "--virtual", "web") {
		if strings.HasPrefix(f.Client, clientAddress+":3") {
			curls = f.Real
		}
	}
	asked := map[string]chan error{}
	for _, name := range threeReals {
		asked[name] = talk(of(busy, name))
	}
	// held are so many connections, idle, busy and curl's, of a virtual and a real.
	count := func(idle []held, real string) int {
		n := len(of(idle, real))
		if &idle[0] == &web[0] {
			n += len(of(busy, real))
			if curls == real {
				n++
			}
		}
		return n
	}
	// left wants exactly these connections, by the director's own counts, as soon as one of them is right.
	left := func(webs, others int, reals map[string]int) {
		t.Helper()
		d.await(float64(webs+others), "real_connections")
		for name, n := range reals {
			if got := d.showReals()[name].Connections; got != n {
				t.Errorf("real %s has %d connections, want %d", name, got, n)
			}
		}
		if got := d.showVirtual("web").Connections; got != webs {
			t.Errorf("virtual web has %d connections, want %d", got, webs)
		}
		if got := d.showVirtual("other").Connections; got != others {
			t.Errorf("virtual other has %d connections, want %d", got, others)
		}
	}
	told := func(what string, conns []held) {
		t.Helper()
		for _, h := range conns {
			if err := cut(h); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}

	onA := count(web, "a") + count(other, "a")
	if out, want := d.ldctl("flush", "real", "a"), fmt.Sprintf("real a: %d connections cut\n", onA); out != want {
		t.Errorf("ldctl flush says %q, want %q", out, want)
	}
	left(37-count(web, "a"), 30-count(other, "a"), map[string]int{
		"a": 0, "b": count(web, "b") + count(other, "b"), "c": count(web, "c") + count(other, "c"),
	})
	told("an idle connection to the real that was flushed", append(of(web, "a"), of(other, "a")...))
	allReset(t, "clients that asked real a", asked["a"], len(of(busy, "a")))
	allReset(t, "real a", servers["a"].ended, onA)
	alive(t, append(of(web, "b"), of(web, "c")...))
	alive(t, append(of(other, "b"), of(other, "c")...))
	if real, _, err := s.once("192.0.2.10:80", time.Now().Add(bound)); err != nil {
		t.Errorf("after a flush a new connection comes to %q, %v", real, err)
	}
	d.await(float64(37-count(web, "a")), "virtual_connections", "virtual", "web")

	d.ldctl("flush", "virtual", "web")
	left(0, 30-count(other, "a"), map[string]int{"a": 0, "b": count(other, "b"), "c": count(other, "c")})
	for _, name := range []string{"b", "c"} {
		told("an idle connection of the virtual that was flushed", of(web, name))
		allReset(t, "clients that asked real "+name, asked[name], len(of(busy, name)))
		allReset(t, "real "+name, servers[name].ended, count(web, name))
	}
	alive(t, append(of(other, "b"), of(other, "c")...))
	if code, err := curl.Wait(bound); err != nil || code != 56 { // CURLE_RECV_ERROR
		t.Errorf("curl, at real %s, ended with %d, %v; want 56, connection reset: %s", curls, code, err, curl.Output())
	}

	// A real that is removed drains: its connections stay, until somebody cuts them.
	d.reload(config("a", "b"))
	d.eventually(func() error {
		if c := d.showReals()["c"]; !c.Draining || c.Connections != count(other, "c") {
			return fmt.Errorf("removed, real c is %+v; want it draining, with %d connections", c, count(other, "c"))
		}
		return nil
	})
	for range 4 {
		if real, _, err := s.once("192.0.2.10:81", time.Now().Add(bound)); err != nil || real == "c" {
			t.Errorf("after real c was removed a new connection comes to %q, %v", real, err)
		}
	}
	alive(t, append(of(other, "b"), of(other, "c")...))
	d.ldctl("flush", "real", "c")
	told("a connection to a real that drains", of(other, "c"))
	allReset(t, "real c, which drains", servers["c"].ended, count(other, "c"))
	alive(t, of(other, "b"))
	for _, h := range of(other, "b") {
		_ = h.Close()
	}
	d.reload(config(threeReals...)) // so that all can be asked
	drainedOf(d, "web", "other")
}

// TestDrain waits by ldctl until a real's last connection has ended.
func TestDrain(t *testing.T) {
	setup := widest()
	s := newSite(t)
	s.serve(t)
	d := s.start(t, setup, ports(setup.queues)+realsOf(threeReals)+`virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a, b, c], predictor: roundrobin, slow-start: off, timers: {close-delay: 1s}}
`)
	all := s.hold(t, 30, "192.0.2.10:80")
	drain := s.director.Start(ldctl, "drain", "real", "b", "--wait", "--socket", d.socket)
	d.awaitState("b", "maintenance")
	for range 6 {
		if real, _, err := s.once("192.0.2.10:80", time.Now().Add(bound)); err != nil || real == "b" {
			t.Errorf("a new connection came to %q while it drains, %v", real, err)
		}
	}
	onB := of(all, "b")
	alive(t, onB)
	for _, h := range onB[1:] {
		_ = h.Close()
	}
	d.await(1, "real_connections", "real", "b")
	if !drain.Alive() {
		t.Fatalf("ldctl drain ended with a connection open: %s", drain.Output())
	}
	_ = onB[0].Close()
	if code, err := drain.Wait(bound); err != nil || code != 0 {
		t.Errorf("ldctl drain --wait ended with %d, %v: %s", code, err, drain.Output())
	}
}

// TestExpiry: under `expiry: rst` both ends are told when a connection has been idle for too long; by default neither.
func TestExpiry(t *testing.T) {
	setup := widest()
	s := newSite(t)
	servers := s.keep(t)
	d := s.start(t, setup, ports(setup.queues)+realsOf(threeReals)+`virtuals:
  - {name: told, address: 192.0.2.10, port: 80, reals: [a], expiry: rst, timers: {idle: 1s, close-delay: 1s}}
  - {name: silent, address: 192.0.2.10, port: 81, reals: [b], timers: {idle: 1s, close-delay: 1s}}
`)
	told, silent := s.hold(t, 10, "192.0.2.10:80"), s.hold(t, 10, "192.0.2.10:81")
	for _, h := range told {
		if err := cut(h); err != nil {
			t.Errorf("an idle connection: %v", err)
		}
	}
	allReset(t, "real a", servers["a"].ended, len(told))
	drainedOf(d, "told", "silent")
	for _, h := range silent {
		if err := h.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if _, err := h.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("an idle connection that was to end in silence ended by %v", err)
		}
	}
	select {
	case err := <-servers["b"].ended:
		t.Errorf("the server's end of a connection that was to end in silence ended by %v", err)
	default:
	}
}

// eventually is netlab.Eventually within the usual bound, for what must come true.
func (d *director) eventually(f func() error) {
	d.t.Helper()
	if err := netlab.Eventually(bound, f); err != nil {
		d.t.Fatal(err)
	}
}
