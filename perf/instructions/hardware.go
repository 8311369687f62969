package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

const event = "instructions:u"

// countable is an error that says why perf stat cannot count.
func countable() error {
	if _, err := exec.LookPath("perf"); err != nil {
		return errors.New("there is no perf: apt-get install linux-perf")
	}
	_, err := perfStat("true")
	return err
}

// hardware counts a program's instructions, nobody knows whose.
func hardware(_ string, args []string) (counted, error) {
	n, err := perfStat(args...)
	return counted{total: n}, err
}

// perfStat runs a program to its end.
func perfStat(args ...string) (uint64, error) {
	cmd := exec.Command("perf", append([]string{"stat", "-x,", "-e", event, "--"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("perf stat -e %s: %w: %s", event, err, strings.TrimSpace(said.String()))
	}
	for line := range strings.Lines(said.String()) {
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) > 2 && fields[2] == event {
			n, err := strconv.ParseUint(fields[0], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("perf stat -e %s says %s", event, fields[0])
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("perf stat -e %s: %s", event, strings.TrimSpace(said.String()))
}
