package netlab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestLab looks at a lab from inside and then at what is left of it.
//
//	left 10.1.0.1 ──┐
//	                switch
//	right 10.1.0.2 ─┘
func TestLab(t *testing.T) {
	var names []string
	var dir string
	t.Run("inside", func(t *testing.T) {
		lab := New(t)
		left, right := lab.Namespace("left"), lab.Namespace("right")
		middle := lab.Switch("switch",
			End{Namespace: left, Interface: "eth0", Address: "10.1.0.1/24"},
			End{Namespace: right, Interface: "eth0", Address: "10.1.0.2/24"})
		names, dir = []string{left.FullName(), right.FullName(), middle.FullName()}, lab.Dir()

		capture := right.Capture("eth0")
		left.Run("ping", "-c", "3", "-i", "0.05", "-W", "1", "10.1.0.2")
		listener := right.Listen("10.1.0.2:80")
		conn, err := left.Dial(t.Context(), "tcp4", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		capture.Stop()
		if got := capture.Count("icmp.type == 8"); got != 3 {
			t.Errorf("captured %d echo requests, want 3", got)
		}
		if got := capture.Distinct("tcp", "ip.src"); got["10.1.0.1"] == 0 || got["10.1.0.2"] == 0 || len(got) != 2 {
			t.Errorf("captured TCP from %v, want both machines", got)
		}

		from, to := left.Raw("eth0"), right.Raw("eth0")
		frame := append(append(append([]byte{}, to.MAC...), from.MAC...), 0x88, 0xb5, 1, 2, 3)
		from.Send(frame)
		if to.Receive(time.Second, func(f []byte) bool { return bytes.HasPrefix(f, frame) }) == nil {
			t.Error("a raw frame did not arrive")
		}
		left.Start("sleep", "1000")
	})
	out, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.Contains(string(out), name) {
			t.Errorf("namespace %s is left", name)
		}
	}
	if _, err := os.Stat(dir); dir != "" && err == nil {
		t.Errorf("%s is left", dir)
	}
}

// TestLag sets the delay of a wire, and wants it between a frame and its answer, and answers in order.
//
//	left 10.1.0.1 ─── near [wire] far ─── right 10.1.0.2
func TestLag(t *testing.T) {
	lab := New(t)
	left, wire, right := lab.Namespace("left"), lab.Namespace("wire"), lab.Namespace("right")
	lab.Link(End{Namespace: left, Interface: "eth0", Address: "10.1.0.1/24"}, End{Namespace: wire, Interface: "near"})
	lab.Link(End{Namespace: wire, Interface: "far"}, End{Namespace: right, Interface: "eth0", Address: "10.1.0.2/24"})
	lag := wire.Lag("near", "far")
	from, to := left.Raw("eth0"), right.Raw("eth0")
	frame := func(from, to *Raw, n byte) []byte {
		return append(append(append([]byte{}, to.MAC...), from.MAC...), 0x88, 0xb5, n)
	}
	for _, delay := range []time.Duration{0, 200 * time.Millisecond} {
		lag.Set(delay)
		begin := time.Now()
		from.Send(frame(from, to, 1))
		if to.Receive(5*time.Second, func(f []byte) bool { return bytes.HasPrefix(f, frame(from, to, 1)) }) == nil {
			t.Fatal("a frame does not come to the far end")
		}
		to.Send(frame(to, from, 2), frame(to, from, 3))
		for n := byte(2); n <= 3; n++ {
			if from.Receive(5*time.Second, func(f []byte) bool { return f[12] == 0x88 && f[13] == 0xb5 })[14] != n {
				t.Errorf("answer %d is not the next one", n)
			}
		}
		if took := time.Since(begin); took < delay || delay == 0 && took > 150*time.Millisecond {
			t.Errorf("with a delay of %v it took %v", delay, took)
		}
	}
}

// TestSweep makes a namespace as a killed run leaves it, with a program in it, and sweeps it up.
func TestSweep(t *testing.T) {
	lab := New(t)
	gone := lab.Namespace("gone")
	sleeper := gone.Start("sleep", "1000")
	err := Eventually(5*time.Second, func() error { // until it stands in there
		if out, err := exec.Command("ip", "netns", "pids", gone.FullName()).Output(); err != nil || len(out) == 0 {
			return fmt.Errorf("%s holds nothing: %w", gone.FullName(), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The lock is what a process's death releases.
	_ = lab.lock.Close()
	sweepStale(t)
	if code, err := sleeper.Wait(5 * time.Second); err != nil || code != -1 {
		t.Errorf("a program in a stale namespace: exit %d, %v; want killed", code, err)
	}
	if _, err := os.Stat("/run/netns/" + gone.FullName()); err == nil {
		t.Error("a stale namespace is left")
	}
}
