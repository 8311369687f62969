package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"linedirector/perf/record"
)

const (
	metricsAddress = "127.0.0.1:9490"
	longest        = 60 * time.Second
)

// running is a director at work.
type running struct {
	cmd    *exec.Cmd
	socket string
	lines  chan string
	said   bytes.Buffer
	start  time.Time
}

// launch starts the director and returns how long it took until it was ready.
func launch(s *settings, config, socket string, flows int) (*running, time.Duration, error) {
	d := &running{socket: socket, lines: make(chan string, 64)}
	d.cmd = exec.Command(s.director, "--config", config, "--lcores", s.worker, "--control-lcores", s.control, "--poll", "adaptive",
		"--metrics", metricsAddress, "--control-socket", socket, "--mbufs", strconv.Itoa(mbufs), "--flows", strconv.Itoa(flows))
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, 0, err
	}
	d.start = time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, 0, err
	}
	go d.read(out)
	took, err := d.await("ready", d.start)
	if err != nil {
		return nil, 0, errors.Join(err, d.stop())
	}
	return d, took, nil
}

func (d *running) read(out io.Reader) {
	for s := bufio.NewScanner(out); s.Scan(); {
		d.lines <- s.Text()
	}
	close(d.lines)
}

// await reads the log until a line that says a word, and returns how long that took.
func (d *running) await(word string, since time.Time) (time.Duration, error) {
	limit := time.After(longest)
	for {
		select {
		case line, ok := <-d.lines:
			if !ok {
				return 0, fmt.Errorf("linedirector ended before it was %s: %s", word, d.said.String())
			}
			d.said.WriteString(line + "\n")
			if strings.Contains(line, "not reloaded") {
				return 0, errors.New(line)
			}
			for field := range strings.SplitSeq(line, "\t") {
				if field == word {
					return time.Since(since), nil
				}
			}
		case <-limit:
			return 0, fmt.Errorf("linedirector was not %s within %v: %s", word, longest, d.said.String())
		}
	}
}

// reload has it reread its configuration.
func (d *running) reload() (time.Duration, error) {
	since := time.Now()
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return 0, err
	}
	return d.await("reloaded", since)
}

// apply gives it a configuration by ldctl, whose own time counts.
func (d *running) apply(s *settings, file string) (time.Duration, error) {
	since := time.Now()
	if out, err := exec.Command(s.ldctl, "--socket", d.socket, "apply", file).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("ldctl apply: %w: %s", err, out)
	}
	return time.Since(since), nil
}

// resident is the memory that it has besides hugepages, in bytes: of both processes, what they share counted once.
func (d *running) resident() (sum int, err error) {
	family, err := record.Family(d.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	for _, pid := range family {
		bytes, err := field(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")
		if err != nil {
			return 0, err
		}
		sum += bytes
	}
	return sum, nil
}

func (d *running) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	for range d.lines { // until the log ends
	}
	return d.cmd.Wait()
}
