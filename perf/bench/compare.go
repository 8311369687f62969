package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compare prints what became faster or slower since the baseline.
func compare(text string) error {
	old, err := os.ReadFile(baseline)
	if err != nil {
		return fmt.Errorf("there is no baseline to compare with: make bench-baseline writes one: %w", err)
	}
	tools, err := exec.Command(".ci/tools", "benchstat").Output()
	if err != nil {
		return fmt.Errorf(".ci/tools benchstat, which compares with the baseline: %w; results are in %s", err, trial)
	}
	benchstat := exec.Command(filepath.Join(strings.TrimSpace(string(tools)), "benchstat"),
		"-ignore", "goos,goarch,cpu", "-filter", ".unit:sec/op", "baseline="+baseline, "now="+trial)
	benchstat.Stdout, benchstat.Stderr = os.Stdout, os.Stderr
	if err := benchstat.Run(); err != nil {
		return fmt.Errorf("benchstat: %w", err)
	}
	fmt.Print(judge(string(old), text))
	return nil
}

// judge says what the comparison is worth.
func judge(old, now string) string {
	var out strings.Builder
	out.WriteString("\nNothing on the packet path allocates.\n")
	if before, here := config(old, "cpu: "), config(now, "cpu: "); before != here {
		fmt.Fprintf(&out, "THE BASELINE IS OF ANOTHER MACHINE: %s; this one is %s. The differences are the machines', not the code's:\n"+
			"run make bench-baseline on the commit to compare with, then make bench again.\n", before, here)
	} else {
		out.WriteString("The baseline is of a machine with the same CPU; the speed of a virtual one swings by a quarter from minute to minute.\n")
	}
	fmt.Fprintf(&out, "Baseline:%s\nNow:     %s\n", config(old, "# Commit"), config(now, "# Commit"))
	return out.String()
}

// config is the rest of the first line with a beginning.
func config(text, begin string) string {
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, begin); found {
			return strings.TrimRight(rest, "\n")
		}
	}
	return ""
}
