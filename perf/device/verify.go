package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// verify sends the capture through the director once, writes what comes out, and has tshark check it: as many frames
// as went in, every checksum right, and only rewritten endpoints.
func verify(s *settings, dir, capture string, flows int) error {
	out := filepath.Join(dir, "out.pcap")
	d, err := start(s, dir, "net_pcap0,rx_pcap="+capture+",tx_pcap="+out, flows)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		now, err := scrape()
		if err != nil {
			d.stop()
			return err
		}
		if int(now.value("linedirector_packets_total", "")) == 2*flows {
			break
		}
		if time.Now().After(deadline) {
			d.stop()
			return fmt.Errorf("one pass did not come through:\n%s", now.text)
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.stop() // which writes the rest of the file
	defer os.Remove(out)
	good := fmt.Sprintf("ip.checksum.status == 1 && udp.checksum.status == 1 && ip.ttl == 63 && "+
		"((ip.dst == 10.0.0.8/29 && udp.dstport == %d && ip.src == 10.1.0.0/16) || (ip.src == %s && udp.srcport == %d && ip.dst == 10.1.0.0/16))",
		realPort, virtualIP, virtualPort)
	total, err := count(out, "udp && ip.addr == 10.1.0.0/16")
	if err != nil {
		return err
	}
	right, err := count(out, good)
	if err != nil {
		return err
	}
	if total != 2*flows || right != total {
		return fmt.Errorf("of %d frames %d came out, %d of them right", 2*flows, total, right)
	}
	return nil
}

// count is how many frames of a file pass a display filter of tshark's.
func count(file, filter string) (int, error) {
	cmd := exec.Command("tshark", "-n", "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
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
