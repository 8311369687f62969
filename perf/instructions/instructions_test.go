package main

import (
	"math"
	"os/exec"
	"strings"
	"testing"
)

const ground = `desc: I1 cache: 32768 B
cmd: path
events: Ir
fl=/x/perf/reference/c/packet.h
fn=burst
12 1000
14 500
fl=/x/perf/reference/c/main.c
fn=measure
7 300
summary: 1800
`

// TestCachegrind: the difference of two runs is counted by whose it is.
func TestCachegrind(t *testing.T) {
	few, err := readCachegrind(ground)
	if err != nil || few.total != 1800 {
		t.Fatalf("%d, %v", few.total, err)
	}
	const packets = long - short
	more := counted{total: few.total + 30*packets, by: map[place]uint64{
		{"/x/perf/reference/c/packet.h", "burst"}: 1500 + 20*packets, {"/x/perf/reference/c/main.c", "measure"}: 300 + 10*packets,
	}}
	m := few.until(more, &tested{name: "C", path: ofCPath})
	if math.Round(m.Loop) != 30 || math.Round(m.Path) != 20 || len(m.ByFile) != 1 {
		t.Errorf("%+v", m)
	}
	r := report{Refused: "it says no", Programs: []measured{m, {Name: "Go", Loop: 40}}}
	for _, want := range []string{"| C | 20 | 30 |", "| Go | – | 40 |", "it says no", "`c/packet.h` 20"} {
		if text := r.markdown(); !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	for _, bad := range []string{"", "fl=a\nfn=b\n", "fl=a\nfn=b\n1 x\n"} {
		if _, err := readCachegrind(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestPaths: neither loops nor libraries count as the path's.
func TestPaths(t *testing.T) {
	for at, want := range map[place]bool{
		{"/x/lcore/forward/hit.go", "linedirector/lcore/forward.(*Worker).steadily"}:                   true,
		{"/usr/local/go/src/encoding/binary/binary.go", "linedirector/lcore/packet.(*Head).Plain"}:     true,
		{"/usr/local/go/src/encoding/binary/binary.go", "linedirector/lcore/forward.benchEstablished"}: false,
		{"/x/lcore/forward/bench_test.go", "linedirector/lcore/forward.aim"}:                           false,
		{"/usr/local/go/src/runtime/mgcmark.go", "runtime.scanblock"}:                                  false,
	} {
		if got := ofGoPath(at.file, at.function); got != want {
			t.Errorf("%v: %v", at, got)
		}
	}
	for file, want := range map[string]bool{"/x/c/path.h": true, "/x/c/main.c": false, "/usr/lib/gcc/x/12/include/emmintrin.h": false} {
		if got := ofCPath(file, "burst"); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
}

// TestHardware: either the machine counts, or the error says that it does not.
func TestHardware(t *testing.T) {
	if _, err := exec.LookPath("perf"); err != nil {
		if err := countable(); err == nil || !strings.Contains(err.Error(), "linux-perf") {
			t.Errorf("without perf: %v", err)
		}
		return
	}
	if err := countable(); err != nil && !strings.Contains(err.Error(), "perf stat") {
		t.Error(err)
	} else if c, err := hardware("", []string{"true"}); (err == nil) != (countable() == nil) || err == nil && c.total == 0 {
		t.Errorf("%d instructions, %v", c.total, err)
	}
}
