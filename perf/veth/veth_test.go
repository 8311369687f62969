package main

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	s, err := parse([]string{"--balancers", "haproxy,linedirector", "--rounds", "2", "--exclusive", "/run/x.lock"})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.balancers) != 2 || s.balancers[0].name != "haproxy" || s.Rounds != 2 || s.Window != 2*time.Second || s.publish {
		t.Errorf("parsed %+v", s)
	}
	if want := "go run ./perf/veth --balancers=haproxy,linedirector --rounds=2"; s.invocation != want {
		t.Errorf("invocation %q, want %q", s.invocation, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"--balancers ipvs":            "--balancers ipvs: use some of linedirector,",
		"--balancers haproxy,haproxy": "names haproxy twice",
		"--balancers=":                "names none",
		"--rounds 0":                  "at least one",
		"--window 1500ms":             "whole seconds",
		"--connections 10":            "a multiple of 3",
		"--body 5000":                 "1 to 4096",
		"--device iface=eth9":         "given already",
		"fast":                        `unexpected argument "fast"`,
	} {
		if _, err := parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", args, err, want)
		}
	}
}

func TestParseLoad(t *testing.T) {
	c, err := parseLoad("Running 3s test\nRequests/sec: 1.00\nJSON {\"requests\": 6000, \"duration_us\": 3000000, \"p50_us\": 40, \"failed\": 2}\n")
	if err != nil || c.rate() != 2000 || c.P50 != 40 || c.Failed != 2 {
		t.Errorf("parsed %+v, %v", c, err)
	}
	for _, out := range []string{"", "JSON {", `JSON {"requests": 0, "duration_us": 3000000}`} {
		if c, err := parseLoad(out); err == nil {
			t.Errorf("%q: parsed %+v, want an error", out, c)
		}
	}
}

func TestProgramTime(t *testing.T) {
	// Fields 14 and 15; a name may hold what it likes.
	stat := "4711 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 20 0 3 0 99"
	if got, err := programTime(stat); err != nil || got != 2*time.Second {
		t.Errorf("%v, %v, want 2s", got, err)
	}
	if _, err := programTime("4711 (x) S 1"); err == nil {
		t.Error("a short line was taken")
	}
}

func TestBusyTime(t *testing.T) {
	stat := "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 1 200 5000 70 30 69 1000 0 0\ncpu1 1 0 0 0 0 0 0 0 0 0\n"
	for cpu, want := range []time.Duration{4 * time.Second, 10 * time.Millisecond} {
		if got, err := busyTime(stat, cpu); err != nil || got != want {
			t.Errorf("cpu%d: %v, %v, want %v", cpu, got, err, want)
		}
	}
	if _, err := busyTime(stat, 2); err == nil {
		t.Error("a CPU that is not there was busy")
	}
}

func TestFind(t *testing.T) {
	text := "Ip: A B\nIp: 1 2\nTcp: InSegs RetransSegs\nTcp: 10 7\n"
	if n, err := find(text, "Tcp:", "RetransSegs"); err != nil || n != 7 {
		t.Errorf("found %d, %v, want 7", n, err)
	}
	for _, missing := range [][2]string{{"Tcp:", "A"}, {"Udp:", "InSegs"}} {
		if n, err := find(text, missing[0], missing[1]); err == nil {
			t.Errorf("%v: found %d", missing, n)
		}
	}
}

// rounds have rates of one load; a rate of 0 leaves the balancer out of the round.
func rounds(rates map[string][]float64) (all []measured) {
	for name, list := range rates {
		for i, rate := range list {
			if rate > 0 {
				all = append(all, measured{Round: i + 1, Balancer: name, Loads: map[string]figure{"requests": {Rate: rate, Lost: 1}}})
			}
		}
	}
	return all
}

func TestRatio(t *testing.T) {
	// The machine was half as fast in the second round: the medians' ratio would be 100/60.
	all := rounds(map[string][]float64{"a": {100, 50, 100}, "b": {100, 50, 60}, "c": {0, 25, 0}})
	for _, c := range []struct {
		to   string
		want float64
	}{{"b", 1}, {"c", 2}, {"d", 0}} {
		if got := ratio(all, "requests", "a", c.to); got != c.want {
			t.Errorf("a to %s: %v, want %v", c.to, got, c.want)
		}
	}
}

func TestSummarise(t *testing.T) {
	all := summarise([]balancer{{name: "a"}}, rounds(map[string][]float64{"a": {10, 30, 20, 40}, "b": {1, 1, 1, 1}}))
	if f := all[0].Loads["requests"]; f.Rate != 25 || f.Lost != 4 {
		t.Errorf("rate %v, lost %d, want the median 25 and the sum 4", f.Rate, f.Lost)
	}
}

func TestBoundSays(t *testing.T) {
	for ratio, want := range map[float64]string{0: "not measured", 0.84: "missed", 0.85: "reached"} {
		if got := (bound{AtLeast: 0.85, Ratio: ratio}).says(); !strings.HasSuffix(got, want) {
			t.Errorf("%v: %s, want %s", ratio, got, want)
		}
	}
}

// TestReport draws and prints what a run of two balancers would.
func TestReport(t *testing.T) {
	s, err := parse([]string{"--balancers", "linedirector,testpmd"})
	if err != nil {
		t.Fatal(err)
	}
	r := report{Settings: &s, Rounds: rounds(map[string][]float64{"linedirector": {90}, "testpmd": {100}}), Bounds: bounds[:1]}
	r.Balancers = summarise(s.balancers, r.Rounds)
	r.Bounds[0].judge(r.Rounds)
	for name, text := range map[string]string{"text": r.text(), "markdown": r.markdown()} {
		if !strings.Contains(text, "0.90 | ≥ 0.85 | reached") {
			t.Errorf("%s lacks the bound:\n%s", name, text)
		}
	}
	if svg, err := r.plot(); err != nil || !strings.Contains(string(svg), "testpmd") {
		t.Errorf("the picture: %v", err)
	}
}
