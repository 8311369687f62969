package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine is what the figures were taken on, and of what.
type machine struct {
	Date       time.Time         `json:"date"`
	Commit     string            `json:"commit"`
	Command    string            `json:"command"`
	System     string            `json:"system"`
	Kernel     string            `json:"kernel"`
	CPU        string            `json:"cpu"`
	CPUs       int               `json:"cpus"`
	MemoryMB   uint64            `json:"memory_mb"`
	HasLinear  bool              `json:"kernel_has_tcp_syn_linear_timeouts"`
	Versions   map[string]string `json:"versions"`
	LoadBefore string            `json:"load_before"`
	LoadAfter  string            `json:"load_after"`
}

// inspect gathers what a reader needs to judge the figures.
func inspect(s *settings) (machine, error) {
	m := machine{
		Date: time.Now().UTC().Truncate(time.Second), Command: s.invocation, CPUs: runtime.NumCPU(), HasLinear: hasLinear(),
		Versions: map[string]string{"go": runtime.Version()}, LoadBefore: loadAverage(),
	}
	var err error
	if m.Commit, err = first("git", "describe", "--tags", "--always", "--dirty"); err != nil {
		return m, err
	}
	for name, command := range map[string][]string{
		"linedirector": {s.director, "--version"}, "haproxy": {"haproxy", "-v"}, "nftables": {"nft", "--version"},
	} {
		if m.Versions[name], err = first(command...); err != nil {
			return m, err
		}
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return m, err
	}
	m.Kernel = unix.ByteSliceToString(name.Release[:])
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return m, err
	}
	m.MemoryMB = info.Totalram * uint64(info.Unit) >> 20
	m.System = strings.Trim(field("/etc/os-release", "PRETTY_NAME="), `"`)
	m.CPU = strings.TrimSpace(strings.TrimLeft(field("/proc/cpuinfo", "model name"), "\t :"))
	return m, nil
}

// first is the first line that a command prints.
func first(args ...string) (string, error) {
	out, err := exec.Command(args[0], args[1:]...).Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line), nil
}

// field is the rest of the first line of a file that begins with a text, empty if there is none.
func field(file, begin string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, begin); found {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// loadAverage is how busy the machine is, the harness itself included.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
