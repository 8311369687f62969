// Package record says what a measurement was taken on, and puts results into the documents.
package record

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Machine is what figures were taken on, and of what.
type Machine struct {
	Date       time.Time         `json:"date"`
	Commit     string            `json:"commit"`
	Command    string            `json:"command"`
	System     string            `json:"system"`
	Kernel     string            `json:"kernel"`
	CPU        string            `json:"cpu"`
	CPUs       int               `json:"cpus"`
	MemoryMB   uint64            `json:"memory_mb"`
	Versions   map[string]string `json:"versions"`
	LoadBefore string            `json:"load_before"`
	LoadAfter  string            `json:"load_after"`
}

// Inspect gathers what a reader needs to judge figures that a command is about to measure. Versions of programs, by name,
// are the first lines of what their own commands print; Go's is there in any case.
func Inspect(command string, versions map[string][]string) (Machine, error) {
	m := Machine{
		Date: time.Now().UTC().Truncate(time.Second), Command: command, CPUs: runtime.NumCPU(),
		Versions: map[string]string{"go": runtime.Version()}, LoadBefore: LoadAverage(),
	}
	var err error
	if m.Commit, err = commit(); err != nil {
		return m, err
	}
	for name, command := range versions {
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

// commit names the commit that is checked out, as git describe does. What measurements publish does not make it dirty, or all
// but the first of several would be.
func commit() (string, error) {
	name, err := first("git", "describe", "--tags", "--always")
	if err != nil {
		return "", err
	}
	changed, err := first("git", "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)docs", ":(top,exclude,glob)perf/*/results/**")
	if changed != "" {
		name += "-dirty"
	}
	return name, err
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

// LoadAverage is how busy the machine is, the caller included.
func LoadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// Markdown is two paragraphs that say when, how and where.
func (m *Machine) Markdown() string {
	return fmt.Sprintf("Measured on %s at commit %s by\n\n```\n%s\n```\n\n", m.Date.Format(time.DateOnly), m.Commit, m.Command)
}

// Place is a line that says on what.
func (m *Machine) Place() string {
	versions := make([]string, 0, len(m.Versions))
	for _, name := range slices.Sorted(maps.Keys(m.Versions)) {
		v := m.Versions[name]
		if !strings.Contains(strings.ToLower(v), name) {
			v = name + " " + v
		}
		versions = append(versions, v)
	}
	return fmt.Sprintf("%s, Linux %s, %d CPUs (%s), %d MB; %s. Load average before and after: %s, %s.\n\n",
		m.System, m.Kernel, m.CPUs, m.CPU, m.MemoryMB, strings.Join(versions, ", "), m.LoadBefore, m.LoadAfter)
}

// Name is a file's name for results, without its ending: date, time and commit.
func (m *Machine) Name() string { return m.Date.Format("2006-01-02T1504") + "-" + m.Commit }
