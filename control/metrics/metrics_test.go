package metrics

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var update = flag.Bool("update", false, "write the golden file anew")

// example has two workers, a real that drains under a name that is used again, and one without connections.
func example() Readings {
	worker := Worker{
		Flows: 500, Capacity: 1000, Guests: 60, Opened: 700, Closed: 200, Evicted: 3, GaveWay: 5, Translated: 8, Cut: 7, Displaced: 4, StickyHits: 21,
		ForwardPackets: 10, ReplyPackets: 20, ForwardBytes: 1000, ReplyBytes: 2000,
		Transit: 5, Refused: 6, Handed: 7, Cycles: 90000, BusyCycles: 40000, LongestStall: 0.0025,
		Polls: Polls{Seconds: 1.5, Below: []float64{1e-6, 2e-6}, Counts: []uint64{100, 20, 3}},
	}
	return Readings{
		Workers: []Worker{worker, worker},
		Bindings: []Binding{
			{"web", "a", 600, 500},
			{"web", "a", 90, 1},
			{"dns", "a", 10, 2},
			{"web", "gone", 20, 4},
		},
		Virtuals: []Virtual{{"web", 11, 12}, {"dns", 0, 1}, {"web", 2, 3}},
		States:   []string{"in-service", "failed"},
		Reals: []Real{
			{
				Name: "a", State: "failed", Ditched: 8, Silent: 13, Refused: 14, Moved: 15, Response: new(0.0125),
				Transitions: []Named{{"failed", 4}, {"in-service", 3}}, ProbeUp: new(false),
			},
			{Name: "idle", State: "in-service", ProbeUp: new(true)},
			{Name: "a", Draining: true, State: "in-service", Silent: 100, Response: new(1.0), Transitions: []Named{{"failed", 1}}},
		},
		Drops:  []Named{{"no-flow", 8}, {"tx-full", 0}},
		Punted: []Named{{"neighbour", 9}},
		Ports: []Port{{
			Name: "outside", Steering: "software", Up: true, RxPackets: 1, TxPackets: 2, RxBytes: 3, TxBytes: 4,
			RxMissed: 5, RxErrors: 6, TxErrors: 7, RxNoMbuf: 8, TxFull: 9,
		}, {Name: "inside", Steering: "hardware"}},
		Mempools: []Mempool{{"0", 100, 16384}},
		Sticky:   &Sticky{Used: 30, Capacity: 1000, GaveWay: 31, Refused: 32},
	}
}

func serve(t *testing.T, read func() Readings) *Server {
	t.Helper()
	s, err := Serve("127.0.0.1:0", read)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, s *Server) (int, string) {
	t.Helper()
	answer, err := http.Get("http://" + s.Address() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// The whole exposition: names, help, types, labels, sums. What is in the golden file operators build upon: names
// and labels may be added, but none may change.
func TestExposition(t *testing.T) {
	_, text := get(t, serve(t, example))
	text = regexp.MustCompile(`(?m)^(linedirector_control_(?:allocated_bytes|collections)_total) \S+$`).ReplaceAllString(text, "$1 0")
	file := filepath.Join("testdata", "exposition.txt")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		for line := range strings.Lines(text) {
			if !bytes.Contains(want, []byte(line)) {
				t.Errorf("+ %s", line)
			}
		}
		for line := range strings.Lines(string(want)) {
			if !strings.Contains(text, line) {
				t.Errorf("- %s", line)
			}
		}
		t.Error("the exposition is not as in the golden file (-update writes it anew)")
	}
}

// The names that were promised first, with their labels.
func TestPromisedNames(t *testing.T) {
	_, text := get(t, serve(t, example))
	for _, want := range []string{
		`linedirector_flows_open 1000`,
		`linedirector_flows_guests 120`,
		`linedirector_flows_opened_total 1400`,
		`linedirector_flows_closed_total 400`,
		`linedirector_real_connections{real="a"} 503`,
		`linedirector_real_connections{real="gone"} 4`,
		`linedirector_real_connections{real="idle"} 0`,
		`linedirector_virtual_connections{virtual="web"} 505`,
		`linedirector_connections_total{real="a",virtual="web"} 690`,
		`linedirector_packets_total{direction="forward"} 20`,
		`linedirector_packets_total{direction="reply"} 40`,
		`linedirector_bytes_total{direction="forward"} 2000`,
		`linedirector_drops_total{cause="no-flow"} 8`,
		`linedirector_handed_over_packets_total 14`,
		`linedirector_worker_busy_cycles_total{worker="1"} 40000`,
		`linedirector_worker_cycles_total{worker="0"} 90000`,
		`linedirector_worker_longest_stall_seconds{worker="0"} 0.0025`,
		`linedirector_worker_poll_seconds_bucket{worker="0",le="2e-06"} 120`,
		`linedirector_worker_poll_seconds_count{worker="1"} 123`,
		`linedirector_worker_poll_seconds_sum{worker="1"} 1.5`,
		`linedirector_flows_capacity 2000`,
		`linedirector_mbufs_in_use{socket="0"} 100`,
		`linedirector_port_packets_total{direction="rx",port="outside"} 1`,
		`linedirector_port_up{port="inside"} 0`,
		`linedirector_real_state{real="a",state="failed"} 1`,
		`linedirector_real_state{real="a",state="in-service"} 0`,
		`linedirector_real_ditched{real="a"} 8`,
		`linedirector_real_ditched_total{cause="silence",real="a"} 113`,
		`linedirector_real_ditched_total{cause="reset",real="a"} 14`,
		`linedirector_real_reassigned_total{real="a"} 15`,
		`linedirector_real_response_seconds{real="a"} 0.0125`,
		`linedirector_real_transitions_total{real="a",to="failed"} 5`,
		`linedirector_virtual_half_open{virtual="web"} 13`,
		`linedirector_virtual_no_real_total{virtual="web"} 15`,
		`linedirector_probe_up{real="idle"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// As promtool check metrics.
func TestLint(t *testing.T) {
	_, text := get(t, serve(t, example))
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Names of the operator's may hold anything.
func TestOddNames(t *testing.T) {
	odd := "a\"b\\c\nd é"
	code, text := get(t, serve(t, func() Readings { return Readings{Reals: []Real{{Name: odd}}} }))
	if want := `linedirector_real_connections{real="a\"b\\c\nd é"} 0`; code != http.StatusOK || !strings.Contains(text, want) {
		t.Errorf("%d: no %s in\n%s", code, want, text)
	}
}

func TestOnlyGetMetrics(t *testing.T) {
	s := serve(t, example)
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/metrics", 200},
		{"HEAD", "/metrics", 200},
		{"POST", "/metrics", 405},
		{"DELETE", "/metrics", 405},
		{"GET", "/", 404},
		{"GET", "/metrics/", 404},
		{"GET", "/debug/pprof/", 404},
	} {
		ask, err := http.NewRequest(tt.method, "http://"+s.Address()+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(ask)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, answer.StatusCode, tt.want)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s := serve(t, example)
	_, err := Serve(s.Address(), example)
	for _, err := range []error{err, Free(s.Address())} {
		if err == nil || !strings.Contains(err.Error(), s.Address()) || !strings.Contains(err.Error(), "in use; ") || !strings.Contains(err.Error(), "--metrics") {
			t.Errorf("%v; want place and mend", err)
		}
	}
	address := s.Address()
	s.Close()
	if err := Free(address); err != nil {
		t.Errorf("free again: %v", err)
	}
	if s, err := Serve(address, example); err != nil {
		t.Errorf("after Free: %v", err)
	} else {
		s.Close()
	}
}

// Scrapes beyond what is answered at a time are refused, not queued.
func TestBounded(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := serve(t, func() Readings {
		entered <- struct{}{}
		<-leave
		return Readings{}
	})
	var scraping sync.WaitGroup
	for range scrapes {
		scraping.Go(func() {
			if code, _ := get(t, s); code != http.StatusOK {
				t.Errorf("answered %d", code)
			}
		})
		<-entered
	}
	if code, _ := get(t, s); code != http.StatusServiceUnavailable {
		t.Errorf("one too many was answered %d", code)
	}
	close(leave)
	scraping.Wait()
}

// After Close nothing is read any more: what is read is freed next.
func TestClose(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	freed, late := false, false
	s, err := Serve("127.0.0.1:0", func() Readings {
		entered <- struct{}{}
		<-leave
		mu.Lock()
		late = late || freed
		mu.Unlock()
		return example()
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if answer, err := http.Get("http://" + s.Address() + "/metrics"); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-entered
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	select {
	case <-closed:
		t.Error("Close did not wait for a scrape that reads")
	case <-time.After(1500 * time.Millisecond): // more than Close gives scrapers
	}
	close(leave)
	<-closed
	mu.Lock()
	freed = true
	mu.Unlock()
	if _, ok := s.readings(); ok {
		t.Error("read after Close")
	}
	if _, err := net.Dial("tcp", s.Address()); err == nil {
		t.Error("it still listens")
	}
	mu.Lock()
	defer mu.Unlock()
	if late {
		t.Error("a scrape read what was freed")
	}
}

// A scrape of a large configuration does not take the machine.
func BenchmarkScrape(b *testing.B) {
	r := example()
	for i := range 1000 {
		name := fmt.Sprint("real", i)
		r.Reals = append(r.Reals, Real{Name: name, State: "in-service"})
		r.Bindings = append(r.Bindings, Binding{"web", name, 1, 1})
	}
	s, err := Serve("127.0.0.1:0", func() Readings { return r })
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		answer, err := http.Get("http://" + s.Address() + "/metrics")
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}
