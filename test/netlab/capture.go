package netlab

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Capture is a recording of the frames on one interface, by tcpdump, to be read by tshark.
type Capture struct {
	File string

	tb   testing.TB
	dump *Process
}

// Capture records all frames on an interface until Stop.
func (n *Namespace) Capture(iface string) *Capture {
	tb := n.lab.tb
	tb.Helper()
	file := filepath.Join(n.lab.dir, fmt.Sprintf("%s-%s-%d.pcap", n.Name, iface, serial.Add(1)))
	c := &Capture{File: file, tb: tb}
	// To standard output: tcpdump drops root's rights and may not write where we want the file; and the
	// option to keep them, -Z, crashes on Ubuntu 24.04.
	c.dump = n.Start("sh", "-c", `exec tcpdump --immediate-mode -nUi "$1" -s 0 -B 65536 -w - >"$2"`, "sh", iface, file)
	if err := c.dump.WaitFor("listening on", patience); err != nil {
		tb.Fatal(err)
	}
	return c
}

// Stop ends the recording, once no more frames come, and fails the test if any was missed.
func (c *Capture) Stop() {
	c.tb.Helper()
	size, since := int64(-1), time.Now()
	err := Eventually(patience, func() error {
		info, err := os.Stat(c.File)
		if err != nil {
			return Final(err)
		}
		if info.Size() != size {
			size, since = info.Size(), time.Now()
		}
		if time.Since(since) < 300*time.Millisecond {
			return fmt.Errorf("%s still grows", c.File)
		}
		return nil
	})
	if err != nil {
		c.tb.Fatal(err)
	}
	c.dump.Signal(syscall.SIGINT)
	if _, err := c.dump.Wait(patience); err != nil {
		c.tb.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^0 packets dropped by kernel`).MatchString(c.dump.Output()) {
		c.tb.Fatalf("the capture missed frames: %s", c.dump.Output())
	}
}

// Select returns the named fields of all frames that match one of tshark's display filters, with
// checksums verified. A field that a frame holds twice comes as "a,b".
func (c *Capture) Select(filter string, fields ...string) [][]string {
	c.tb.Helper()
	args := []string{
		"tshark", "-n", "-r", c.File, "-Y", filter, "-T", "fields", "-E", "separator=|",
		"-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
	}
	for _, field := range fields {
		args = append(args, "-e", field)
	}
	out, err := tryQuiet(c.tb, args)
	if err != nil {
		c.tb.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(out) {
		rows = append(rows, strings.Split(strings.TrimRight(line, "\n"), "|"))
	}
	return rows
}

// Count returns how many frames match one of tshark's display filters.
func (c *Capture) Count(filter string) int {
	c.tb.Helper()
	return len(c.Select(filter, "frame.number"))
}

// Distinct returns the different values of one field among the frames that match, a frame's several
// values counted singly.
func (c *Capture) Distinct(filter, field string) map[string]int {
	c.tb.Helper()
	seen := map[string]int{}
	for _, row := range c.Select(filter, field) {
		for value := range strings.SplitSeq(row[0], ",") {
			if value != "" {
				seen[value]++
			}
		}
	}
	return seen
}
