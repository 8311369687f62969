package dpdk

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// removeRuntime removes our EAL runtime directory, unless another process with the same prefix uses it. EAL unlinks its
// telemetry socket in a handler at exit, which Go does not run.
func removeRuntime(dir string) {
	if dir == "" {
		return
	}
	for _, path := range telemetrySockets(dir) {
		if pid := listener(path); pid == 0 || pid == os.Getpid() {
			_ = os.Remove(path)
		}
	}
	_ = os.Remove(dir)
}

// CleanStale removes what killed processes left: EAL's runtime directories, those of every --file-prefix that begins with
// prefix, unless a living process uses them. Call it before Init; it needs no EAL.
func CleanStale(prefix string) error {
	if prefix == "" {
		return errors.New("clean up after killed processes: empty prefix")
	}
	base := runtimeBase()
	entries, err := os.ReadDir(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		dir := filepath.Join(base, e.Name())
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix) && stale(dir) {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	if err != nil {
		return fmt.Errorf("clean up after killed processes: %w", err)
	}
	return nil
}

// runtimeBase is where EAL makes its runtime directories.
func runtimeBase() string {
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" {
		return filepath.Join(dir, "dpdk")
	}
	if os.Geteuid() == 0 {
		return "/var/run/dpdk"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "dpdk")
	}
	return "/tmp/dpdk"
}

// stale tells whether nobody uses a runtime directory: nobody listens on a telemetry socket, nobody locks the shared
// configuration, and it is too old for a process that only starts.
func stale(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || time.Since(info.ModTime()) < startTime {
		return false
	}
	for _, path := range telemetrySockets(dir) {
		if listener(path) != 0 {
			return false
		}
	}
	config, err := os.Open(filepath.Join(dir, "config"))
	if err != nil {
		return true
	}
	defer config.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	return syscall.FcntlFlock(config.Fd(), syscall.F_GETLK, &lock) == nil && lock.Type == syscall.F_UNLCK
}

// telemetrySockets are numbered where processes share a prefix.
func telemetrySockets(dir string) []string {
	paths, _ := filepath.Glob(filepath.Join(dir, "dpdk_telemetry.v2*"))
	return paths
}

// listener is the process that listens on a telemetry socket, 0 if none does, -1 if it cannot be told.
func listener(path string) int {
	c, err := net.Dial("unixpacket", path)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		return -1
	}
	defer c.Close()
	pid := -1
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return pid
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil && cred.Pid > 0 {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// startTime is how long EAL may take from making its directory to listening there.
const startTime = 5 * time.Second
