// Command device measures the whole program through a DPDK device on one worker core, beside dpdk-testpmd on the same
// device in the same minute (make bench-device). The device is net_pcap with infinite_rx=1: it replays a capture from
// memory, copies each frame into a fresh mbuf, and counts what is sent. It needs no NIC, no second core and no
// generator, and its rate is the capacity of what is tested.
//
//	capture.go      the capture: every flow's client frame and its reply, shuffled
//	config.go       the director's configuration for it
//	verify.go       one pass, written to a file and checked by tshark
//	linedirector.go how the director is run and read
//	testpmd.go      how testpmd is run and read
//
// It must run as root, with hugepages, on an otherwise idle machine.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are the command's flags.
type settings struct {
	director string
	flows    []int
	rounds   int
	window   time.Duration
	control  int
	worker   int
	burst    int
}

func main() {
	var s settings
	flows := flag.String("flows", "1024,16384", "numbers of flows, a case each; a capture holds two frames of each")
	flag.StringVar(&s.director, "director", "bin/linedirector", "the program to measure")
	flag.IntVar(&s.rounds, "rounds", 5, "runs of each program a case, interleaved; the median counts")
	flag.DurationVar(&s.window, "window", 2*time.Second, "length of a measurement")
	flag.IntVar(&s.control, "control", 0, "CPU of everything but the worker")
	flag.IntVar(&s.worker, "worker", 1, "CPU of the worker")
	flag.IntVar(&s.burst, "burst", 32, "frames a burst, of both programs")
	flag.Parse()
	for _, f := range strings.Split(*flows, ",") {
		n, err := strconv.Atoi(f)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "device: --flows %s: not a list of numbers\n", *flows)
			os.Exit(2)
		}
		s.flows = append(s.flows, n)
	}
	if err := run(&s); err != nil {
		fmt.Fprintln(os.Stderr, "device:", err)
		os.Exit(1)
	}
}

func run(s *settings) error {
	dir, err := os.MkdirTemp("", "linedirector-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, flows := range s.flows {
		if err := measure(s, dir, flows); err != nil {
			return fmt.Errorf("flows=%d: %w", flows, err)
		}
	}
	return nil
}

// measure is one case: verify one pass, then interleave runs of both programs.
func measure(s *settings, dir string, flows int) error {
	capture := filepath.Join(dir, fmt.Sprintf("%d.pcap", flows))
	if err := writeCapture(capture, flows); err != nil {
		return err
	}
	note("%d flows: one pass through the director, checked by tshark", flows)
	if err := verify(s, dir, capture, flows); err != nil {
		return err
	}
	var ours, theirs []float64
	dropped := 0.0
	for round := range s.rounds {
		r, err := runDirector(s, dir, capture, flows)
		if err != nil {
			return err
		}
		t, err := runTestpmd(s, capture, flows)
		if err != nil {
			return err
		}
		note("%d flows, round %d of %d: linedirector %.1f Mpps, testpmd macswap %.1f Mpps", flows, round+1, s.rounds, r.mpps, t)
		ours, theirs, dropped = append(ours, r.mpps), append(theirs, t), max(dropped, r.dropped)
	}
	a, b := median(ours), median(theirs)
	fmt.Printf("flows=%d linedirector=%.1f macswap=%.1f ratio=%.2f\n", flows, a, b, a/b)
	if dropped >= 0.0001 {
		return fmt.Errorf("%.4f %% of the frames were dropped; less than 0.01 %% may be", dropped*100)
	}
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// note tells a person that something goes on.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "# "+format+"\n", args...) }

var errEnded = errors.New("ended before its time")

// mbufs is how many a capture of so many flows needs: net_pcap holds all of it in mbufs.
func mbufs(flows int) int { return 2*flows + 2*flows/4 + 32768 }

// tableFlows is the director's --flows: a table half full, as an operator who knows the load would size it.
func tableFlows(flows int) int { return max(2*flows, 4096) }
