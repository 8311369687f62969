package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"linedirector/perf/record"
)

// testpmdArgs is the exact command: a core for each of the director's workers, the same device, captures, burst and
// mempool.
func testpmdArgs(s *settings, mode string, captures []string, c *measured) []string {
	// testpmd's own core sleeps; it shares a CPU with the second worker, as the director's control does.
	lcores, workers := fmt.Sprintf("0@%d", s.control), strconv.Itoa(c.Workers)
	for i, cpu := range s.cpus(c.Workers) {
		lcores += fmt.Sprintf(",%d@%d", i+1, cpu)
	}
	return []string{
		"--lcores", lcores, "--no-pci", "--in-memory", "--no-telemetry", "--log-level", "3",
		"--vdev", device(captures, nil),
		"--", "--forward-mode=" + mode, "--nb-cores=" + workers, "--rxq=" + workers, "--txq=" + workers, "--rxd=4096", "--txd=1024",
		"--burst=" + strconv.Itoa(c.Burst), "--total-num-mbufs=" + strconv.Itoa(mbufs(c)),
		"--auto-start", "--stats-period=1",
	}
}

var txPPS = regexp.MustCompile(`Tx-pps:\s+(\d+)`)

// longest is how long testpmd may take to read its captures.
const longest = 40 * time.Second

// runTestpmd runs testpmd for the window, and returns the median of the rates that it prints once a second, those at its
// beginning left out, in Mpps.
func runTestpmd(s *settings, mode string, captures []string, c *measured) (float64, error) {
	args := testpmdArgs(s, mode, captures, c)
	cmd := exec.Command("dpdk-testpmd", args...)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	limit := time.AfterFunc(longest+s.window, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	var rates []float64
	wanted := int(s.window/time.Second) + 2 // the first shows the time before the start, the second half a second
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		m := txPPS.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		if pps, err := strconv.ParseFloat(m[1], 64); err == nil && pps > 0 {
			if rates = append(rates, pps/1e6); len(rates) == wanted {
				_ = cmd.Process.Signal(syscall.SIGINT)
			}
		}
	}
	_ = cmd.Wait() // by a signal
	if len(rates) < wanted {
		return 0, fmt.Errorf("dpdk-testpmd %s gave no rates: %s", strings.Join(args, " "), errors.String())
	}
	return record.Median(rates[2:wanted]), nil
}

// cpus are the workers'.
func (s *settings) cpus(workers int) []int { return []int{s.worker, s.control}[:workers] }

// device is net_pcap with a queue for each capture: an endless source, or, with files to write to, one pass.
func device(captures, out []string) string {
	args := "net_pcap0"
	for _, file := range captures {
		args += ",rx_pcap=" + file
	}
	for _, file := range out {
		args += ",tx_pcap=" + file
	}
	if len(out) == 0 {
		args += ",infinite_rx=1"
	}
	return args
}
