package e2e

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"
)

// TestSlowStart takes one of three reals out of service and puts it back, while clients of three virtuals want it: in turn,
// by a hash, and by connections that stay. Its share rises linearly over the ramp, s from 0 to 1, and so it gets
//
//	roundrobin  of its turns s, and of all connections s/(2+s)
//	hash        of its clients s, and of all connections s/3
//	leastconns  every connection as long as it has less than s times those of each other real, and no other one
//
// Each connection is judged by when it began and when it was open, between which it was scheduled, so that a slow machine
// changes nothing. The first two are taken for binomial, which the turns are less than; the bounds are 5.5 standard deviations off: one
// false alarm in 10⁷ for each of ten. For leastconns each choice is judged, but for those that a handful of connections would
// change: those of the other two virtuals that are open just then. One worker, as workers count one another's connections a millisecond late.
//
// SLOW_START=30s makes the ramp longer.
func TestSlowStart(t *testing.T) {
	ramp, err := time.ParseDuration(cmp.Or(os.Getenv("SLOW_START"), "4s"))
	if err != nil || ramp < time.Second {
		t.Fatalf("SLOW_START: %v, want at least 1s", err)
	}
	s := newSite(t)
	s.serve(t)
	d := s.start(t, oneWorker, ports(1)+realsOf(threeReals)+fmt.Sprintf(`virtuals:
  - {name: turns, address: 192.0.2.10, port: 81, slow-start: %[1]v, reals: &all [a, b, c], predictor: roundrobin}
  - {name: hashed, address: 192.0.2.10, port: 82, slow-start: %[1]v, reals: *all, predictor: hash, hash: {of: endpoint}}
  - {name: least, address: 192.0.2.10, port: 83, slow-start: %[1]v, reals: *all}
`, ramp))
	events := s.follow(t, d)
	d.set("b", "out-of-service")
	s.portsFrom(10)
	// Of those that stay 400 are there before, and 800 come during the ramp: enough that b can follow.
	before := tallyOf(s.hold(t, 400, "192.0.2.10:83"))
	turns := s.steady(t, "192.0.2.101", "192.0.2.10:81", 200, false)
	hashed := s.steady(t, "192.0.2.102", "192.0.2.10:82", 200, false)
	least := s.steady(t, "192.0.2.103", "192.0.2.10:83", 800/ramp.Seconds(), true)
	d.set("b", "in-service")
	back := events.await(bound, 1, "b", "in-service").Time
	time.Sleep(time.Until(back.Add(ramp + ramp/4))) // the ramp itself is what is measured
	r := ramped{Ramp: ramp.Seconds(), Before: before}
	r.Turns, r.Hashed, r.Least = turns.stop(t, back), hashed.stop(t, back), least.stop(t, back)

	for _, c := range []struct {
		name  string
		all   []scheduled
		share func(s float64) float64
	}{
		{"roundrobin", r.Turns, func(s float64) float64 { return s / (2 + s) }},
		{"hash", r.Hashed, func(s float64) float64 { return s / 3 }},
	} {
		for part := range 5 { // four of the ramp, and one after it
			least, most, variance, got, n := 0.0, 0.0, 0.0, 0, 0
			for _, one := range c.all {
				if at := int(math.Floor(4 * one.From / r.Ramp)); at != part {
					continue
				}
				low, high := c.share(r.portion(one.From)), c.share(r.portion(one.To))
				least, most, variance, n = least+low, most+high, variance+max(low*(1-low), high*(1-high)), n+1
				if one.Real == "b" {
					got++
				}
			}
			off := 5.5*math.Sqrt(variance) + 1
			t.Logf("%s, quarter %d: b got %d of %d connections, in theory %.1f to %.1f", c.name, part+1, got, n, least, most)
			if float64(got) < least-off || float64(got) > most+off {
				t.Errorf("%s, quarter %d: b got %d of %d connections, want %.1f to %.1f ± %.1f", c.name, part+1, got, n, least, most, off)
			}
		}
	}
	r.judgeLeast(t)
	publish(t, "slow-start", r)
}

// scheduled is a connection: between when and when it was scheduled, in seconds from the real's return on, and who got it.
type scheduled struct {
	From, To float64
	Real     string
}

// ramped is what TestSlowStart measures.
type ramped struct {
	Ramp                 float64 // seconds
	Before               tally   // connections of least that were open before
	Turns, Hashed, Least []scheduled
}

// portion is s.
func (r *ramped) portion(at float64) float64 { return min(max(at/r.Ramp, 0), 1) }

// judgeLeast looks at each choice of leastconns.
func (r *ramped) judgeLeast(t *testing.T) {
	t.Helper()
	const handful = 4
	judged := map[bool]int{}
	conns := map[string]float64{}
	for name, n := range r.Before {
		conns[name] = float64(n)
	}
	for i, one := range r.Least {
		fewest, most := min(conns["a"], conns["c"])-handful, max(conns["a"], conns["c"])+handful
		switch due := conns["b"] + 1; {
		case due+handful < r.portion(one.From)*fewest:
			judged[true]++
			if one.Real != "b" {
				t.Fatalf("leastconns, connection %d, %.3f s after b's return: %s got it, and b has %v, others %v and %v", i, one.From, one.Real, conns["b"], conns["a"], conns["c"])
			}
		case due-handful > r.portion(one.To)*most:
			judged[false]++
			if one.Real == "b" {
				t.Fatalf("leastconns, connection %d, %.3f s after b's return: b got it, and has %v, others %v and %v", i, one.From, conns["b"], conns["a"], conns["c"])
			}
		}
		conns[one.Real]++
	}
	t.Logf("leastconns: in the end the reals have %v connections; that many choices were judged: %v", conns, judged)
	if mean := (conns["a"] + conns["b"] + conns["c"]) / 3; math.Abs(conns["b"]-mean) > 2*handful {
		t.Errorf("after the ramp b has %v connections, the mean is %.1f", conns["b"], mean)
	}
}

// steady opens connections one after the other, at a steady rate, in the name of one client.
type steady struct {
	all     []scheduled
	began   time.Time
	err     error
	halt    chan struct{}
	running sync.WaitGroup
}

// steady begins with so many connections a second; they are answered, and then closed if they are not to be kept until
// the end of the test.
func (s *site) steady(t *testing.T, from, address string, rate float64, keep bool) *steady {
	t.Helper()
	s.client.Run("ip", "address", "add", from+"/24", "dev", "eth0")
	st := &steady{halt: make(chan struct{}), began: time.Now()}
	var kept []net.Conn
	t.Cleanup(func() {
		st.stop(t, time.Time{})
		for _, conn := range kept {
			_ = conn.Close()
		}
	})
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), Timeout: patience}
	one := func() (scheduled, error) {
		begin := time.Since(st.began).Seconds()
		conn, err := dialer.Dial("tcp4", address)
		if err != nil {
			return scheduled{}, err
		}
		c := scheduled{From: begin, To: time.Since(st.began).Seconds()}
		if c.Real, err = ask(conn, time.Now().Add(patience)); err == nil && keep {
			kept = append(kept, conn)
			return c, nil
		}
		_ = conn.Close()
		return c, err
	}
	st.running.Go(func() {
		st.err = s.client.Do(func() error {
			ticker := time.NewTicker(time.Duration(float64(time.Second) / rate))
			defer ticker.Stop()
			for {
				select {
				case <-st.halt:
					return nil
				case <-ticker.C:
					c, err := one()
					if err != nil {
						return err
					}
					st.all = append(st.all, c)
				}
			}
		})
	})
	return st
}

// stop ends it, and returns those that may have been scheduled from a moment on, by which they are timed.
func (st *steady) stop(t *testing.T, from time.Time) []scheduled {
	t.Helper()
	select {
	case <-st.halt:
	default:
		close(st.halt)
	}
	st.running.Wait()
	if st.err != nil {
		t.Fatal(st.err)
	}
	shift := from.Sub(st.began).Seconds()
	var some []scheduled
	for _, c := range st.all {
		if c.To > shift {
			some = append(some, scheduled{c.From - shift, c.To - shift, c.Real})
		}
	}
	return some
}
