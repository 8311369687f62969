package kernel

import (
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// On a goroutine whose stack has yet to grow, what the kernel writes must arrive, too.
func TestEthtoolOnFreshStack(t *testing.T) {
	newNetns(t)
	// Its own goroutine runs on another thread, in the namespace that the tests were started in.
	want, err := offloadsOn("lo")
	must(t, err)
	if len(want) == 0 {
		t.Fatal("lo has no offloads")
	}
	for range 200 {
		got := make(chan []string)
		go func() {
			on, _ := offloadsOn("lo")
			got <- on
		}()
		if on := <-got; !slices.Equal(on, want) {
			t.Fatalf("offloads %q, want %q", on, want)
		}
	}
}

// What we read and set is what ethtool(8) reads and sets.
func TestEthtool(t *testing.T) {
	newNetns(t)
	if _, err := exec.LookPath("ethtool"); err != nil {
		t.Skip("needs the program ethtool to compare with")
	}
	sh(t, "ip link add d0 numrxqueues 4 type veth peer name p0 numtxqueues 4")
	sh(t, "ethtool -L d0 rx 3")
	e, err := openEthtool("d0")
	must(t, err)
	defer e.Close()
	all, err := e.features()
	must(t, err)
	for _, line := range strings.Split(sh(t, "ethtool -k d0"), "\n") {
		name, state, ok := strings.Cut(strings.TrimSpace(line), ": ")
		f, known := all[name]
		if !ok || !known {
			continue // a heading, or a group of features
		}
		if f.active != strings.HasPrefix(state, "on") || f.available == strings.Contains(state, "[fixed]") {
			t.Errorf("%s: %+v, ethtool says %s", name, f, state)
		}
	}
	must(t, e.set([]string{"tx-checksum-ip-generic", "no-such-feature"}, false))
	if out := sh(t, "ethtool -k d0"); !strings.Contains(out, "tx-checksum-ip-generic: off") || !strings.Contains(out, "rx-checksumming: on") {
		t.Errorf("after turning tx-checksum-ip-generic off: %s", out)
	}
	must(t, e.set([]string{"tx-checksum-ip-generic"}, true))
	if out := sh(t, "ethtool -k d0"); !strings.Contains(out, "tx-checksum-ip-generic: on") {
		t.Errorf("after turning tx-checksum-ip-generic on: %s", out)
	}
	if n, err := e.receiveQueues(); n != 3 || err != nil {
		t.Errorf("receive queues: %d, %v", n, err)
	}
	if name, err := e.driver(); name != "veth" || err != nil {
		t.Errorf("driver: %q, %v", name, err)
	}
}

// An interface without rings is an error, as is one that is not there; those of cards are what ethtool(8) shows.
func TestRings(t *testing.T) {
	for _, iface := range []string{"lo", "nothing0"} {
		if now, most, err := Rings(iface); err == nil {
			t.Errorf("%s has %d of %d descriptors", iface, now, most)
		}
	}
	if _, err := exec.LookPath("ethtool"); err != nil {
		t.Skip("needs the program ethtool to compare with")
	}
	interfaces, err := net.Interfaces()
	must(t, err)
	for _, i := range interfaces {
		now, most, err := Rings(i.Name)
		if err != nil {
			continue
		}
		out, err := exec.Command("ethtool", "-g", i.Name).Output()
		must(t, err)
		var shown []string // most, now
		for line := range strings.Lines(string(out)) {
			if rest, ok := strings.CutPrefix(line, "RX:"); ok {
				shown = append(shown, strings.TrimSpace(rest))
			}
		}
		if want := []string{strconv.Itoa(most), strconv.Itoa(now)}; !slices.Equal(shown, want) {
			t.Errorf("%s: most and now are %v, ethtool shows %v", i.Name, want, shown)
		}
	}
}
