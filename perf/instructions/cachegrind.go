package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// cachegrind counts a program's instructions by file and function. Go's preemption signals must be off: valgrind delivers
// them late.
func cachegrind(dir string, args []string) (counted, error) {
	out := filepath.Join(dir, "cachegrind.out")
	cmd := exec.Command("valgrind", append([]string{"--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=" + out}, args...)...)
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOGC=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return counted{}, fmt.Errorf("valgrind %s: %w: %s", strings.Join(args, " "), err, text)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return counted{}, err
	}
	return readCachegrind(string(text))
}

// readCachegrind reads cachegrind's own format: fl= a file, fn= a function in it, then lines and their counts.
func readCachegrind(text string) (counted, error) {
	c := counted{by: map[place]uint64{}}
	var at place
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if file, found := strings.CutPrefix(line, "fl="); found {
			at = place{file: file}
		} else if function, found := strings.CutPrefix(line, "fn="); found {
			at.function = function
		} else if line != "" && line[0] >= '0' && line[0] <= '9' {
			_, count, _ := strings.Cut(line, " ")
			n, err := strconv.ParseUint(count, 10, 64)
			if err != nil {
				return c, fmt.Errorf("cachegrind's %q is no count", line)
			}
			c.by[at] += n
			c.total += n
		}
	}
	if c.total == 0 {
		return c, fmt.Errorf("cachegrind counted nothing: %.200s", text)
	}
	return c, nil
}
