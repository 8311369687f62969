package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	thousand := make([]time.Duration, 1000)
	for i := range thousand {
		thousand[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		name   string
		sorted []time.Duration
		p      float64
		want   span
	}{
		{"median of an even number", hundred, 0.5, 50},
		{"p99 of 100", hundred, 0.99, 99},
		{"p99.9 of 100 is the longest", hundred, 0.999, 100},
		{"p99.9 of 1000", thousand, 0.999, 999},
		{"median of three", []time.Duration{1, 2, 3}, 0.5, 2},
		{"one", []time.Duration{7}, 0.999, 7},
		{"as low as can be", hundred, 0, 1},
	} {
		if got := percentile(c.sorted, c.p); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// case1 is ten connections, one every 100 ms; the fault lasts from 300 ms to 700 ms.
func case1() []sample {
	samples := make([]sample, 10)
	for i := range samples {
		samples[i] = sample{
			Start:   time.Duration(i) * 100 * time.Millisecond,
			Connect: time.Duration(i+1) * time.Millisecond, Total: time.Duration(i+2) * time.Millisecond,
			Outcome: ok, Real: "a",
		}
	}
	samples[2].Outcome = reset                                                  // in flight
	samples[3].Outcome, samples[3].Connect = connectTimeout, 0                  // never there
	samples[4].Outcome, samples[4].Total = answerTimeout, 15*time.Second        // half way
	samples[5].Connect, samples[5].Total = 3*time.Second, 3100*time.Millisecond // rescued
	samples[5].Real = "b"
	samples[8].Outcome, samples[8].Connect = refused, 0
	return samples
}

func TestSummarise(t *testing.T) {
	s, err := summarise(case1(), 300*time.Millisecond, 700*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if s.Connections != 10 || s.Lost != 4 || s.LostBefore != 1 || s.LostAfter != 1 {
		t.Errorf("%d connections, %d lost, %d before, %d after; want 10, 4, 1, 1", s.Connections, s.Lost, s.LostBefore, s.LostAfter)
	}
	if s.LastLost != 800*time.Millisecond {
		t.Errorf("the last lost one began at %v, want 800ms", s.LastLost)
	}
	if got := s.Connect; got.Worst != span(3*time.Second) || got.P99 != span(lost) || got.P50 != span(6*time.Millisecond+time.Millisecond) {
		t.Errorf("connect %v, want a worst of 3 s, p50 of 7 ms, p99 lost", got)
	}
	if got := s.Answer; got.Worst != span(3100*time.Millisecond) || got.P50 != span(11*time.Millisecond) || got.P999 != span(lost) {
		t.Errorf("answer %v, want a worst of 3.1 s, p50 of 11 ms, p99.9 lost", got)
	}
	if a, b := s.Answered["a"], s.Answered["b"]; a != (phaseCount{2, 1, 2}) || b != (phaseCount{0, 1, 0}) {
		t.Errorf("answered by a %v, by b %v", a, b)
	}
	if s.LateStarts != 0 {
		t.Errorf("the client kept its rate, yet is %v late", s.LateStarts)
	}
	if got, want := s.how("", ""), "1 answer-timeout, 1 connect-timeout, 1 refused, 1 reset"; got != want {
		t.Errorf("lost as %q, want %q", got, want)
	}
}

func TestSummariseAllLost(t *testing.T) {
	samples := []sample{{Outcome: connectTimeout}, {Start: 1, Outcome: connectTimeout}}
	s, err := summarise(samples, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.Lost != 2 || s.Answer.Worst != 0 || s.Answer.P50 != span(lost) {
		t.Errorf("%+v, want all lost and no worst", s)
	}
	text, err := json.Marshal(s.Answer)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"p50_ns":null,"p99_ns":null,"p999_ns":null,"worst_ns":0}`; string(text) != want {
		t.Errorf("JSON %s, want %s", text, want)
	}
}

func TestSummariseRefuses(t *testing.T) {
	if _, err := summarise(nil, 0, 1); err == nil {
		t.Error("no connections, no error")
	}
	if _, err := summarise([]sample{{Outcome: ok}, {Start: 1, Outcome: failed}}, 0, 1); err == nil {
		t.Error("a connection failed on the client's machine, no error")
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "–", lost: "lost", 430 * time.Microsecond: "0.43 ms", 12 * time.Millisecond: "12 ms", 3021 * time.Millisecond: "3.02 s",
	} {
		if got := span(d).String(); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

func TestReport(t *testing.T) {
	s, err := parse([]string{"--balancers", "haproxy", "--scenarios", "silent,flaky", "--note", "A trial."})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := summarise(case1(), 300*time.Millisecond, 700*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	r := report{Settings: &s, Cases: []measured{
		{Scenario: "silent", Balancer: "haproxy", Summary: sum, samples: case1()},
		{Scenario: "flaky", Balancer: "haproxy", Summary: sum, samples: case1()},
	}}
	page := r.markdown(&s)
	for _, want := range []string{
		"**A trial.**", "### silent: One server's machine falls silent, from 5s to 20s\n",
		"| haproxy | 10 | 4 | 1 | 3.00 s | 3.10 s | 11 ms | lost | lost | 1 answer-timeout, ", "(images/rescue-flaky.svg)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	picture, err := plotScenario(&s, s.scenarios[0], r.of(s.scenarios[0]))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(picture), "haproxy: 4 of 10 lost") || !strings.Contains(string(picture), "#D0211C") {
		t.Error("the picture lacks its title or its lost connections")
	}
}
