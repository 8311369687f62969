package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The sysctl tree shows the network namespace of the thread that opens the file.
const sysctlRoot = "/proc/sys/net"

// readSysctl reads an integer below /proc/sys/net; ok is false if the kernel has no such knob.
func readSysctl(path ...string) (value int, ok bool, err error) {
	text, err := os.ReadFile(filepath.Join(sysctlRoot, filepath.Join(path...)))
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	value, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return value, err == nil, err
}

// setSysctl writes an integer below /proc/sys/net unless it stands there already, so that a
// read-only /proc/sys (a container) is no obstacle where nothing needs to change. A knob that the
// kernel does not have is passed over.
func setSysctl(value int, path ...string) error {
	old, ok, err := readSysctl(path...)
	if err != nil || !ok || old == value {
		return err
	}
	name := filepath.Join(sysctlRoot, filepath.Join(path...))
	if err := os.WriteFile(name, []byte(strconv.Itoa(value)), 0); err != nil {
		return fmt.Errorf("%w; set it to %d beforehand, or make /proc/sys writable", err, value)
	}
	return nil
}
