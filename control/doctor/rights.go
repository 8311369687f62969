package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Capabilities that a start needs besides being root; capIPCLock stands in memory.go.
const (
	capNetAdmin = 12
	capNetRaw   = 13
)

// capable tells whether the process has a capability. Where that cannot be read it is taken to have it.
func (e *examination) capable(bit uint) bool {
	set, err := strconv.ParseUint(e.root.field("proc/self/status", "CapEff"), 16, 64)
	return err != nil || set>>bit&1 != 0
}

// rights that root may lack in a container.
func (e *examination) rights() {
	if e.User != 0 {
		e.problem("rights", fmt.Sprintf("not root but user %d", e.User), "run as root, or with sudo: ports, taps and hugepages need it; so does part of this examination")
		return
	}
	var missing []string
	for _, c := range []struct {
		bit  uint
		name string
	}{{capNetAdmin, "NET_ADMIN"}, {capNetRaw, "NET_RAW"}} {
		if !e.capable(c.bit) {
			missing = append(missing, c.name)
		}
	}
	if len(missing) > 0 {
		e.problem("rights", "root without the capability "+strings.Join(missing, " and "),
			"docker run --cap-add "+strings.Join(missing, " --cap-add ")+" (Kubernetes: securityContext.capabilities): taps, routes and interfaces need it")
	}
	if !e.root.exists("dev/net/tun") {
		e.problem("rights", "no /dev/net/tun", "modprobe tun; in a container --device /dev/net/tun: each port has a tap towards the kernel")
		return
	}
	if len(missing) == 0 {
		e.ok("rights", "root, with what ports and taps need")
	}
}

// groupFolders are the folders of this process's control group and those above it, of version 2 and of the controller's
// version 1.
func (e *examination) groupFolders(controller string) (folders []string) {
	climb := func(mount, group string) {
		for group = strings.Trim(group, "/"); group != ""; group = group[:max(0, strings.LastIndex(group, "/"))] {
			folders = append(folders, mount+"/"+group)
		}
		folders = append(folders, mount)
	}
	for line := range strings.Lines(e.root.text("proc/self/cgroup")) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case parts[0] == "0" && parts[1] == "":
			climb("sys/fs/cgroup", parts[2])
		case slices.Contains(strings.Split(parts[1], ","), controller):
			climb("sys/fs/cgroup/"+parts[1], parts[2])
		}
	}
	return folders
}

// share is a CPU quota: how many CPUs' time the group at folder may take; ok is false if it has none.
func (e *examination) share(folder string) (cpus float64, ok bool) {
	quota, period, _ := strings.Cut(e.root.text(folder+"/cpu.max"), " ")
	if quota == "" {
		quota, period = e.root.text(folder+"/cpu.cfs_quota_us"), e.root.text(folder+"/cpu.cfs_period_us")
	}
	q, errQ := strconv.ParseFloat(quota, 64)
	p, errP := strconv.ParseFloat(period, 64)
	if errQ != nil || errP != nil || q < 0 || p <= 0 {
		return 0, false
	}
	return q / p, true
}

// quota: a group that used up its share of a period stands still until the next one, workers included.
func (e *examination) quota() {
	least, found := 0.0, false
	for _, folder := range e.groupFolders("cpu") {
		if cpus, ok := e.share(folder); ok && (!found || cpus < least) {
			least, found = cpus, true
		}
	}
	need := len(e.Flags.Lcores) + 1
	const do = "remove the quota (docker: no --cpus; Kubernetes: whole CPUs, equal request and limit, cpuManagerPolicy static, which has none; systemd: no CPUQuota=) " +
		"and name CPUs instead (--cpuset-cpus): a group that used its share up stands still for the rest of each 100 ms, and packets are lost"
	switch {
	case !found:
		e.ok("CPU quota", "none")
	case least < float64(len(e.Flags.Lcores)) || !e.Adaptive && least < float64(need):
		e.problem("CPU quota", fmt.Sprintf("%.3g CPUs' time, for %s and control", least, counted(len(e.Flags.Lcores), "worker")), do)
	case least < float64(need):
		e.advice("CPU quota", fmt.Sprintf("%.3g CPUs' time, for %s and control", least, counted(len(e.Flags.Lcores), "worker")), do)
	default:
		e.ok("CPU quota", fmt.Sprintf("%.3g CPUs' time, enough for %s and control", least, counted(len(e.Flags.Lcores), "worker")))
	}
}
