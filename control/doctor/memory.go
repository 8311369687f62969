package doctor

import (
	"fmt"
	"strconv"
	"strings"
)

// pool is the hugepages of one size on one NUMA node.
type pool struct {
	node        int // -1: the whole machine
	size        int64
	total, free int64 // pages
}

const hugepageRoot = "sys/kernel/mm/hugepages"

// pools reads them: by node where there are nodes.
func (e *examination) pools() (all []pool) {
	read := func(node int, folder string) {
		for _, name := range e.root.list(folder) {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(name, "hugepages-"), "kB"), 10, 64)
			if err != nil {
				continue
			}
			total, _ := e.root.number(folder + "/" + name + "/nr_hugepages")
			free, _ := e.root.number(folder + "/" + name + "/free_hugepages")
			all = append(all, pool{node, kib << 10, total, free})
		}
	}
	for _, node := range e.root.nodes() {
		read(node, fmt.Sprintf("sys/devices/system/node/node%d/hugepages", node))
	}
	if len(all) == 0 {
		read(-1, hugepageRoot)
	}
	return all
}

// memoryNode is the NUMA node on which tables and packet buffers lie: that of the first port on a NIC; -1: any.
func (e *examination) memoryNode() int {
	for _, p := range e.configured() {
		if node := e.portNode(p); node >= 0 {
			return node
		}
	}
	return -1
}

// hugepages must hold tables and packet buffers, on the node where these are asked for.
func (e *examination) hugepages() {
	if e.Flags.NoHuge {
		if e.onNICs() {
			e.problem("hugepages", "--no-huge, with ports on NICs",
				"leave --no-huge out: NICs need memory whose physical place is known, and each table look-up misses the TLB")
			return
		}
		e.advice("hugepages", "--no-huge", "leave it out once hugepages are reserved; without them table look-ups miss the TLB, and packets take longer")
		return
	}
	node := e.memoryNode()
	var total, free, default2M int64
	for _, p := range e.pools() {
		if node >= 0 && p.node >= 0 && p.node != node {
			continue
		}
		total += p.total * p.size
		free += p.free * p.size
		if p.size == 2<<20 {
			default2M += p.total
		}
	}
	const page = 2 << 20
	missing := (max(0, e.Memory-free) + page - 1) / page
	reserve := fmt.Sprintf("sysctl -w vm.nr_hugepages=%d (and into /etc/sysctl.d)", default2M+missing)
	on := ""
	if node >= 0 && len(e.root.nodes()) > 1 {
		reserve = fmt.Sprintf("echo %d > /sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages", default2M+missing, node)
		on = fmt.Sprintf(" on NUMA node %d, that of the port", node)
	}
	switch {
	case total == 0:
		e.problem("hugepages", "none are reserved"+on, fmt.Sprintf("%s: the start takes %d MiB of them; for a trial start with --no-huge", reserve, mib(e.Memory)))
	case missing > 0:
		e.problem("hugepages", fmt.Sprintf("%d of %d MiB are free%s; the start takes %d", free>>20, total>>20, on, mib(e.Memory)),
			reserve+", or end what holds them, or give fewer --flows, --rx-desc or workers")
	default:
		e.ok("hugepages", fmt.Sprintf("%d of %d MiB are free%s; the start takes %d", free>>20, total>>20, on, mib(e.Memory)))
	}
	e.hugepageLimit()
}

// hugepageLimit is a container's: beyond it a process is killed by SIGBUS when it touches a page, not refused at the start.
func (e *examination) hugepageLimit() {
	for _, dir := range e.groupFolders("hugetlb") {
		for _, name := range []string{"hugetlb.2MB.max", "hugetlb.2MB.limit_in_bytes"} {
			if limit, ok := e.root.number(dir + "/" + name); ok && limit < e.Memory {
				e.problem("hugepages", fmt.Sprintf("the control group allows %d MiB (%s); the start takes %d", limit>>20, name, mib(e.Memory)),
					"raise the container's limit (Kubernetes: hugepages-2Mi), or the process is killed when it touches the memory")
				return
			}
		}
	}
}

// plainMemory is what a start without hugepages takes.
func (e *examination) plainMemory() {
	available := e.root.kibibytes("MemAvailable")
	if !e.Flags.NoHuge || available == 0 {
		return
	}
	switch {
	case available < e.Memory:
		e.problem("memory", fmt.Sprintf("%d MiB are available; the start takes %d", available>>20, mib(e.Memory)), "give fewer --flows, --rx-desc or workers")
	case e.root.kibibytes("SwapTotal") > 0:
		e.advice("memory", "there is swap, and --no-huge memory can be swapped out", "swapoff -a, or use hugepages, which never are: a worker that waits for a disk drops packets")
	}
}

// capIPCLock lifts the limit of locked memory.
const capIPCLock = 14

// lockedMemory is limited for those without a capability that containers take away even from root.
func (e *examination) lockedMemory() {
	pinned := e.onNICs() || e.onAFXDP()
	if e.capable(capIPCLock) || !pinned {
		return
	}
	soft := e.limit("Max locked memory")
	if bytes, err := strconv.ParseInt(soft, 10, 64); err == nil && bytes < e.Memory {
		e.problem("locked memory", fmt.Sprintf("at most %d MiB (ulimit -l), and no CAP_IPC_LOCK", bytes>>20),
			"ulimit -l unlimited (systemd: LimitMEMLOCK=infinity; docker: --ulimit memlock=-1), since VFIO and AF_XDP pin all packet memory")
	}
}

// limit is a soft limit of this process.
func (e *examination) limit(name string) string {
	for line := range strings.Lines(e.root.text("proc/self/limits")) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if fields := strings.Fields(rest); len(fields) > 0 {
				return fields[0]
			}
		}
	}
	return ""
}

// mappings: each hugepage may be one of its own.
func (e *examination) mappings() {
	most, ok := e.root.number("proc/sys/vm/max_map_count")
	if pages := e.Memory / (2 << 20); ok && !e.Flags.NoHuge && pages > most*3/4 {
		e.problem("mappings", fmt.Sprintf("vm.max_map_count is %d; the start maps %d hugepages", most, pages),
			fmt.Sprintf("sysctl -w vm.max_map_count=%d, or reserve hugepages of 1 GiB: the kernel refuses more mappings", 2*pages+most))
	}
}

// transparent hugepages are the kernel's own, for memory of others; workers' memory is not theirs.
func (e *examination) transparent() {
	if strings.Contains(e.root.text("sys/kernel/mm/transparent_hugepage/enabled"), "[always]") {
		e.advice("transparent hugepages", "always", "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled: compaction for other programs takes "+
			"free memory and interrupts all CPUs; workers' tables lie in reserved hugepages and gain nothing")
	}
}
