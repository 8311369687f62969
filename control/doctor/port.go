package doctor

import (
	"fmt"
	"slices"
	"strings"

	"linedirector/conf"
)

// ports are looked at one by one.
func (e *examination) ports() {
	if e.Config == nil {
		e.ok("ports", "none were looked at: give --config FILE")
		return
	}
	for i, p := range e.Config.Ports {
		e.port = p.Name
		switch {
		case p.Interface() != "":
			e.onKernelInterface(p)
		case !p.Virtual():
			e.nic(p)
		}
		if d, ok := e.Devices[i]; ok {
			e.device(p, d)
		}
	}
	e.port = ""
}

// device is what DPDK says about it.
func (e *examination) device(p conf.Port, d Device) {
	if d.Err != nil {
		if e.explained() {
			return
		}
		e.problem("device", d.Err.Error(), "mend this first: the start fails with these words")
		return
	}
	workers := len(e.Flags.Lcores)
	queues := min(d.MaxRxQueues, d.MaxTxQueues)
	switch {
	case workers == 1:
	case queues < workers:
		e.advice("queues", fmt.Sprintf("%d for %s", queues, counted(workers, "worker")),
			"expect the workers without a queue to get nothing but what opens and ends connections; with fewer --lcores none would idle")
	case !d.Steerable:
		e.advice("steering", "this driver's RSS cannot hash over the client's address and port alone",
			"expect packets that open or end connections to be handed from worker to worker, and flows to be lent: give --flows room for all of them on each worker (docs/tuning.md, which names drivers that can)")
	case p.Side == conf.SideBoth:
		e.advice("steering", "side: both, and several workers",
			"where the port faces clients only, or reals only, say so (side: clients, side: reals): RSS then brings packets to their worker, and nothing is handed over")
	default:
		e.ok("steering", fmt.Sprintf("RSS brings packets to %s", counted(workers, "worker")))
	}
	if d.MaxRxDesc < e.Flags.RxDesc {
		e.advice("descriptors", fmt.Sprintf("--rx-desc %d, and a queue has at most %d", e.Flags.RxDesc, d.MaxRxDesc),
			fmt.Sprintf("expect loss after stalls of more than %s at 10 Gbit/s of small packets; watch linedirector_worker_longest_stall_seconds", bridged(d.MaxRxDesc)))
	} else {
		e.ok("descriptors", fmt.Sprintf("--rx-desc %d bridge a stall of %s at 10 Gbit/s of small packets", e.Flags.RxDesc, bridged(e.Flags.RxDesc)))
	}
}

// explained tells whether a problem was found that keeps DPDK from the port's device.
func (e *examination) explained() bool {
	return slices.ContainsFunc(e.found, func(f Finding) bool {
		return f.Level == Problem && (f.Port == e.port || f.Topic == "hugepages" || f.Topic == "rights")
	})
}

// bridged is how long descriptors last at 14.88 million packets a second.
func bridged(descriptors int) string { return fmt.Sprintf("%.3g ms", float64(descriptors)/14880) }

// option is the value of an argument of the port's device.
func option(p conf.Port, name string) string {
	for _, argument := range strings.Split(p.Device, ",")[1:] {
		if k, v, _ := strings.Cut(argument, "="); k == name {
			return v
		}
	}
	return ""
}

// portNode is the NUMA node of the card under a port, -1 if it has none.
func (e *examination) portNode(p conf.Port) int {
	file := "sys/class/net/" + p.Interface() + "/device/numa_node"
	if !p.Virtual() {
		file = pciFolder(p) + "/numa_node"
	}
	if node, ok := e.root.number(file); ok && (p.Interface() != "" || !p.Virtual()) {
		return int(node)
	}
	return -1
}
