package doctor

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"linedirector/conf"
)

func workers(cpus ...int) func(*Machine) { return func(m *Machine) { m.Flags.Lcores = cpus } }

func ports(all ...conf.Port) func(*Machine) { return func(m *Machine) { m.Config.Ports = all } }

func changes(all ...func(*Machine)) func(*Machine) {
	return func(m *Machine) {
		for _, change := range all {
			change(m)
		}
	}
}

// fine is a device that can do everything.
func fine(change func(*Device)) func(*Machine) {
	return func(m *Machine) {
		d := Device{MaxRxQueues: 64, MaxTxQueues: 64, MaxRxDesc: 8192, Steerable: true}
		change(&d)
		m.Devices = map[int]Device{0: d}
		m.Config.Ports[0].Side = conf.SideClients
	}
}

// Machines, and all that is wrong with each: in the order in which it is shown, each with words that its line holds.
func TestExamine(t *testing.T) {
	const pci = "sys/bus/pci/devices/0000:3b:00.0"
	const eth1 = "net_af_packet0,iface=eth1"
	onLaptop := changes(workers(1), func(m *Machine) { m.Flags.ControlLcores = []int{0}; m.Adaptive = true }, ports(port("outside", eth1)))
	server2M := "sys/devices/system/node/node0/hugepages/hugepages-2048kB/"
	for _, tt := range []struct {
		name  string
		files files
		start func(*Machine)
		want  []string // level topic | words | words
	}{
		{"all is well", server(), nil, nil},
		{"no configuration", server(), func(m *Machine) { m.Config = nil }, nil},
		{"a device that can do everything", server(), fine(func(*Device) {}), nil},

		{"a laptop without hugepages", laptop(), onLaptop, []string{
			"problem hugepages | none are reserved | vm.nr_hugepages=150 | --no-huge",
			"advice transparent hugepages | madvise",
			"advice isolation | isolcpus=managed_irq,domain,1 nohz_full=1 rcu_nocbs=1",
			"advice governor | powersave on CPU 1 | frequency-set",
			"advice idle states | C6 takes 133 µs | cpupower -c 1",
		}},
		{"the same without hugepages on purpose", laptop(), changes(onLaptop, func(m *Machine) { m.Flags.NoHuge = true }), []string{
			"advice hugepages | --no-huge", "advice memory | swap", "advice transparent hugepages", "advice isolation", "advice governor", "advice idle states",
		}},
		{"more than there is", laptop(), changes(onLaptop, func(m *Machine) { m.Flags.NoHuge, m.Memory = true, 1<<40 }), []string{
			"problem memory | 7812 MiB are available", "advice hugepages", "advice transparent hugepages", "advice isolation", "advice governor", "advice idle states",
		}},
		{"a NIC that the kernel has, and no IOMMU", laptop().with(card("0000:3b:00.0", -1, 1, "ixgbe")).with(files{
			"sys/kernel/iommu_groups": "", pci + "/iommu_group": "", pci + "/net/eth5/mtu": "1500",
			cpuFile(1, "cpufreq/scaling_governor"): "performance", "sys/kernel/mm/transparent_hugepage/enabled": "never",
			"sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "512", "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "100",
		}), changes(onLaptop, ports(port("outside", "3B:00.0")), func(m *Machine) { m.Adaptive = false }), []string{
			"problem hugepages | 200 of 1024 MiB are free | takes 300 | vm.nr_hugepages=562",
			"problem driver of outside | ixgbe, the kernel's own | interface eth5 | intel_iommu=on | modprobe vfio-pci; dpdk-devbind.py -b vfio-pci 0000:3b:00.0 | cut off",
			"advice isolation",
		}},

		{"the port on the other node", server(), ports(port("outside", "0000:d8:00.0")), []string{
			"problem hugepages | none are reserved on NUMA node 1 | echo 150 > /sys/devices/system/node/node1/hugepages",
			"problem NUMA | CPUs 2-3 (node 0) | node 1 | --lcores 4-5",
		}},
		{"two ports on two nodes", server(), ports(port("outside", "0000:3b:00.0"), port("inside", "0000:d8:00.0")), []string{
			"advice NUMA | port inside is on node 1",
		}},
		{"workers on two nodes, no NIC", server().with(files{"sys/class/net/eth1/carrier": "1"}), changes(workers(3, 4), ports(port("outside", eth1+",qpairs=2"))), []string{
			"advice NUMA | several | node 0: 0-3,8-11", "advice isolation | isolcpus=managed_irq,domain,3-4",
		}},
		{"NUMA balancing", server().with(files{"proc/sys/kernel/numa_balancing": "1"}), nil, []string{"advice NUMA balancing"}},
		{"SMT siblings as two workers", server(), workers(2, 10), []string{"problem SMT | workers on 2,10 share cores | --lcores 2-3 --control-lcores 0-1"}},
		{"control beside a worker", server(), func(m *Machine) { m.Flags.ControlLcores = []int{0, 11} }, []string{"advice SMT | (3) | --lcores 2-3 --control-lcores 0-1"}},
		{"worker and control on one CPU", server(), func(m *Machine) { m.Flags.ControlLcores = []int{0, 3} }, []string{"problem cores | CPU 3: | --lcores 2-3 --control-lcores 0-1"}},
		{"one CPU", laptop().with(files{"sys/devices/system/cpu/online": "0"}), changes(onLaptop, func(m *Machine) { m.Flags.Lcores, m.Flags.NoHuge = []int{0}, true }), []string{
			"problem cores | one CPU | second", "advice hugepages", "advice memory", "advice transparent hugepages",
		}},
		{"isolated CPUs that nobody uses", server(), func(m *Machine) { m.Flags.Lcores, m.Flags.ControlLcores = []int{1}, []int{0} }, []string{
			"advice isolation | CPUs 2-3,10-11 are isolated | --lcores 2 --control-lcores 0-1,4-9,12-15",
		}},

		{"a throttled group", server().with(files{
			"sys/fs/cgroup/system.slice/cpu.max": "150000 100000", "sys/fs/cgroup/system.slice/linedirector.service/cpu.max": "max 100000",
		}), nil, []string{"problem CPU quota | 1.5 CPUs' time, for 2 workers | 100 ms"}},
		{"a quota that workers fill", server().with(files{"sys/fs/cgroup/cpu.max": "200000 100000"}), nil, []string{"problem CPU quota | 2 CPUs"}},
		{"the same, with naps", server().with(files{"sys/fs/cgroup/cpu.max": "200000 100000"}), func(m *Machine) { m.Adaptive = true }, []string{"advice CPU quota"}},
		{"a quota that is enough", server().with(files{"sys/fs/cgroup/cpu.max": "300000 100000"}), nil, nil},
		{"a quota of control groups' first version", server().with(files{
			"proc/self/cgroup": "4:cpu,cpuacct:/docker/x\n1:name=systemd:/", "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us": "50000",
			"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
		}), nil, []string{"problem CPU quota | 0.5"}},
		{"a limit of hugepages", server().with(files{"sys/fs/cgroup/hugetlb.2MB.max": "104857600"}), nil, []string{"problem hugepages | allows 100 MiB | hugepages-2Mi"}},

		{"not root", server(), func(m *Machine) { m.User = 1000 }, []string{"problem rights | user 1000"}},
		{"a container's root", server().with(files{"proc/self/status": "CapEff:\t00000000a80425fb"}), nil, []string{
			"problem rights | NET_ADMIN | --cap-add NET_ADMIN", "problem locked memory | 8 MiB | memlock",
		}},
		{"no taps", server().with(files{"dev/net/tun": ""}), nil, []string{"problem rights | /dev/net/tun"}},
		{
			"too few mappings", server().with(files{server2M + "free_hugepages": "200000", server2M + "nr_hugepages": "200000"}),
			func(m *Machine) { m.Memory = 200 << 30 },
			[]string{"problem mappings | 65530 | 102400"},
		},

		{"nothing is isolated", server().with(files{"sys/devices/system/cpu/isolated": " ", "sys/devices/system/cpu/nohz_full": "(null)"}), nil, []string{
			"advice isolation | other tasks | tick | callbacks | rcu_nocbs=2-3",
		}},
		{"callbacks alone are left", server().with(files{"sys/devices/system/cpu/nohz_full": "(null)", "proc/cmdline": "rcu_nocbs=all"}), nil, []string{
			"advice isolation | tick | nohz_full=2-3",
		}},
		{"interrupts at a worker", server().with(files{"proc/irq/24/effective_affinity_list": "2"}), nil, []string{
			"advice interrupts | 1 interrupt of devices | 24 (nvme0q1) | echo 0-1 > /proc/irq/N/smp_affinity_list",
		}},
		{"irqbalance", server().with(files{"proc/700/comm": "irqbalance", "sys/devices/system/cpu/isolated": "2"}), nil, []string{
			"advice isolation", "advice irqbalance | BANNED_CPULIST=2-3",
		}},
		{"irqbalance that knows", server().with(files{"proc/700/comm": "irqbalance", "proc/700/environ": "A=1\x00IRQBALANCE_BANNED_CPULIST=2-3\x00"}), nil, nil},
		{"a noisy neighbour", server().with(files{"proc/stat": "cpu3 100 0 100 600 0 0 0 200 0 0\ncpu2 1 1 1 1 1 1 1 0"}), nil, []string{"problem steal | 20 % of CPU 3"}},
		{"a neighbour", server().with(files{"proc/stat": "cpu3 100 0 100 780 0 0 0 20 0 0"}), nil, []string{"advice steal | 2 % of CPU 3"}},
		{"real-time priority", server().with(files{
			"proc/self/stat": "99 (ld) S 1 99 99 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 9 0 100 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 3 50 1 0 0 0",
		}), nil, []string{"problem real-time priority | 950000 | chrt"}},
		{"a counter that is not steady", server().with(files{"proc/cpuinfo": "flags : fpu tsc hypervisor constant_tsc"}), nil, []string{"problem clock | nonstop_tsc"}},
		{"a counter that the kernel does not trust", server().with(files{"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"}), nil, []string{"advice clock | hpet"}},

		{"no such card", server().with(files{pci: ""}), nil, []string{"problem driver of outside | no PCI device 0000:3b:00.0"}},
		{"no network card", server().with(files{pci + "/class": "0x010802"}), nil, []string{"problem driver of outside | no network card"}},
		{"a card without a driver", server().with(files{pci + "/driver": ""}), nil, []string{"problem driver of outside | no driver has it | vfio-pci"}},
		{"a bifurcated driver", server().with(files{pci + "/driver": "-> x/mlx5_core", pci + "/infiniband/mlx5_0/node_guid": "0"}), nil, nil},
		{"the same without RDMA", server().with(files{pci + "/driver": "-> x/mlx5_core"}), nil, []string{"problem driver of outside | without RDMA | modprobe mlx5_ib ib_uverbs"}},
		{"the same with translation", server().with(files{pci + "/driver": "-> x/mlx5_core", pci + "/infiniband/mlx5_0/node_guid": "0", "sys/kernel/iommu_groups/40/type": "DMA-FQ"}), nil, []string{
			"advice IOMMU of outside | DMA-FQ | iommu=pt",
		}},
		{"uio", server().with(files{pci + "/driver": "-> x/igb_uio"}), nil, []string{"advice driver of outside | igb_uio"}},
		{"vfio without an IOMMU", server().with(files{pci + "/iommu_group": ""}), nil, []string{"problem driver of outside | no IOMMU"}},
		{"the same with leave", server().with(files{pci + "/iommu_group": "", noIOMMUMode: "Y"}), nil, []string{"advice driver of outside | without an IOMMU"}},
		{"a group with others", server().with(card("0000:3b:00.1", 0, 40, "ixgbe")).with(card("0000:3a:00.0", 0, 40, "pcieport")), nil, []string{
			"problem IOMMU of outside | group 40 holds also 0000:3b:00.1 (ixgbe)",
		}},
		{"a narrow slot", server().with(files{pci + "/current_link_width": "4"}), nil, []string{"advice slot of outside | x4 at 8 GT/s | x8"}},
		{"a slow slot", server().with(files{pci + "/current_link_speed": "2.5 GT/s PCIe"}), nil, []string{"advice slot of outside | x8 at 2.5"}},

		{"a device that fails", server(), fine(func(d *Device) { d.Err = errors.New("find device: broken") }), []string{"problem device of outside | find device: broken"}},
		{"a device that fails as was to be expected", server().with(files{pci + "/driver": ""}), fine(func(d *Device) { d.Err = errors.New("no such device") }), []string{"problem driver of outside"}},
		{"fewer queues than workers", server(), fine(func(d *Device) { d.MaxTxQueues = 1 }), []string{"advice queues of outside | 1 for 2 workers"}},
		{"RSS that cannot", server(), fine(func(d *Device) { d.Steerable = false }), []string{"advice steering of outside | handed"}},
		{"no side", server(), changes(fine(func(*Device) {}), func(m *Machine) { m.Config.Ports[0].Side = conf.SideBoth }), []string{"advice steering of outside | side: clients"}},
		{"few descriptors", server(), fine(func(d *Device) { d.MaxRxDesc = 512 }), []string{"advice descriptors of outside | at most 512 | 0.0344 ms"}},

		{"no such interface", server(), ports(port("outside", "net_af_xdp0,iface=eth9")), []string{"problem interface of outside | no eth9"}},
		{"an interface in a bridge", laptopAtRest().with(files{"sys/class/net/eth1/master": "-> ../br0", "sys/class/net/eth1/carrier": "0", "sys/class/net/eth1/mtu": "9000"}), onLaptop, []string{
			"problem interface of outside | belongs to br0", "advice interface of outside | carrier", "advice MTU of outside | 9000 | 2030",
		}},
		{"a packet socket on a NIC", laptopAtRest().with(files{"sys/class/net/eth1/device/driver": "-> x/ixgbe"}), onLaptop, []string{"advice driver of outside | ixgbe through a packet socket"}},
		{"AF_XDP beside queues", laptopAtRest().with(files{"sys/class/net/eth1/queues/rx-1/rps_cpus": "0"}), changes(onLaptop, ports(port("outside", "net_af_xdp0,iface=eth1"))), []string{
			"problem queues of outside | eth1 has 2, the port opens 1 | queue_count=2 | ethtool -L eth1 combined 1",
		}},
		{"AF_XDP with all queues", laptopAtRest().with(files{"sys/class/net/eth1/queues/rx-1/rps_cpus": "0"}), changes(onLaptop, ports(port("outside", "net_af_xdp0,iface=eth1,queue_count=2"))), nil},
		{"fewer pairs than workers", server().with(files{"sys/class/net/eth1/carrier": "1"}), ports(port("outside", eth1)), []string{"advice queues of outside | 1 for 2 workers | qpairs=2"}},
		{"short rings", laptopAtRest(), changes(onLaptop, func(m *Machine) { m.Rings = func(string) (int, int, error) { return 512, 4096, nil } }), []string{
			"advice descriptors of outside | 512 | ethtool -G eth1 rx 4096",
		}},
		{"rings as long as they can be", laptopAtRest(), changes(onLaptop, func(m *Machine) { m.Rings = func(string) (int, int, error) { return 2048, 2048, nil } }), nil},
		{"no rings", laptopAtRest(), changes(onLaptop, func(m *Machine) { m.Rings = func(string) (int, int, error) { return 0, 0, os.ErrInvalid } }), nil},

		{"a large subnet", server(), func(m *Machine) { m.Config.Ports[0].Addresses[0] = prefix("10.0.0.1/16") }, []string{"advice neighbours | 65536 | gc_thresh3=131072"}},
		{"more reals than neighbours", server().with(files{"proc/sys/net/ipv4/neigh/default/gc_thresh3": "3"}), func(m *Machine) {
			for _, a := range []string{"192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14", "198.51.100.1"} {
				m.Config.Reals = append(m.Config.Reals, conf.Real{Address: prefix(a + "/32").Addr()})
			}
		}, []string{"problem neighbours | has 4 on-link"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range Examine(on(tt.files, tt.start)) {
				if (f.Do == "") != (f.Level == OK) || f.What == "" {
					t.Errorf("a finding without a mend, or the other way round: %+v", f)
				}
				if f.Level != OK {
					got = append(got, string(f.Level)+" "+f.topic()+" | "+f.text())
				}
			}
			for i := range max(len(got), len(tt.want)) {
				switch {
				case i >= len(got):
					t.Errorf("missing: %s", tt.want[i])
				case i >= len(tt.want):
					t.Errorf("found besides: %s", got[i])
				case !holds(got[i], tt.want[i]):
					t.Errorf("found  %s\nwanted %s", got[i], tt.want[i])
				}
			}
		})
	}
}

// laptopAtRest has nothing wrong for onLaptop's start.
func laptopAtRest() files {
	return laptop().with(files{
		"sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "512", "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "512",
		"sys/kernel/mm/transparent_hugepage/enabled": "never", "sys/devices/system/cpu/isolated": "1", "sys/devices/system/cpu/nohz_full": "1",
		cpuFile(1, "cpufreq/scaling_governor"): "performance", cpuFile(1, "cpuidle/state3/disable"): "1",
	})
}

// holds tells whether a line is of the level and topic wanted, and holds the words.
func holds(line, want string) bool {
	parts := strings.Split(want, " | ")
	return strings.HasPrefix(line, parts[0]+" | ") &&
		!slices.ContainsFunc(parts[1:], func(words string) bool { return !strings.Contains(line, words) })
}

// Every start is told something good, too: silence would not show what was looked at.
func TestExamineSaysWhatIsWell(t *testing.T) {
	found := Examine(on(server(), fine(func(*Device) {})))
	var topics []string
	for _, f := range found {
		topics = append(topics, f.topic())
	}
	want := []string{
		"rights", "hugepages", "cores", "SMT", "NUMA", "CPU quota", "isolation", "interrupts", "clock", "governor", "idle states",
		"driver of outside", "slot of outside", "steering of outside", "descriptors of outside", "neighbours",
	}
	if !slices.Equal(topics, want) {
		t.Errorf("topics\n%q, want\n%q", topics, want)
	}
}

// A machine of which nothing can be read is no reason to fall over.
func TestExamineNothing(t *testing.T) {
	for _, f := range Examine(on(files{}, nil)) {
		if f.Level == Problem && f.Topic != "hugepages" && f.Topic != "rights" && f.Topic != "driver" {
			t.Errorf("a problem out of nothing: %+v", f)
		}
	}
	if found := Examine(on(files{}, func(m *Machine) { m.Flags.Lcores, m.Flags.ControlLcores = []int{0}, []int{0} })); len(found) == 0 {
		t.Error("nothing was said")
	}
}

// This machine, whatever it is like, can be examined.
func TestExamineThisMachine(t *testing.T) {
	m := on(nil, func(m *Machine) { m.Root, m.Flags.Lcores, m.Flags.ControlLcores = os.DirFS("/"), []int{0}, []int{0} })
	if found := Examine(m); Count(found, OK)+Count(found, Advice)+Count(found, Problem) != len(found) || len(found) < 5 {
		t.Errorf("%+v", found)
	}
}

func TestParseList(t *testing.T) {
	for text, want := range map[string][]int{
		"":               nil,
		"(null)":         nil,
		"0":              {0},
		"0-2,5":          {0, 1, 2, 5},
		" 1-2 ":          {1, 2},
		"0-7:2/4":        {0, 1, 4, 5},
		"managed_irq,3":  {3},
		"5-3":            nil,
		"0-99999999":     nil,
		"0-3:1/0,9":      {9},
		"-1,4":           {4},
		"domain,2-3,all": {2, 3},
	} {
		if got := parseList(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestText(t *testing.T) {
	found := []Finding{
		{Problem, "hugepages", "", "none are reserved", "reserve some, because of this and that"},
		{OK, "driver", "outside", "vfio-pci", ""},
	}
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "" +
			"problem  hugepages:         none are reserved; reserve some, because of this and that\n" +
			"ok       driver of outside: vfio-pci\n"},
		{60, "" +
			"problem  hugepages:         none are reserved; reserve some,\n" +
			"                            because of this and that\n" +
			"ok       driver of outside: vfio-pci\n"},
		{40, "" + // too narrow for columns
			"problem  hugepages:         none are reserved; reserve some, because of this and that\n" +
			"ok       driver of outside: vfio-pci\n"},
	} {
		var b strings.Builder
		if err := Text(&b, found, tt.width); err != nil || b.String() != tt.want {
			t.Errorf("width %d: %v\n%s, want\n%s", tt.width, err, b.String(), tt.want)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, tt := range []struct {
		found []Finding
		want  string
	}{
		{nil, `{"findings":[]}`},
		{
			[]Finding{{Advice, "MTU", "outside", "9000 > 2030", "ip link set"}, {OK, "clock", "", "steady", ""}},
			`{"findings":[{"level":"advice","topic":"MTU","port":"outside","what":"9000 > 2030","do":"ip link set"},{"level":"ok","topic":"clock","what":"steady"}]}`,
		},
	} {
		var b strings.Builder
		if err := JSON(&b, tt.found); err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := errors.Join(json.Unmarshal([]byte(b.String()), &got), json.Unmarshal([]byte(tt.want), &want)); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		if string(a) != string(w) || strings.Contains(b.String(), `\u003e`) {
			t.Errorf("%s, want %s", b.String(), tt.want)
		}
	}
}
