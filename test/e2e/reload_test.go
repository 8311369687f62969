package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// reload writes a new configuration and tells the director.
func (d *director) reload(config string) {
	d.t.Helper()
	if err := os.WriteFile(d.config, []byte(config), 0o644); err != nil {
		d.t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
}

// virtuals is a configuration with any number of virtuals on ports from 80 on, over the given reals.
func virtuals(queues, n int, reals ...string) string {
	var text strings.Builder
	text.WriteString(ports(queues) + "reals:\n")
	for _, name := range reals {
		fmt.Fprintf(&text, "  - {name: %s, address: %s, port: 8080}\n", name, realAddresses[name])
	}
	text.WriteString("virtuals:\n")
	for i := range n {
		fmt.Fprintf(&text, "  - {name: web%d, address: 192.0.2.10, port: %d, protocol: tcp, predictor: roundrobin, reals: [%s], timers: {half-open: 2s, close-delay: 1s}}\n",
			i, 80+i, strings.Join(reals, ", "))
	}
	return text.String()
}

// TestReload adds and removes reals and virtuals while ab runs, which must not fail a single request.
func TestReload(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		s.web(t)
		d := s.start(t, setup, virtuals(setup.queues, 1, "a", "b"))

		// Two clients, one of which keeps its connections, until told to end.
		var running sync.WaitGroup
		stop := make(chan struct{})
		for _, kept := range [][]string{nil, {"-k"}} {
			running.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						s.ab(t, 1000, append([]string{"-c", "8"}, append(kept, "http://192.0.2.10/")...)...)
					}
				}
			})
		}
		end := sync.OnceFunc(func() { close(stop); running.Wait() })
		defer end()

		taken := func(real string) float64 {
			n, _ := d.metrics().sum("connections_total", "real", real)
			return n
		}
		// follows waits until new connections go to a real, and to another no longer.
		follows := func(gets, getsNone string) {
			t.Helper()
			err := netlab.Eventually(bound, func() error {
				before, none := taken(gets), taken(getsNone)
				time.Sleep(200 * time.Millisecond)
				after, noneAfter := taken(gets), taken(getsNone)
				if after <= before || noneAfter > none {
					return fmt.Errorf("in 200 ms real %s got %v connections, real %s %v", gets, after-before, getsNone, noneAfter-none)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		follows("a", "c")
		d.reload(virtuals(setup.queues, 1, "a", "c")) // c comes, b goes
		follows("c", "b")
		d.reload(virtuals(setup.queues, 2, "b", "c")) // a goes, b returns; a second virtual
		follows("b", "a")
		if body, err := s.fetch("http://192.0.2.10:81/"); err != nil || !strings.HasPrefix(body, "real ") {
			t.Errorf("an added virtual answers %q, %v", body, err)
		}
		for i := range 10 { // and in quick succession
			d.reload(virtuals(setup.queues, 1+i%3, "a", "b", "c"))
			time.Sleep(50 * time.Millisecond)
		}
		d.reload(virtuals(setup.queues, 1, "a", "b", "c"))
		follows("a", "none")
		end()

		d.pastSilence()
		if conn, err := s.client.Dial(t.Context(), "tcp4", "192.0.2.10:81"); err == nil {
			_ = conn.Close()
			t.Error("a removed virtual still answers")
		}
		d.drained("web0")
	})
}

// TestReloadOfABadFile wants a bad file to change nothing, and to be told why.
func TestReloadOfABadFile(t *testing.T) {
	s := newSite(t)
	s.web(t)
	good := virtuals(1, 1, "a", "b")
	d := s.start(t, oneWorker, good)
	held, err := s.dial(20, "192.0.2.10:80")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}()
	d.await(20, "flows_open")

	for _, bad := range []struct{ name, config, why string }{
		{"an unknown key", strings.Replace(good, "predictor:", "prediktor:", 1), "prediktor"},
		{"not YAML", good + "}{", "linedirector.yaml"},
		{"a virtual without its real", strings.Replace(good, "reals: [a, b]", "reals: [a, nobody]", 1), "nobody"},
		{"an empty file", "", "linedirector.yaml"},
		// Devices cannot change while the program runs: also a reason, whatever the word.
		{"another device", strings.Replace(good, "iface=eth-in", "iface=eth-other", 1), "device"},
	} {
		before := len(d.Output())
		d.reload(bad.config)
		err := netlab.Eventually(bound, func() error {
			if !d.Alive() {
				return netlab.Final(fmt.Errorf("linedirector ended: %s", d.Output()))
			}
			if said := d.Output()[before:]; !strings.Contains(said, bad.why) {
				return fmt.Errorf("it does not say %q but %q", bad.why, said)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", bad.name, err)
		}
		if got := d.metrics().get(t, "flows_open"); got != 20 {
			t.Errorf("%s: %v flows are open, 20 were", bad.name, got)
		}
		if body, err := s.fetch("http://192.0.2.10/"); err != nil || !strings.HasPrefix(body, "real ") {
			t.Errorf("%s: a fetch afterwards: %q, %v", bad.name, body, err)
		}
		d.await(20, "flows_open") // the fetch's own flow has left
	}
	d.reload(virtuals(1, 1, "c"))
	err = netlab.Eventually(bound, func() error {
		if body, err := s.fetch("http://192.0.2.10/"); err != nil || body != "real c\n" {
			return fmt.Errorf("a fetch after a good file: %q, %w", body, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
