package lcore

import (
	"fmt"
	"strconv"
	"strings"
)

// EALConfig is what EAL needs to know before any port is opened.
type EALConfig struct {
	ControlCPU int // where EAL's main lcore and its own threads live
	Devices    []string
	NoHuge     bool
	MemoryMiB  int    // taken at the start; 0: with NoHuge 64, else what is needed, when it is
	Prefix     string // unique on the machine
	Extra      []string
}

// EALArgs are EAL's command-line arguments. A run in hugepages leaves nothing on disk, whatever ends it; one without
// has a runtime directory named by the prefix. The operator's own arguments come last.
func EALArgs(c EALConfig) []string {
	args := []string{"--lcores", fmt.Sprintf("0@%d", c.ControlCPU), "--file-prefix", c.Prefix, "--no-telemetry"}
	if c.NoHuge {
		args = append(args, "--no-huge", "--no-shconf")
	} else {
		args = append(args, "--in-memory")
	}
	if c.MemoryMiB > 0 {
		args = append(args, "-m", strconv.Itoa(c.MemoryMiB))
	}
	pci := false
	for _, device := range c.Devices {
		if isPCI(device) {
			pci = true
			args = append(args, "--allow", device)
		} else {
			args = append(args, "--vdev", device)
		}
	}
	if !pci {
		args = append(args, "--no-pci")
	}
	return append(args, c.Extra...)
}

// isPCI tells a PCI address, as in 0000:3b:00.1 or 3b:00.1, from a virtual device's name.
func isPCI(device string) bool {
	name, _, _ := strings.Cut(device, ",")
	return strings.Contains(name, ":")
}
