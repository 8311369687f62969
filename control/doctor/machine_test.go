package doctor

import (
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"strings"
	"testing/fstest"

	"linedirector/conf"
)

// files are a machine's; "-> target" is a symbolic link, "" in a change removes the file and all below.
type files map[string]string

func (f files) fs() fs.FS {
	m := fstest.MapFS{}
	for name, text := range f {
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			m[name] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		m[name] = &fstest.MapFile{Data: []byte(text + "\n"), Mode: 0o444}
	}
	return m
}

// with is the machine with some files changed.
func (f files) with(changes files) files {
	out := maps.Clone(f)
	for name, text := range changes {
		if text == "" {
			maps.DeleteFunc(out, func(k, _ string) bool { return k == name || strings.HasPrefix(k, name+"/") })
			continue
		}
		out[name] = text
	}
	return out
}

const steady = "model name\t: a server\nflags\t\t: fpu tsc constant_tsc nonstop_tsc avx2"

// server has two sockets of four cores of two threads: CPUs 0-3 and 8-11 on node 0, 4-7 and 12-15 on node 1, n and n+8 one
// core. CPUs 2,3,10,11 are the workers' own; 0000:3b:00.0 is on node 0, 0000:d8:00.0 on node 1, both with vfio-pci. All is well.
func server() files {
	f := files{
		"dev/net/tun":                   "",
		"proc/self/status":              "Name:\tlinedirector\nCapEff:\t000001ffffffffff",
		"proc/self/limits":              "Limit                     Soft Limit           Hard Limit           Units\nMax locked memory         8388608              8388608              bytes",
		"proc/self/cgroup":              "0::/system.slice/linedirector.service",
		"proc/self/stat":                "99 (line (director) x) S 1 99 99 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 9 0 100 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0",
		"proc/cpuinfo":                  steady,
		"proc/cmdline":                  "root=/dev/sda1 isolcpus=managed_irq,domain,2,3,10,11 nohz_full=2,3,10,11",
		"proc/meminfo":                  "MemTotal:       65536000 kB\nMemAvailable:   60000000 kB\nSwapTotal:             0 kB",
		"proc/stat":                     "cpu  1 1 1 1 1 1 1 0 0 0\ncpu2 1000 0 1000 8000 0 0 0 0 0 0\ncpu3 1000 0 1000 8000 0 0 0 0 0 0",
		"proc/interrupts":               "           CPU0       CPU1       CPU2       CPU3\n 24:        900        100          7          0  IR-PCI-MSI 0-edge      nvme0q1\nLOC:  1 1 1 1   Local timer interrupts\nERR:          0",
		"proc/irq/24/smp_affinity_list": "0-15", "proc/irq/24/effective_affinity_list": "0",
		"proc/sys/vm/max_map_count":                  "65530",
		"proc/sys/kernel/sched_rt_runtime_us":        "950000",
		"proc/sys/kernel/numa_balancing":             "0",
		"proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024",

		"sys/kernel/mm/transparent_hugepage/enabled":                              "always [madvise] never",
		"sys/devices/system/clocksource/clocksource0/current_clocksource":         "tsc",
		"sys/devices/system/cpu/online":                                           "0-15",
		"sys/devices/system/cpu/isolated":                                         "2-3,10-11",
		"sys/devices/system/cpu/nohz_full":                                        "2-3,10-11",
		"sys/devices/system/node/online":                                          "0-1",
		"sys/devices/system/node/node0/cpulist":                                   "0-3,8-11",
		"sys/devices/system/node/node1/cpulist":                                   "4-7,12-15",
		"sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages":   "1024",
		"sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages": "1000",
		"sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages":   "0",
		"sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages": "0",
	}
	for cpu := range 16 {
		f[cpuFile(cpu, "topology/thread_siblings_list")] = fmt.Sprintf("%d,%d", cpu%8, cpu%8+8)
		f[cpuFile(cpu, "cpufreq/scaling_governor")] = "performance"
	}
	maps.Copy(f, card("0000:3b:00.0", 0, 40, "vfio-pci"))
	maps.Copy(f, card("0000:d8:00.0", 1, 41, "vfio-pci"))
	return f
}

// card is a NIC in a slot as wide as itself.
func card(address string, node, group int, driver string) files {
	folder := "sys/bus/pci/devices/" + address + "/"
	f := files{
		folder + "class": "0x020000", folder + "numa_node": fmt.Sprint(node),
		folder + "iommu_group":        fmt.Sprintf("-> ../../../kernel/iommu_groups/%d", group),
		folder + "current_link_width": "8", folder + "max_link_width": "8",
		folder + "current_link_speed": "8.0 GT/s PCIe", folder + "max_link_speed": "8.0 GT/s PCIe",
		fmt.Sprintf("sys/kernel/iommu_groups/%d/type", group):                "identity",
		fmt.Sprintf("sys/kernel/iommu_groups/%d/devices/%s", group, address): "-> ../../../../" + folder,
	}
	if driver != "" {
		f[folder+"driver"] = "-> ../../../../bus/pci/drivers/" + driver
	}
	return f
}

// laptop has two cores of one thread, no hugepages, an interface eth1, and an IOMMU that is off.
func laptop() files {
	return files{
		"dev/net/tun":      "",
		"proc/self/status": "CapEff:\t000001ffffffffff",
		"proc/cpuinfo":     "vendor_id\t: GenuineIntel\n" + steady,
		"proc/meminfo":     "MemAvailable:   8000000 kB\nSwapTotal:       2000000 kB",
		"proc/cmdline":     "root=/dev/nvme0n1p2 quiet",
		"proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024",

		"sys/kernel/mm/transparent_hugepage/enabled":              "[always] madvise never",
		"sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages":   "0",
		"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "0",
		"sys/devices/system/cpu/online":                           "0-1",
		"sys/devices/system/cpu/isolated":                         " ",
		"sys/devices/system/cpu/nohz_full":                        "(null)",
		cpuFile(0, "topology/thread_siblings_list"):               "0",
		cpuFile(1, "topology/thread_siblings_list"):               "1",
		cpuFile(1, "cpufreq/scaling_governor"):                    "powersave",
		cpuFile(1, "cpuidle/state0/name"):                         "POLL",
		cpuFile(1, "cpuidle/state0/latency"):                      "0",
		cpuFile(1, "cpuidle/state3/name"):                         "C6",
		cpuFile(1, "cpuidle/state3/latency"):                      "133",
		"sys/class/net/eth1/carrier":                              "1",
		"sys/class/net/eth1/mtu":                                  "1500",
		"sys/class/net/eth1/queues/rx-0/rps_cpus":                 "0",
	}
}

// port is one of the configuration's, with a /24.
func port(name, device string) conf.Port {
	return conf.Port{Name: name, Device: device, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}}
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// on is a start on the machine: two workers with a NIC, unless changed.
func on(f files, change func(*Machine)) Machine {
	m := Machine{
		Root: f.fs(), Memory: 300 << 20, MaxMTU: 2030,
		Flags:  &conf.Flags{Lcores: []int{2, 3}, ControlLcores: []int{0, 1}, RxDesc: 4096},
		Config: &conf.Config{Ports: []conf.Port{port("outside", "0000:3b:00.0")}},
	}
	if change != nil {
		change(&m)
	}
	return m
}
