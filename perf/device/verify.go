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
// endpoints. Whole connections go through twice, so that each is opened on the record that it left, too.
func verify(s *settings, dir string, captures []string, c *measured) (err error) {
	want := c.frames()
	if c.By == byConnections {
		want *= passes
		file, err := replay.WriteConnections(dir, c.Flows, passes)
		if err != nil {
			return err
		}
		defer os.Remove(file)
		captures = []string{file}
	}
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
	err = through(c, want)
	d.stop() // which writes the rest of the files
	if err != nil {
		return err
	}
	frames := 0
	for _, file := range out {
		n, err := check(file, c.protocol())
		if err != nil {
			return err
		}
		frames += n
	}
	if frames != want {
		return fmt.Errorf("of %d frames %d came out", want, frames)
	}
	return nil
}

// passes is how often verify sends whole connections.
const passes = 2

func (c *measured) protocol() string {
	if c.By == byConnections {
		return "tcp"
	}
	return "udp"
}

// through waits until every frame is forwarded, and every connection over.
func through(c *measured, frames int) error {
	for deadline := time.Now().Add(longest); ; time.Sleep(20 * time.Millisecond) {
		now, err := replay.Scrape()
		if err != nil {
			return err
		}
		if int(now.Value("linedirector_packets_total", "")) == frames && (c.By != byConnections || allOver(c, now)) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d frames did not all come through:\n%s", frames, now.Text)
		}
	}
}

// allOver tells whether every connection was opened and closed once a pass: of each the last pass's record is left, closing.
func allOver(c *measured, now replay.Scraped) bool {
	for _, m := range []struct {
		name string
		want int
	}{
		{"linedirector_flows_opened_total", passes * c.Flows},
		{"linedirector_connections_total", passes * c.Flows},
		{"linedirector_flows_closed_total", (passes - 1) * c.Flows},
		{"linedirector_flows_open", c.Flows},
		{"linedirector_real_connections", 0},
		{"linedirector_virtual_half_open", 0},
		{"linedirector_drops_total", 0},
	} {
		if int(now.Value(m.name, "")) != m.want {
			return false
		}
	}
	return true
}

// A file's and a frame's header in a capture, and the frames that are in ours.
const (
	fileHeader  = 24
	frameHeader = 16
	frameLen    = 60
)

// check returns how many frames a file holds. Of the first ones, each must be right.
func check(file, protocol string) (frames int, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	frames = int(info.Size()-fileHeader) / (frameHeader + frameLen)
	good := fmt.Sprintf("frame.len == %d && ip.checksum.status == 1 && L4.checksum.status == 1 && ip.ttl == 63 && "+
		"((ip.dst == 10.0.0.8/29 && L4.dstport == %d && ip.src == 10.1.0.0/16) || (ip.src == %s && L4.srcport == %d && ip.dst == 10.1.0.0/16))",
		frameLen, replay.RealPort, replay.VirtualIP, replay.VirtualPort)
	good = strings.ReplaceAll(good, "L4", protocol)
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
	cmd := exec.Command("tshark", "-n", "-c", strconv.Itoa(sampled), "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
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
