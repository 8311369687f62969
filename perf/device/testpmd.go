package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// testpmdArgs is the exact command: one core that swaps MAC addresses, the same device, capture, burst and mempool.
func testpmdArgs(s *settings, capture string, flows int) []string {
	return []string{
		"--lcores", fmt.Sprintf("0@%d,1@%d", s.control, s.worker), "--no-pci", "--in-memory", "--no-telemetry", "--log-level", "3",
		"--vdev", "net_pcap0,rx_pcap=" + capture + ",infinite_rx=1",
		"--", "--forward-mode=macswap", "--nb-cores=1", "--rxq=1", "--txq=1", "--rxd=4096", "--txd=1024",
		"--burst=" + strconv.Itoa(s.burst), "--total-num-mbufs=" + strconv.Itoa(mbufs(flows)),
		"--auto-start", "--stats-period=1",
	}
}

var txPPS = regexp.MustCompile(`Tx-pps:\s+(\d+)`)

// runTestpmd runs testpmd for the window and a second, and returns the median of the rates that it prints once a
// second, the first left out, in Mpps.
func runTestpmd(s *settings, capture string, flows int) (float64, error) {
	args := testpmdArgs(s, capture, flows)
	cmd := exec.Command("timeout", append([]string{"--signal=INT", strconv.Itoa(int(s.window/time.Second) + 3), "dpdk-testpmd"}, args...)...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	_ = cmd.Run() // ended by the time limit
	var rates []float64
	for _, m := range txPPS.FindAllStringSubmatch(output.String(), -1) {
		pps, err := strconv.ParseFloat(m[1], 64)
		if err == nil && pps > 0 {
			rates = append(rates, pps/1e6)
		}
	}
	if len(rates) < 2 { // the first line shows the time before the start
		return 0, fmt.Errorf("dpdk-testpmd %s gave no rates: %s", strings.Join(args, " "), output.String())
	}
	rates = slices.Sorted(slices.Values(rates[1:]))
	return rates[len(rates)/2], nil
}
