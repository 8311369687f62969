package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// sample is one line of /metrics.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// metrics is one answer of /metrics.
type metrics []sample

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$`)
	labelPair  = regexp.MustCompile(`([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"`)
)

func parseMetrics(text io.Reader) (metrics, error) {
	var all metrics
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		match := sampleLine.FindStringSubmatch(line)
		if match == nil {
			return nil, fmt.Errorf("cannot read the metric %q", line)
		}
		value, err := strconv.ParseFloat(match[3], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", line, err)
		}
		one := sample{name: match[1], labels: map[string]string{}, value: value}
		for _, pair := range labelPair.FindAllStringSubmatch(match[2], -1) {
			one.labels[pair[1]] = pair[2]
		}
		all = append(all, one)
	}
	return all, lines.Err()
}

// scrape asks the director for its metrics.
func (d *director) scrape() (metrics, error) {
	client := http.Client{
		Transport: &http.Transport{DialContext: d.ns.Dial, DisableKeepAlives: true},
		Timeout:   5 * time.Second,
	}
	answer, err := client.Get("http://" + metricsAddress + "/metrics")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics answers %s", answer.Status)
	}
	return parseMetrics(answer.Body)
}

// metrics asks the director for its metrics, and fails the test if it gives none.
func (d *director) metrics() metrics {
	d.t.Helper()
	m, err := d.scrape()
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

// sum adds the samples of one name whose labels have the values given in pairs. The second result
// tells whether there was any.
func (m metrics) sum(name string, labels ...string) (float64, bool) {
	var total float64
	var found bool
next:
	for _, one := range m {
		if one.name != "linedirector_"+name {
			continue
		}
		for i := 0; i < len(labels); i += 2 {
			if one.labels[labels[i]] != labels[i+1] {
				continue next
			}
		}
		total += one.value
		found = true
	}
	return total, found
}

// get is sum for what must be there.
func (m metrics) get(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	value, ok := m.sum(name, labels...)
	if !ok {
		t.Fatalf("no metric linedirector_%s %v", name, labels)
	}
	return value
}

// await waits until one metric has a value, exactly.
func (d *director) await(want float64, name string, labels ...string) {
	d.t.Helper()
	err := netlab.Eventually(bound, func() error {
		m, err := d.scrape()
		if err != nil {
			return err
		}
		got, ok := m.sum(name, labels...)
		if !ok || got != want {
			return fmt.Errorf("linedirector_%s %v is %v (there: %v), want %v", name, labels, got, ok, want)
		}
		return nil
	})
	if err != nil {
		d.t.Error(err)
	}
}

// drained waits for the timers to pass and then wants every count of what is open at exactly 0, and as
// many flows closed as were opened.
func (d *director) drained(virtuals ...string) {
	d.t.Helper()
	d.await(0, "flows_open")
	for _, name := range virtuals {
		d.await(0, "virtual_connections", "virtual", name)
	}
	for _, name := range d.reals {
		d.await(0, "real_connections", "real", name)
	}
	m := d.metrics()
	opened, closed := m.get(d.t, "flows_opened_total"), m.get(d.t, "flows_closed_total")
	if opened == 0 || opened != closed {
		d.t.Errorf("%v flows were opened and %v closed; want as many, and some", opened, closed)
	}
}

// String is for messages: all of it that is not 0.
func (m metrics) String() string {
	var text strings.Builder
	for _, one := range m {
		if one.value != 0 && strings.HasPrefix(one.name, "linedirector_") {
			fmt.Fprintf(&text, "%s%v %v\n", one.name, one.labels, one.value)
		}
	}
	return text.String()
}
