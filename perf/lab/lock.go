package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Run is a command that makes namespaces, one at a time on a machine. All that it makes is found again by its name.
type Run struct {
	Name string // of its make target, too
}

// Prefix begins the name of every namespace of the run.
func (r Run) Prefix() string { return "ld-" + r.Name + "-" }

// Namespace returns one of the run's by its short name. It is not made.
func (r Run) Namespace(name string) Namespace { return Namespace(r.Prefix() + name) }

// Temp makes a folder for files, which Sweep removes.
func (r Run) Temp() (string, error) { return os.MkdirTemp("", r.temp()) }

func (r Run) temp() string { return "linedirector-" + r.Name + "-" }

// Lock makes this the only run of its name on the machine, and removes what a killed one left.
func (r Run) Lock() (unlock func(), err error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("network namespaces need root: sudo make %s", r.Name)
	}
	// Held for as long as the run lives. Whoever holds it may sweep up what it finds.
	name := "/run/linedirector-" + r.Name + ".lock"
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another run holds %s: wait for its end", name)
	}
	r.Sweep()
	return func() { r.Sweep(); _ = file.Close() }, nil
}

// Sweep kills what runs in the run's namespaces and deletes them; their interfaces, rules and settings go with them.
func (r Run) Sweep() {
	found, _ := filepath.Glob("/run/netns/" + r.Prefix() + "*")
	for _, file := range found {
		name := filepath.Base(file)
		out, _ := exec.Command("ip", "netns", "pids", name).Output()
		for _, field := range strings.Fields(string(out)) {
			// A thread of our own may stand in it for a moment: see In.
			if pid, err := strconv.Atoi(field); err == nil && pid > 1 && pid != os.Getpid() {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if err := exec.Command("ip", "netns", "delete", name).Run(); err != nil {
			fmt.Fprintf(os.Stderr, "# namespace %s could not be deleted: %v\n", name, err)
		}
	}
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), r.temp()+"*"))
	for _, dir := range dirs {
		_ = os.RemoveAll(dir)
	}
}
