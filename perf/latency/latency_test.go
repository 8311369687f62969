package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linedirector/conf"
)

func TestParse(t *testing.T) {
	s, err := parse([]string{"--rounds", "2", "--rate", "1000"})
	if err != nil || s.rounds != 2 || s.rate != 1000 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"--flows 0", "--flows 1000000", "--rounds 0", "--window 10ms", "--control 1", "more"} {
		if _, err := parse(strings.Fields(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// TestDirectorArgs: the director takes the configuration that is written for it.
func TestDirectorArgs(t *testing.T) {
	dir := t.TempDir()
	s, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := directorArgs(&s, dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "director.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conf.Parse("director.yaml", text); err != nil {
		t.Error(err)
	}
}

// TestQuieten: a process whose threads keep to no CPU alone has nothing to quieten.
func TestQuieten(t *testing.T) {
	const none = 1023
	if _, err := quieten(os.Getpid(), none); err == nil || !strings.Contains(err.Error(), "CPU 1023") {
		t.Errorf("no thread keeps to CPU %d: %v", none, err)
	}
	if _, err := quieten(-1, 0); err == nil {
		t.Error("no process, no error")
	}
}

// TestReport: what is added is the median of the rounds' differences, not the difference of medians.
func TestReport(t *testing.T) {
	var one result
	if err := json.Unmarshal([]byte(`{"requests": {"sent": 1000, "received_per_second": 2e6, "lost": 0,
		"latency_us": {"p50": 2, "p90": 5, "p99": 9, "p99_9": 20, "max": 30}},
		"answers": {"lost": 1, "latency_us": {"p50": 4, "p90": 10, "p99": 19, "p99_9": 40}}, "errors": {"behind": 10}}`), &one); err != nil {
		t.Fatal(err)
	}
	with := func(p50, p999 float64) result {
		r := one
		r.Requests.Latency.P50, r.Requests.Latency.P999 = p50, p999
		return r
	}
	r := report{Rate: 2_000_000, Flows: 5, Most: []float64{4e6}, Programs: []measured{
		{"linedirector", []result{with(9, 800), with(9, 800), with(9, 800)}},
		{"the worker alone", []result{with(9, 500), with(4, 60), with(5, 70)}},
		{"testpmd io", []result{one, one, one}},
		{"testpmd macswap", []result{with(8, 350), with(2, 20), with(1, 10)}},
	}}
	if len(r.Programs) != len(programs) {
		t.Fatal("not all programs")
	}
	for _, want := range []string{
		"| the worker alone | 5.0 | 5.0 | 9.0 | 70.0 | 60.0 | 4.0 | 19.0 | 40.0 | 40.0 | 0.100 % | 1.000 % |", "half of what the director forwarded", "4.00 M",
		"| the worker alone, beyond testpmd macswap | 2.0 | 0.0 | 0.0 | 60.0 | 50.0 |",
		"p50 2.0 µs (must: at most 10, reached), p99.9 in the quietest rounds 50.0 µs (must: at most 100, reached)",
	} {
		if text := r.markdown(); !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if text := r.text(); !strings.Contains(text, "beyond testpmd macswap") {
		t.Error(text)
	}
	svg, err := r.plot()
	if err != nil || !strings.Contains(string(svg), "the worker alone") || !strings.Contains(string(svg), "100 ms") {
		t.Errorf("the picture: %v", err)
	}
	late := one
	if late.Errors.Behind = 100; one.disturbed() || !late.disturbed() {
		t.Errorf("%v is disturbed, or %v is not", &one, &late)
	}
	if said := one.String(); !strings.Contains(said, "2.00 M requests/s") || !strings.Contains(said, "1 of 1000 lost, 10 unsent") {
		t.Error(said)
	}
}
