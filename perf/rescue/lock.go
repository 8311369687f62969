package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// prefix begins the name of every namespace of a run.
	prefix = "ld-rescue-"
	// lockFile is held for as long as a run lives. Whoever holds it may sweep up what it finds.
	lockFile = "/run/linedirector-rescue.lock"
)

// lock makes this the only run on the machine, and removes what a killed one left.
func lock() (unlock func(), err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces need root: sudo make rescue")
	}
	file, err := os.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another run holds %s: wait for its end", lockFile)
	}
	sweep()
	return func() { sweep(); _ = file.Close() }, nil
}

// sweep kills what runs in namespaces of ours and deletes them; their interfaces, rules and settings go with them.
func sweep() {
	found, _ := filepath.Glob("/run/netns/" + prefix + "*")
	for _, file := range found {
		name := filepath.Base(file)
		out, _ := exec.Command("ip", "netns", "pids", name).Output()
		for _, field := range strings.Fields(string(out)) {
			// A thread of our own may stand in it for a moment: see in.
			if pid, err := strconv.Atoi(field); err == nil && pid > 1 && pid != os.Getpid() {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if err := exec.Command("ip", "netns", "delete", name).Run(); err != nil {
			note("namespace %s could not be deleted: %v", name, err)
		}
	}
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*"))
	for _, dir := range dirs {
		_ = os.RemoveAll(dir)
	}
}
