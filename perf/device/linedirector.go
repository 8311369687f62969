package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const metricsAddress = "127.0.0.1:9489"

// reading is what a run of the director showed.
type reading struct {
	mpps    float64 // transmitted by the device
	dropped float64 // share of the frames received, over the window
}

// director is a running one.
type director struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan error
}

// start runs the director on a device and waits until it forwards.
func start(s *settings, dir, device string, flows int) (*director, error) {
	config := filepath.Join(dir, "director.yaml")
	if err := writeConfig(config, device); err != nil {
		return nil, err
	}
	d := &director{ended: make(chan error, 1)}
	d.cmd = exec.Command(s.director, "--config", config, "--poll", "busy", "--metrics", metricsAddress, "--log-level", "warn",
		"--lcores", strconv.Itoa(s.worker), "--control-lcores", strconv.Itoa(s.control),
		"--burst", strconv.Itoa(s.burst), "--flows", strconv.Itoa(tableFlows(flows)), "--mbufs", strconv.Itoa(mbufs(flows)))
	d.cmd.Stdout, d.cmd.Stderr = &d.output, &d.output
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := scrape(); err == nil {
			return d, nil
		}
		select {
		case err := <-d.ended:
			return nil, fmt.Errorf("linedirector %w: %w: %s", errEnded, err, d.output.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			d.stop()
			return nil, fmt.Errorf("linedirector did not become ready: %s", d.output.String())
		}
	}
}

func (d *director) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	if err := <-d.ended; err != nil {
		note("linedirector did not end well: %v: %s", err, d.output.String())
	}
}

// runDirector measures between two scrapes, once every flow is open.
func runDirector(s *settings, dir, capture string, flows int) (reading, error) {
	d, err := start(s, dir, "net_pcap0,rx_pcap="+capture+",infinite_rx=1", flows)
	if err != nil {
		return reading{}, err
	}
	defer d.stop()
	time.Sleep(s.window / 4) // warm up: an infinite source has no other beginning
	before, err := scrape()
	if err != nil {
		return reading{}, err
	}
	time.Sleep(s.window)
	after, err := scrape()
	if err != nil {
		return reading{}, err
	}
	if open := after.value("linedirector_flows_open", ""); int(open) != flows {
		return reading{}, fmt.Errorf("%v flows are open", open)
	}
	sent := after.value("linedirector_port_packets_total", `direction="tx"`) - before.value("linedirector_port_packets_total", `direction="tx"`)
	received := after.value("linedirector_port_packets_total", `direction="rx"`) - before.value("linedirector_port_packets_total", `direction="rx"`)
	drops := after.value("linedirector_drops_total", "") - before.value("linedirector_drops_total", "")
	return reading{sent / after.at.Sub(before.at).Seconds() / 1e6, drops / received}, nil
}

// scraped is one answer of the metrics listener.
type scraped struct {
	at   time.Time
	text string
}

func scrape() (scraped, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metricsAddress+"/metrics", nil)
	if err != nil {
		return scraped{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return scraped{}, err
	}
	defer res.Body.Close()
	at := time.Now()
	text, err := io.ReadAll(res.Body)
	return scraped{at, string(text)}, err
}

// value sums a metric over all its labels, or those that hold a given one.
func (s scraped) value(name, label string) (sum float64) {
	for line := range strings.Lines(s.text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' || !strings.Contains(rest, label) {
			continue
		}
		fields := strings.Fields(rest)
		v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			fmt.Fprintf(os.Stderr, "device: not a metric: %q\n", line)
			continue
		}
		sum += v
	}
	return sum
}
