package main

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"linedirector/perf/replay"
)

// reading is what a run of the director showed.
type reading struct {
	mpps    float64 // transmitted by the device
	dropped float64 // share of the frames received, over the window
	handed  float64 // the same
	opened  float64 // flows a second
}

// running is a director at work.
type running struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan error
}

// start runs the director on a device and waits until it forwards.
func start(s *settings, dir, device string, c *measured) (*running, error) {
	config := filepath.Join(dir, "director.yaml")
	if err := replay.WriteConfig(config, device, replay.Others{}); err != nil {
		return nil, err
	}
	d := &running{ended: make(chan error, 1)}
	d.cmd = exec.Command(s.director, "--config", config, "--poll", "busy", "--metrics", replay.MetricsAddress, "--log-level", "warn",
		"--lcores", join(s.cpus(c.Workers)), "--control-lcores", strconv.Itoa(s.control), "--control-socket", "off",
		"--burst", strconv.Itoa(c.Burst), "--flows", strconv.Itoa(tableFlows(c)), "--mbufs", strconv.Itoa(mbufs(c)))
	d.cmd.Stdout, d.cmd.Stderr = &d.output, &d.output
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	for deadline := time.Now().Add(longest); ; {
		if _, err := replay.Scrape(); err == nil {
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

// join lists CPUs as --lcores takes them.
func join(cpus []int) string {
	cpus = slices.Sorted(slices.Values(cpus))
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(cpus), " ", ","), "[]")
}

func (d *running) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	if err := <-d.ended; err != nil {
		note("linedirector did not end well: %v: %s", err, d.output.String())
	}
}

// runDirector measures between two scrapes, once every flow is open.
func runDirector(s *settings, dir string, captures []string, c *measured) (reading, error) {
	d, err := start(s, dir, device(captures, nil), c)
	if err != nil {
		return reading{}, err
	}
	defer d.stop()
	time.Sleep(s.window / 4) // warm up: an infinite source has no other beginning
	before, err := replay.Scrape()
	if err != nil {
		return reading{}, err
	}
	time.Sleep(s.window)
	after, err := replay.Scrape()
	if err != nil {
		return reading{}, err
	}
	grown := func(name, label string) float64 { return after.Value(name, label) - before.Value(name, label) }
	seconds := after.At.Sub(before.At).Seconds()
	received := grown("linedirector_port_packets_total", `direction="rx"`)
	r := reading{
		mpps:    grown("linedirector_port_packets_total", `direction="tx"`) / seconds / 1e6,
		dropped: grown("linedirector_drops_total", "") / received,
		handed:  grown("linedirector_handed_over_packets_total", "") / received,
		opened:  grown("linedirector_flows_opened_total", "") / seconds,
	}
	if c.By == byConnections {
		return r, allOpened(c, grown("linedirector_flows_opened_total", ""), grown("linedirector_flows_closed_total", ""), grown("linedirector_packets_total", ""))
	}
	if open := after.Value("linedirector_flows_open", ""); int(open) != c.Flows {
		return reading{}, fmt.Errorf("%v flows are open", open)
	}
	return r, nil
}

// allOpened is an error unless flows were opened and closed as often as the packets forwarded say: of those under way, at
// either end of the window, some packets are still to come. Counters are read one after the other: a thousandth is for that.
func allOpened(c *measured, opened, closed, packets float64) error {
	want := packets / replay.Segments
	slack := float64(replay.AtOnce(c.Flows)) + want/1000
	if math.Abs(opened-want) > slack || math.Abs(closed-want) > slack {
		return fmt.Errorf("%.0f packets are of %.0f connections, but %.0f were opened and %.0f closed", packets, want, opened, closed)
	}
	return nil
}
