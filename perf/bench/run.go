package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"linedirector/perf/record"
)

// program is a package's test binary.
func program(dir string, s *stage) string {
	return filepath.Join(dir, strings.ReplaceAll(s.pkg, "/", "-")+".test")
}

func build(dir string) error {
	for i := range stages {
		s := &stages[i]
		note("building the benchmarks of %s", s.pkg)
		if out, err := exec.Command("go", "test", "-c", "-o", program(dir, s), "./"+s.pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("go test -c ./%s: %w: %s", s.pkg, err, out)
		}
	}
	return nil
}

// runAll runs every stage once, and returns what they printed.
func runAll(s *settings, dir string) (string, error) {
	done, err := record.Turn(s.lock)
	if err != nil {
		return "", err
	}
	defer done()
	var all strings.Builder
	for i := range stages {
		st := &stages[i]
		pattern := st.pattern
		if s.only != "" {
			pattern = s.only
		}
		cmd := exec.Command(program(dir, st), "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", s.time.String(), "-test.benchmem", "-test.cpu", "1")
		cmd.Dir = st.pkg
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("the benchmarks of %s: %w: %s", st.pkg, err, out)
		}
		// Where nothing matched, nothing but PASS is printed.
		all.WriteString(strings.ReplaceAll(string(out), "PASS\n", ""))
	}
	return all.String(), nil
}

// head says what a file of results is of, in lines that benchstat passes over.
func head(s *settings, m *record.Machine) string {
	return fmt.Sprintf(`# What each stage of a packet's way takes: go run ./perf/bench, which compares with it by benchstat.
# Commit %s, %s. %s
# Method: %d rounds of all benchmarks by turns, %v each, on one CPU (-test.cpu 1); tables of flows in transparent hugepages.
`, m.Commit, m.Date.Format("2006-01-02"), strings.TrimSpace(m.Place()), s.rounds, s.time)
}

var result = regexp.MustCompile(`(?m)^(?:pkg: (\S+)|(Benchmark\S+)\s.*\s(\d+) allocs/op)$`)

// allocations are the benchmarks on the packet path that allocate.
func allocations(text string) (names []string) {
	hot := false
	for _, found := range result.FindAllStringSubmatch(text, -1) {
		if pkg := found[1]; pkg != "" {
			hot = slices.ContainsFunc(stages, func(s stage) bool { return "linedirector/"+s.pkg == pkg && !s.control })
			continue
		}
		if n, err := strconv.Atoi(found[3]); err == nil && n > 0 && hot && !slices.Contains(names, found[2]) {
			names = append(names, found[2])
		}
	}
	return names
}
