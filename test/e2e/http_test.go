package e2e

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// ab makes requests from the client with ApacheBench and wants every single one answered.
func (s *site) ab(t *testing.T, requests int, args ...string) {
	t.Helper()
	out, err := s.client.Try(append([]string{"ab", "-q", "-s", "10", "-n", strconv.Itoa(requests)}, args...)...)
	if err != nil {
		t.Errorf("ab: %v", err)
		return
	}
	if err := judgeAB(out, requests); err != nil {
		t.Errorf("ab %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// judgeAB reads ab's report.
func judgeAB(report string, requests int) error {
	for _, want := range []struct {
		line string
		n    int
	}{
		{"Complete requests", requests},
		{"Failed requests", 0},
	} {
		match := regexp.MustCompile(want.line + `: +(\d+)`).FindStringSubmatch(report)
		if match == nil || match[1] != strconv.Itoa(want.n) {
			return fmt.Errorf("%s: want %d", want.line, want.n)
		}
	}
	// These lines stand in the report only if there were any.
	for _, line := range []string{"Non-2xx responses", "Write errors", "Exceptions"} {
		if strings.Contains(report, line+":") {
			return fmt.Errorf("there are %s", line)
		}
	}
	return nil
}

// TestHTTP makes 10,000 requests with a connection each, which take turns, and 10,000 on connections that are kept, of which a
// real answers as many as its process is let to.
func TestHTTP(t *testing.T) {
	inTurns := strings.Replace(webAndEcho, "protocol: tcp", "protocol: tcp\n    predictor: roundrobin", 1)
	each(t, everySetup, func(t *testing.T, setup setup) {
		s := newSite(t)
		servers := s.web(t)
		d := s.start(t, setup, ports(setup.queues)+inTurns)

		const requests = 10_000
		s.ab(t, requests, "-c", "32", "http://192.0.2.10/")
		for name, server := range servers {
			got := server.requests(t)
			if got < requests*9/30 || got > requests*11/30 {
				t.Errorf("real %s answered %d of %d requests; three equal reals take equal shares", name, got, requests)
			}
		}

		s.ab(t, requests, "-c", "32", "-k", "http://192.0.2.10/")
		total := 0
		for _, server := range servers {
			total += server.requests(t)
		}
		if total != 2*requests {
			t.Errorf("the reals answered %d requests, want %d", total, 2*requests)
		}
		d.drained(webVirtuals...)
	})
}

// TestFirstConnection wants the very first connection after /metrics answers to be served at once: next
// hops were resolved before they were needed, so no SYN is lost.
func TestFirstConnection(t *testing.T) {
	s := newSite(t)
	s.web(t)
	s.start(t, oneWorker, ports(1)+webAndEcho)
	for i := range 3 {
		begin := time.Now()
		if body, err := s.fetch("http://192.0.2.10/"); err != nil || !strings.HasPrefix(body, "real ") {
			t.Fatalf("fetch %d: %q, %v", i, body, err)
		}
		if took := time.Since(begin); took > 900*time.Millisecond {
			t.Errorf("fetch %d took %v: a SYN was sent twice", i, took)
		}
	}
}

// TestUnresolvedClient has a client that never asked for the director by ARP, as one whose entry is older
// than the director. Nobody knows its MAC when its first SYN comes; the answer must find the way in time.
func TestUnresolvedClient(t *testing.T) {
	s := newSite(t)
	s.web(t)
	s.start(t, oneWorker, ports(1)+webAndEcho)
	mac := s.tapMAC(t, "outside")
	s.client.Run("ip", "neigh", "replace", virtualAddress, "lladdr", mac, "dev", "eth0", "nud", "permanent")
	if known := s.director.Run("ip", "neigh", "show", clientAddress); strings.Contains(known, "lladdr") {
		t.Fatalf("the director knows the client already: %s", known)
	}
	begin := time.Now()
	if body, err := s.fetch("http://192.0.2.10/"); err != nil || !strings.HasPrefix(body, "real ") {
		t.Fatalf("fetch: %q, %v", body, err)
	}
	if took := time.Since(begin); took > 900*time.Millisecond {
		t.Errorf("the fetch took %v: an answer was lost", took)
	}
}

// fetch gets a page from the client on a connection of its own.
func (s *site) fetch(url string) (string, error) {
	client := http.Client{
		Transport: &http.Transport{DialContext: s.client.Dial, DisableKeepAlives: true},
		Timeout:   10 * time.Second,
	}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// fetchMany gets a page n times, each on a connection of its own, with eight of them at a time.
func (s *site) fetchMany(t *testing.T, n int, url string) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var fetchers sync.WaitGroup
	for range 8 {
		fetchers.Go(func() {
			for left.Add(-1) >= 0 && !t.Failed() {
				if _, err := s.fetch(url); err != nil {
					t.Errorf("fetching %s: %v", url, err)
				}
			}
		})
	}
	fetchers.Wait()
}

// TestWeights gives real a three times b's weight and wants that seen by the reals themselves.
func TestWeights(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		servers := s.web(t, "a", "b")
		d := s.start(t, setup, ports(setup.queues)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080, weight: 3}
  - {name: b, address: 10.0.0.12, port: 8080, weight: 1}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, protocol: tcp, predictor: weighted, reals: [a, b], timers: {close-delay: 1s}}
`)
		const requests = 4000
		// Not by ab, which opens a few connections more than it needs.
		s.fetchMany(t, requests, "http://192.0.2.10/")
		m := d.metrics()
		for name, want := range map[string]float64{"a": 0.75, "b": 0.25} {
			answered := servers[name].requests(t)
			if share := float64(answered) / requests; math.Abs(share-want) > 0.02 {
				t.Errorf("real %s answered %.1f %% of the requests, want %.0f ± 2", name, 100*share, 100*want)
			}
			counted := m.get(t, "connections_total", "virtual", "web", "real", name)
			if counted != float64(answered) {
				t.Errorf("real %s answered %d connections, the director counts %v", name, answered, counted)
			}
		}
	})
}

// TestHeldConnections holds 1,000 connections and wants them counted as exactly that, everywhere.
func TestHeldConnections(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		const held = 1000
		s := newSite(t)
		accepted := map[string]*atomic.Int64{}
		for _, name := range s.names() {
			accepted[name] = new(atomic.Int64)
			listener := s.reals[name].Listen(realAddress(name, 8080))
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return // closed with the test
					}
					accepted[name].Add(1)
					go func() { // until the client closes
						_, _ = io.Copy(io.Discard, conn)
						_ = conn.Close()
					}()
				}
			}()
		}
		d := s.start(t, setup, ports(setup.queues)+webAndEcho)

		conns, err := s.dial(held, "192.0.2.10:80")
		defer func() {
			for _, conn := range conns {
				_ = conn.Close()
			}
		}()
		if err != nil {
			t.Fatal(err)
		}
		d.await(held, "virtual_connections", "virtual", "web")
		for range 10 {
			m := d.metrics()
			for _, name := range []string{"flows_open", "flows_opened_total", "virtual_connections", "real_connections"} {
				if got := m.get(t, name); got != held {
					t.Errorf("linedirector_%s reads %v, want exactly %d", name, got, held)
				}
			}
			for name, count := range accepted {
				if got := m.get(t, "real_connections", "real", name); got != float64(count.Load()) {
					t.Errorf("linedirector_real_connections of %s reads %v, it accepted %d", name, got, count.Load())
				}
			}
			if t.Failed() {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
		d.drained(webVirtuals...)
	})
}

// dial opens n connections from the client. It returns those that it opened also with an error.
func (s *site) dial(n int, address string) ([]net.Conn, error) {
	var conns []net.Conn
	err := s.client.Do(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for range n {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp4", address)
			if err != nil {
				return fmt.Errorf("after %d connections: %w", len(conns), err)
			}
			conns = append(conns, conn)
		}
		return nil
	})
	return conns, err
}

// TestTransfer downloads and uploads 1 GiB through the director and compares what was sent with what came.
func TestTransfer(t *testing.T) {
	mib := 1024
	if text := os.Getenv("TRANSFER_MIB"); text != "" {
		var err error
		if mib, err = strconv.Atoi(text); err != nil {
			t.Fatalf("TRANSFER_MIB: %v", err)
		}
	}
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		server := s.web(t, "a")["a"]
		d := s.start(t, setup, ports(setup.queues)+`reals:
  - {name: a, address: 10.0.0.11, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, protocol: tcp, reals: [a]}
`)
		sent := filepath.Join(server.Root, "large")
		s.client.Run("sh", "-c", fmt.Sprintf("head --bytes %dM /dev/urandom >%s", mib, sent))
		want := sum256(s.client.Run("sha256sum", sent))

		begin := time.Now()
		got := sum256(s.client.Run("sh", "-c", "curl --silent --show-error --fail --max-time 120 http://192.0.2.10/large | sha256sum"))
		t.Logf("download: %.0f MB/s", float64(mib)*1.048576/time.Since(begin).Seconds())
		if got != want {
			t.Errorf("downloaded %d MiB with sha256 %s, want %s", mib, got, want)
		}

		begin = time.Now()
		s.client.Run("curl", "--silent", "--show-error", "--fail", "--max-time", "120", "--header", "Expect:",
			"--upload-file", sent, "http://192.0.2.10/uploaded")
		t.Logf("upload: %.0f MB/s", float64(mib)*1.048576/time.Since(begin).Seconds())
		if got := sum256(s.client.Run("sha256sum", filepath.Join(server.Root, "uploaded"))); got != want {
			t.Errorf("uploaded %d MiB with sha256 %s, want %s", mib, got, want)
		}
		m := d.metrics()
		handed, packets := m.get(t, "handed_over_packets_total"), m.get(t, "packets_total")
		t.Logf("%.0f of %.0f packets were handed over", handed, packets)
		if handed > packets/20 {
			t.Errorf("%.0f of %.0f packets were handed over: a long connection is lent", handed, packets)
		}
	})
}

// sum256 is the first word that sha256sum prints.
func sum256(line string) string {
	sum, _, _ := strings.Cut(line, " ")
	return sum
}

// TestReports makes sure that a bad report of ab is seen as bad.
func TestReports(t *testing.T) {
	good := "Complete requests:      100\nFailed requests:        0\n"
	if err := judgeAB(good, 100); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"", "Complete requests:      99\nFailed requests:        0\n",
		"Complete requests:      100\nFailed requests:        1\n", good + "Non-2xx responses:      3\n",
	} {
		if judgeAB(bad, 100) == nil {
			t.Errorf("this report was taken as good: %q", bad)
		}
	}
	m, err := parseMetrics(strings.NewReader("# HELP x\nlinedirector_x{a=\"1\",b=\"q\"} 2\nlinedirector_x{a=\"2\",b=\"q\"} 3e2\nlinedirector_y 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := m.sum("x", "b", "q"); got != 302 || !ok {
		t.Errorf("sum of x is %v, %v", got, ok)
	}
	if got, ok := m.sum("x", "a", "2"); got != 300 || !ok {
		t.Errorf("sum of x with a=2 is %v, %v", got, ok)
	}
	if _, ok := m.sum("z"); ok {
		t.Error("found a metric that is not there")
	}
	if err := netlab.Eventually(time.Millisecond, func() error { return io.EOF }); err == nil {
		t.Error("what never comes was awaited")
	}
}
