// Package replay runs the director on one worker core through net_pcap, which replays a capture of UDP flows from memory
// without an end (infinite_rx), and reads its metrics. It needs no NIC, no second core and no generator.
package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// MetricsAddress is where a director that is measured answers.
const MetricsAddress = "127.0.0.1:9489"

// Settings say what is run, and where.
type Settings struct {
	Program       string // the director
	Control       int    // CPU of everything but the worker
	Worker        int    // its CPU
	Burst         int    // frames
	ControlSocket string // empty: the director's own default
	Env           []string
}

// Director is a running one.
type Director struct {
	cmd    *exec.Cmd
	config string
	output bytes.Buffer
	ended  chan error
}

var errEnded = errors.New("ended before its time")

// Start runs the director on a device under a configuration, with a table for a capture of so many flows, and waits until it
// forwards.
func Start(s *Settings, config string, flows int) (*Director, error) {
	d := &Director{config: config, ended: make(chan error, 1)}
	args := []string{
		"--config", config, "--poll", "busy", "--metrics", MetricsAddress, "--log-level", "warn",
		"--lcores", strconv.Itoa(s.Worker), "--control-lcores", strconv.Itoa(s.Control),
		"--burst", strconv.Itoa(s.Burst), "--flows", strconv.Itoa(TableFlows(flows)), "--mbufs", strconv.Itoa(Mbufs(flows)),
	}
	if s.ControlSocket != "" {
		args = append(args, "--control-socket", s.ControlSocket)
	}
	d.cmd = exec.Command(s.Program, args...)
	d.cmd.Env = append(os.Environ(), s.Env...)
	d.cmd.Stdout, d.cmd.Stderr = &d.output, &d.output
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	for deadline := time.Now().Add(60 * time.Second); ; {
		if _, err := Scrape(); err == nil {
			return d, nil
		}
		select {
		case err := <-d.ended:
			return nil, fmt.Errorf("linedirector %w: %w: %s", errEnded, err, d.output.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("linedirector did not become ready: %s", d.output.String()), d.Stop())
		}
	}
}

// Reload has the director read its configuration anew.
func (d *Director) Reload() error { return d.cmd.Process.Signal(syscall.SIGHUP) }

// Stop ends the director and returns what it complained about, if it did not end well.
func (d *Director) Stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	if err := <-d.ended; err != nil {
		return fmt.Errorf("linedirector did not end well: %w: %s", err, d.output.String())
	}
	return nil
}

// Complaint is an error if the director, which has been stopped, had logged anything.
func (d *Director) Complaint() error {
	if text := d.output.String(); text != "" {
		return fmt.Errorf("linedirector complained: %s", text)
	}
	return nil
}

// Scraped is one answer of the metrics listener.
type Scraped struct {
	At   time.Time
	Text string
}

// Scrape asks the metrics listener.
func Scrape() (Scraped, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+MetricsAddress+"/metrics", nil)
	if err != nil {
		return Scraped{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return Scraped{}, err
	}
	defer res.Body.Close()
	at := time.Now()
	text, err := io.ReadAll(res.Body)
	return Scraped{at, string(text)}, err
}

// Value sums a metric over all its labels, or those that hold a given one.
func (s Scraped) Value(name, label string) (sum float64) {
	for line := range strings.Lines(s.Text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' || !strings.Contains(rest, label) {
			continue
		}
		fields := strings.Fields(rest)
		v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			fmt.Fprintf(os.Stderr, "not a metric: %q\n", line)
			continue
		}
		sum += v
	}
	return sum
}
