package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"linedirector/dpdk"
	"linedirector/perf/generator/traffic"
)

// rings are the ring devices net_ring0 and up: a device is gone once it was closed, so each run has its own, and under
// -count the last rounds find none. DPDK has 32 devices at most.
const rings = 31

// TestMain starts EAL once for all tests, on memory without hugepages: net_ring0 and up give back what is sent,
// net_null0 swallows it. Without a director, what a client sends comes back to the same device, where the virtual's
// address makes it a server's.
func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	runtime.LockOSThread()
	args := []string{"--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "256", "--file-prefix", fmt.Sprintf("generatortest%d", os.Getpid()), "--vdev", "net_null0,no-rx=1"}
	for n := range rings {
		args = append(args, "--vdev", fmt.Sprintf("net_ring%d", n))
	}
	if err := dpdk.Init(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := dpdk.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

var nextRing int

// ring is a device that was not used yet.
func ring(t *testing.T) string {
	t.Helper()
	if nextRing == rings {
		t.Skip("every ring device was used")
	}
	nextRing++
	return fmt.Sprintf("net_ring%d", nextRing-1)
}

// course plays once on a ring of its own.
func course(t *testing.T, flags ...string) *report {
	t.Helper()
	s, err := parseFlags(append([]string{
		"--client-device", ring(t), "--virtual", "192.0.2.10:80", "--next-hop", "02:00:00:00:00:01",
		"--mbufs", "4095", "--warm-up", "20ms", "--duration", "200ms", "--flows", "100", "--rate", "2000",
	}, flags...))
	if err != nil {
		t.Fatal(err)
	}
	var r *report
	if err := play(s, io.Discard, keep(&r)); err != nil {
		t.Fatal(err)
	}
	return r
}

// keep takes the report.
func keep(to **report) func(*report) error {
	return func(r *report) error {
		*to = r
		return nil
	}
}

// TestCourse plays each mode over DPDK: nothing is lost, and no mbuf is.
func TestCourse(t *testing.T) {
	for name, flags := range map[string][]string{
		"udp":   {"--echo", "--imix", "simple"},
		"tcp":   {"--mode", "tcp", "--echo", "--distribution", "zipf"},
		"churn": {"--mode", "churn", "--rate", "500", "--size", "300"},
	} {
		t.Run(name, func(t *testing.T) {
			r := course(t, flags...)
			if r.Requests.Sent < 90 || r.Requests.Received != r.Requests.Sent || r.Requests.Lost != 0 || r.Requests.Latency.Count != r.Requests.Received {
				t.Errorf("requests %+v", r.Requests)
			}
			if r.Answers == nil || r.Answers.Received != r.Requests.Sent || r.Answers.Latency.P50 < r.Requests.Latency.P50 {
				t.Errorf("answers %+v", r.Answers)
			}
			if name == "churn" && (r.Connections == nil || r.Connections.Opened < 90 || r.Connections.Completed < r.Connections.Opened || r.Connections.Failed != 0) {
				t.Errorf("connections %+v", r.Connections)
			}
			e := r.Errors
			if e.Behind = 0; e != (errorCounts{}) {
				t.Errorf("errors %+v", e)
			}
			if q := r.Requests; q.ReceivedPerSecond < q.SentPerSecond/2 || q.ReceivedPerSecond > 1.1*q.SentPerSecond || q.BitsPerSecond < 480*q.SentPerSecond*0.9 {
				t.Errorf("rates %+v", q)
			}
			if r.Seconds < 0.2 || r.Seconds > 2 {
				t.Errorf("measured %v s", r.Seconds)
			}
		})
	}
}

// TestSwallowed sends to a device that gives nothing back: all is lost, and it ends.
func TestSwallowed(t *testing.T) {
	s, err := parseFlags([]string{
		"--client-device", "net_null0", "--virtual", "192.0.2.10:80", "--next-hop", "02:00:00:00:00:01", "--blind",
		"--mbufs", "4095", "--warm-up", "0s", "--duration", "20ms", "--grace", "1ms", "--open-rate", "0",
	})
	if err != nil {
		t.Fatal(err)
	}
	var r *report
	if err := play(s, io.Discard, keep(&r)); err != nil {
		if strings.Contains(err.Error(), "find device") {
			t.Skip("the device is gone once it was closed")
		}
		t.Fatal(err)
	}
	if r.Requests.Sent == 0 || r.Requests.Lost != r.Requests.Sent || r.Requests.LossRatio != 1 {
		t.Errorf("%+v", r.Requests)
	}
}

// TestJSON wants the fields that programs read: they are added, not renamed.
func TestJSON(t *testing.T) {
	r := course(t, "--mode", "churn", "--rate", "500")
	file := t.TempDir() + "/result.json"
	if err := r.writeFile(file, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	flat := map[string]any{}
	var flatten func(prefix string, m map[string]any)
	flatten = func(prefix string, m map[string]any) {
		for k, v := range m {
			if sub, ok := v.(map[string]any); ok {
				flatten(prefix+k+".", sub)
			} else {
				flat[prefix+k] = v
			}
		}
	}
	flatten("", got)
	for _, name := range strings.Fields(`version seconds settings.mode settings.flows settings.distribution settings.rate settings.lengths settings.seed
		settings.next_hop settings.virtuals requests.sent requests.sent_per_second requests.bits_per_second requests.received requests.received_per_second
		requests.lost requests.loss_ratio requests.duplicates requests.reordered requests.late requests.latency_us.count requests.latency_us.mean
		requests.latency_us.p50 requests.latency_us.p90 requests.latency_us.p99 requests.latency_us.p99_9 requests.latency_us.p99_99
		requests.latency_us.p99_999 requests.latency_us.max answers.received answers.latency_us.p50 connections.opened connections.completed
		connections.completed_per_second connections.failed connections.reset connections.timed_out connections.most_open connections.cut
		connections.connect_us.p50 connections.complete_us.p99_9 flows.asked flows.seen_by_servers flows.unopened errors.behind
		errors.bad_checksum errors.malformed errors.misdelivered errors.resets errors.rx_missed errors.rx_no_mbuf`) {
		if _, ok := flat[name]; !ok {
			t.Errorf("no field %s; there are %v", name, slices.Sorted(maps.Keys(flat)))
		}
	}
	var back report
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(&back, r) {
		t.Errorf("it is not read as it was written: %v\n%+v\n%+v", err, back, *r)
	}
	var out strings.Builder
	if err := r.writeFile("-", &out); err != nil || out.String() != string(text) {
		t.Errorf("standard output got %q, %v", out.String(), err)
	}
	if err := r.writeFile(t.TempDir()+"/none/x.json", nil); err == nil {
		t.Error("a folder that is not there")
	}
}

// TestTable wants in the table what a person looks for.
func TestTable(t *testing.T) {
	r := &report{
		Settings: inputs{Mode: "churn", Flows: 7, Distribution: "zipf", Skew: 1.5, Lengths: "60:1"}, Seconds: 10,
		Requests:    direction{Sent: 1000000, SentPerSecond: 1e5, Received: 999990, Lost: 10, LossRatio: 0.00001, Latency: times{P99999: 77.25}},
		Answers:     &direction{Sent: 1000000, Received: 1000000},
		Connections: &connections{Opened: 500, OpenedPerSecond: 50, Failed: 3, Reset: 1, TimedOut: 2},
		Flows:       flowCounts{Asked: 7, Seen: 6, Unopened: 1}, Errors: errorCounts{Misdelivered: 2},
	}
	text := r.table()
	for _, want := range []string{
		"churn, 7 flows, zipf (skew 1.5), frames 60:1, 10.000 s", "0.00100 %", "p99.999", "77.2", "500 opened (50 /s)", "3 failed (1 by RST, 2 timed out)",
		"6 of 7 seen", "1 could not be opened", "2 answers to a client that had not asked",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if text := (&report{}).table(); !strings.Contains(text, "no errors") || strings.Contains(text, "NaN") {
		t.Error(text)
	}
}

// TestProgressLine shows rates between two readings, and begins anew with a phase.
func TestProgressLine(t *testing.T) {
	const hz = 1_000_000
	s := &settings{}
	before := &reading{at: 5 * hz, counters: traffic.Counters{Phase: traffic.Measuring, Frames: 1000, Received: 500, Sent: 1000}}
	now := &reading{at: 7 * hz, counters: traffic.Counters{Phase: traffic.Measuring, Frames: 4001000, Received: 20500, Sent: 4001000}, delay: 300, delays: 20}
	now.there.Received = 4000995
	line := progressLine(s, before, now, hz)
	for _, want := range []string{"measuring", "sent  2.00 M/s", "received  10.0 k/s", "latency 15.0 µs", "outstanding or lost 5"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in %q", want, line)
		}
	}
	before.counters.Phase = traffic.WarmingUp
	if line := progressLine(s, before, now, hz); !strings.Contains(line, "sent  2.00 M/s") { // all of it is new
		t.Error(line)
	}
	if line := progressLine(s, &reading{}, now, hz); !strings.Contains(line, "sent       –/s") {
		t.Error(line)
	}
	s.traffic.Mode = traffic.Churn
	now.counters.Connections = traffic.Connections{Opened: 30, Reset: 1, TimedOut: 2}
	if line := progressLine(s, &reading{at: 6 * hz, counters: before.counters}, now, hz); !strings.Contains(line, "failed 3") {
		t.Error(line)
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0 ", 7: "7 ", 999: "999 ", 999.6: "1.00 k", 9996: "10.0 k", 123456: "123 k", 14_880_952: "14.9 M", 5e12: "5000 G"} {
		if got := short(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
	if math.IsNaN((&report{}).perSecond(1)) {
		t.Error("a rate of no time")
	}
}

// TestInterrupt stops a long run as Ctrl-C does, and ends its lingering by another one.
func TestInterrupt(t *testing.T) {
	s, err := parseFlags([]string{
		"--client-device", ring(t), "--virtual", "192.0.2.10:80", "--next-hop", "02:00:00:00:00:01",
		"--mbufs", "4095", "--duration", "1h", "--rate", "100", "--progress", "--linger",
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	interrupt := func() { _ = self.Signal(os.Interrupt) }
	shown := &waiter{"measuring": interrupt, "generator: idle": interrupt}
	go func() { done <- play(s, shown, func(*report) error { return nil }) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
}

// waiter does something when a text is written to it, once.
type waiter map[string]func()

func (w *waiter) Write(b []byte) (int, error) {
	for text, do := range *w {
		if strings.Contains(string(b), text) {
			delete(*w, text)
			do()
		}
	}
	return len(b), nil
}
