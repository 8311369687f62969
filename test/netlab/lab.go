// Package netlab builds small networks for tests: namespaces, veth pairs, a switch, programs that run
// in them, captures of what passes. All of it is gone when the test ends; what a killed test run
// left behind is swept up by the next one. It needs root and drives the same tools that an operator
// would: ip, ethtool, sysctl, tcpdump, tshark. Every command is logged, so that `go test -v`
// shows how to do it by hand.
package netlab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// locks is where each lab holds a lock for as long as its process lives. Whoever can take the lock
// of a lab knows that its process is dead, and may sweep up.
const locks = "/run/linedirector-netlab"

// prefix begins the name of every namespace that this package makes.
const prefix = "ld-"

var (
	serial atomic.Uint32
	sweep  sync.Once
)

// Lab is one network. It belongs to one test and is not safe for concurrent use, save for the methods
// of what it hands out.
type Lab struct {
	tb    testing.TB
	id    string
	dir   string
	lock  *os.File
	names []string
}

// New begins an empty network that ends with the test. It skips the test without root.
func New(tb testing.TB) *Lab {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("network namespaces need root")
	}
	sweep.Do(func() { sweepStale(tb) })
	l := &Lab{tb: tb, id: fmt.Sprintf("%d.%d", os.Getpid(), serial.Add(1))}
	l.takeLock()
	tb.Cleanup(l.close)
	// Not tb.TempDir: its parent is closed to all but root, and some programs run as nobody.
	dir, err := os.MkdirTemp("", "linedirector-test-")
	if err != nil {
		tb.Fatal(err)
	}
	l.dir = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return l
}

// Dir is a folder of the lab's own, readable by everybody, removed with it.
func (l *Lab) Dir() string { return l.dir }

// WriteFile puts a file into the lab's folder and returns its path.
func (l *Lab) WriteFile(name, text string) string {
	l.tb.Helper()
	file := filepath.Join(l.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		l.tb.Fatal(err)
	}
	return file
}

func (l *Lab) takeLock() {
	l.tb.Helper()
	if err := os.MkdirAll(locks, 0o755); err != nil {
		l.tb.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(locks, l.id), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		l.tb.Fatal(err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		l.tb.Fatalf("%s: another lab has this name: %v", file.Name(), err)
	}
	l.lock = file
}

// close ends the lab; processes were ended before, by their own cleanups.
func (l *Lab) close() {
	for _, name := range l.names {
		deleteNamespace(name)
	}
	if l.dir != "" {
		_ = os.RemoveAll(l.dir)
	}
	_ = os.Remove(l.lock.Name())
	_ = l.lock.Close()
}

// sweepStale removes what labs of dead processes left: their namespaces and the programs in them.
func sweepStale(tb testing.TB) {
	entries, err := os.ReadDir(locks)
	if err != nil {
		return
	}
	for _, entry := range entries {
		file, err := os.Open(filepath.Join(locks, entry.Name()))
		if err != nil {
			continue
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			stale, _ := filepath.Glob("/run/netns/" + prefix + entry.Name() + "-*")
			for _, name := range stale {
				tb.Logf("netlab: sweeping up %s, left by a run that was killed", name)
				deleteNamespace(filepath.Base(name))
			}
			_ = os.Remove(file.Name())
		}
		_ = file.Close()
	}
}

// deleteNamespace kills what still runs in a namespace of ours and deletes it; its interfaces go with it.
func deleteNamespace(name string) {
	out, _ := exec.Command("ip", "netns", "pids", name).Output()
	for _, field := range strings.Fields(string(out)) {
		// A process of our own may stand in it for a moment: see Namespace.Do.
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 && pid != os.Getpid() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	_ = exec.Command("ip", "netns", "delete", name).Run()
}

// run executes one command to its end and fails the test if it fails.
func (l *Lab) run(args ...string) string {
	l.tb.Helper()
	out, err := l.try(args...)
	if err != nil {
		l.tb.Fatal(err)
	}
	return out
}

// try executes one command to its end. The error holds what it printed.
func (l *Lab) try(args ...string) (string, error) {
	l.tb.Helper()
	l.tb.Logf("$ %s", strings.Join(args, " "))
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// tryQuiet executes one command to its end and returns its standard output alone; tshark, as root,
// warns on the other one.
func tryQuiet(tb testing.TB, args []string) (string, error) {
	tb.Helper()
	tb.Logf("$ %s", strings.Join(args, " "))
	var stderr strings.Builder
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), err
}
