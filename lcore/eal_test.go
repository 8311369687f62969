package lcore

import (
	"slices"
	"strings"
	"testing"
)

func TestEALArgs(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    EALConfig
		want string
	}{
		{
			"virtual devices in hugepages",
			EALConfig{ControlCPU: 3, Devices: []string{"net_af_packet0,iface=eth1,qpairs=2", "net_null0"}, Prefix: "ld-1"},
			"--lcores 0@3 --file-prefix ld-1 --no-telemetry --in-memory --vdev net_af_packet0,iface=eth1,qpairs=2 --vdev net_null0 --no-pci",
		},
		{
			"PCI devices, with and without a domain",
			EALConfig{Devices: []string{"0000:3b:00.1", "3b:00.0,arg=1", "net_null0"}, Prefix: "p"},
			"--lcores 0@0 --file-prefix p --no-telemetry --in-memory --allow 0000:3b:00.1 --allow 3b:00.0,arg=1 --vdev net_null0",
		},
		{
			"without hugepages",
			EALConfig{NoHuge: true, MemoryMiB: 300, Prefix: "p"},
			"--lcores 0@0 --file-prefix p --no-telemetry --no-huge --no-shconf -m 300 --no-pci",
		},
		{
			"memory is EAL's choice",
			EALConfig{NoHuge: true, Prefix: "p"},
			"--lcores 0@0 --file-prefix p --no-telemetry --no-huge --no-shconf --no-pci",
		},
		{
			"hugepages taken at the start",
			EALConfig{MemoryMiB: 300, Prefix: "p"},
			"--lcores 0@0 --file-prefix p --no-telemetry --in-memory -m 300 --no-pci",
		},
		{
			"the operator's own come last, so that they win",
			EALConfig{Prefix: "p", Extra: []string{"--file-prefix", "mine", "--log-level=8"}},
			"--lcores 0@0 --file-prefix p --no-telemetry --in-memory --no-pci --file-prefix mine --log-level=8",
		},
	} {
		if got := EALArgs(tt.c); !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%s:\n%s, want\n%s", tt.name, strings.Join(got, " "), tt.want)
		}
	}
}
