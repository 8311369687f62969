package main

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPath builds the C program and has it check itself: that it rewrites rightly, and sends every packet of flows that
// fill its table to the last record.
func TestPath(t *testing.T) {
	program := filepath.Join(t.TempDir(), "path")
	if out, err := exec.Command("gcc", "-O3", "-Wall", "-Wextra", "-Werror", "-o", program, "c/main.c").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, flows := range []string{"1", "2", "1000", "100000"} {
		out, err := exec.Command(program, flows, "100000").CombinedOutput()
		if err != nil {
			t.Errorf("%s flows: %v: %s", flows, err, out)
			continue
		}
		if ns, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64); err != nil || ns <= 0 {
			t.Errorf("%s flows: printed %q, want nanoseconds", flows, out)
		}
	}
	for _, bad := range [][]string{nil, {"1"}, {"0", "1"}, {"1", "0"}, {"99999999999", "1"}, {"a", "1"}} {
		if out, err := exec.Command(program, bad...).CombinedOutput(); err == nil || !strings.Contains(string(out), "usage") {
			t.Errorf("%q: %v, %q; want an error that says how", bad, err, out)
		}
	}
}

func TestReport(t *testing.T) {
	r := report{Packets: 7, Cases: []measured{{Flows: 10, Go: []float64{3, 2, 1}, C: []float64{1, 1, 9}}}}
	for _, table := range []string{r.text(), r.markdown()} {
		if !strings.Contains(table, "2.0") || !strings.Contains(table, "1.0") || !strings.Contains(table, "2.00") {
			t.Errorf("medians and ratio are not in\n%s", table)
		}
	}
}
