package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"linedirector/perf/replay"
)

// sampled is how many frames of a file tshark looks at: it takes a second for 30,000.
const sampled = 1 << 17

// verify sends the captures through the director once and writes what comes out: it must be as many frames as went in. Of
// each file tshark checks the beginning, whose flows are picked at random: every checksum right, and only rewritten
// endpoints.
func verify(s *settings, dir string, captures []string, c *measured) error {
	var out []string
	for i := range captures {
		out = append(out, filepath.Join(dir, fmt.Sprintf("out-%d.pcap", i)))
	}
	defer func() {
		for _, file := range out {
			_ = os.Remove(file)
		}
	}()
	d, err := start(s, dir, device(captures, out), c)
	if err != nil {
		return err
	}
	err = onePass(c)
	d.stop() // which writes the rest of the files
	if err != nil {
		return err
	}
	frames := 0
	for _, file := range out {
		n, err := check(file)
		if err != nil {
			return err
		}
		frames += n
	}
	if frames != 2*c.Flows {
		return fmt.Errorf("of %d frames %d came out", 2*c.Flows, frames)
	}
	return nil
}

// onePass waits until every frame is forwarded.
func onePass(c *measured) error {
	for deadline := time.Now().Add(longest); ; time.Sleep(20 * time.Millisecond) {
		now, err := replay.Scrape()
		if err != nil {
			return err
		}
		if int(now.Value("linedirector_packets_total", "")) == 2*c.Flows {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("one pass did not come through:\n%s", now.Text)
		}
	}
}

// A file's and a frame's header in a capture, and the frames that are in ours.
const (
	fileHeader  = 24
	frameHeader = 16
	frameLen    = 60
)

// check returns how many frames a file holds. Of the first ones, each must be right.
func check(file string) (frames int, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	frames = int(info.Size()-fileHeader) / (frameHeader + frameLen)
	good := fmt.Sprintf("frame.len == %d && ip.checksum.status == 1 && udp.checksum.status == 1 && ip.ttl == 63 && "+
		"((ip.dst == 10.0.0.8/29 && udp.dstport == %d && ip.src == 10.1.0.0/16) || (ip.src == %s && udp.srcport == %d && ip.dst == 10.1.0.0/16))",
		frameLen, replay.RealPort, replay.VirtualIP, replay.VirtualPort)
	right, err := count(file, good)
	if err != nil {
		return 0, err
	}
	if looked := min(frames, sampled); right != looked {
		return 0, fmt.Errorf("of %d frames that came out %d are right", looked, right)
	}
	return frames, nil
}

// count is how many of a file's first frames pass a display filter of tshark's.
func count(file, filter string) (int, error) {
	cmd := exec.Command("tshark", "-n", "-c", strconv.Itoa(sampled), "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-Y", filter, "-T", "fields", "-e", "frame.number")
	text, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return 0, fmt.Errorf("tshark: %s", exit.Stderr)
		}
		return 0, err
	}
	return strings.Count(string(text), "\n"), nil
}
