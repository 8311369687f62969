package lcore

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// affordable says whether there is memory for so many bytes, where the kernel would promise them and kill somebody once they
// are touched.
func affordable(name string, size int) error {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "MemAvailable:")
		if !ok {
			continue
		}
		kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
		if err == nil && kib < size>>10 {
			return fmt.Errorf("allocate %d MiB for %s: there are %d MiB of memory; use less, or give the machine more",
				size>>20, name, kib>>10)
		}
		return err
	}
	return nil
}
