package dpdk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// removeRuntime removes an EAL runtime directory that EAL left. Leftovers of others in it are not ours to remove.
func removeRuntime(dir string) {
	if dir == "" {
		return
	}
	_ = os.Remove(filepath.Join(dir, "dpdk_telemetry.v2"))
	_ = os.Remove(dir)
}

// CleanStale removes what a killed run with this --file-prefix left: /var/run/dpdk/<prefix>. Call it before Init, and
// only with a prefix that no living process uses.
func CleanStale(prefix string) error {
	base := "/var/run/dpdk"
	if os.Geteuid() != 0 {
		base = filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "dpdk")
	}
	if prefix == "" || prefix != filepath.Base(prefix) {
		return errors.New("clean up after a killed run: no such prefix: " + prefix)
	}
	err := os.RemoveAll(filepath.Join(base, prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
