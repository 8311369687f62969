package doctor

import (
	"fmt"
	"slices"
)

// sharing is a worker and control on one CPU: the worker stands still while control runs.
func (e *examination) sharing() {
	workers, control := e.Flags.Lcores, e.Flags.ControlLcores
	online := e.root.cpus("sys/devices/system/cpu/online")
	shared := both(workers, control)
	switch {
	case len(shared) == 0:
		e.ok("cores", fmt.Sprintf("workers on %s, everything else on %s", cpuWord(workers), cpuWord(control)))
	case len(online) == 1:
		e.problem("cores", "one CPU, for a worker and everything else", "give the machine a second one; until then trust results, not speeds")
	default:
		e.problem("cores", fmt.Sprintf("%s: worker and control together", cpuWord(shared)),
			e.suggest()+": while control runs, the worker does not, and its receive queue runs over")
	}
}

// crowded tells whether control shares a CPU with a worker: first of all that must change.
func (e *examination) crowded() bool { return len(both(e.Flags.Lcores, e.Flags.ControlLcores)) > 0 }

// siblings are two threads of one core, which share its execution units and caches.
func (e *examination) siblings() {
	workers := e.Flags.Lcores
	var pairs, besides []int
	for _, cpu := range workers {
		core := e.root.siblings(cpu)
		if len(both(core, workers)) > 1 {
			pairs = append(pairs, cpu)
		} else if len(both(without(core, []int{cpu}), e.Flags.ControlLcores)) > 0 {
			besides = append(besides, cpu)
		}
	}
	switch {
	case len(pairs) > 0:
		e.problem("SMT", fmt.Sprintf("workers on %s share cores", writeList(pairs)),
			e.suggest()+": two busy threads of a core get through little more than one, and each worker's queues halve its caches")
	case len(besides) > 0:
		e.advice("SMT", fmt.Sprintf("control runs on the other threads of the workers' cores (%s)", writeList(besides)),
			e.suggest()+", so that control's work does not slow a worker; or switch SMT off: echo off > /sys/devices/system/cpu/smt/control")
	default:
		e.ok("SMT", "each worker has a core of its own")
	}
}

// suggest names flags that leave out what was found: for as many workers as there are cores for, one CPU a core, on the
// ports' node, isolated ones first; control on the rest, the first core at least.
func (e *examination) suggest() string {
	online := e.root.cpus("sys/devices/system/cpu/online")
	isolated := e.root.cpus("sys/devices/system/cpu/isolated")
	node := e.memoryNode()
	if len(online) == 0 {
		online = slices.Sorted(slices.Values(slices.Concat(e.Flags.Lcores, without(e.Flags.ControlLcores, e.Flags.Lcores))))
	}
	left := func(cpus []int, taken []int) (out []int) { // one CPU a core
		for _, cpu := range cpus {
			core := e.root.siblings(cpu)
			if len(both(core, taken)) == 0 && len(both(core, out)) == 0 && (node < 0 || e.root.nodeOf(cpu) == node) {
				out = append(out, cpu)
			}
		}
		return out
	}
	spared := online[:1] // control's
	for _, cpu := range online {
		if !slices.Contains(isolated, cpu) {
			spared = []int{cpu}
			break
		}
	}
	workers := left(isolated, spared)
	workers = append(workers, left(without(online, isolated), slices.Concat(spared, workers))...)
	if len(workers) == 0 {
		return "give the director more cores"
	}
	workers = slices.Sorted(slices.Values(workers[:min(len(workers), len(e.Flags.Lcores))]))
	var busy []int
	for _, cpu := range workers {
		busy = append(busy, e.root.siblings(cpu)...)
	}
	control := without(without(online, busy), isolated)
	if len(control) == 0 {
		control = spared
	}
	return fmt.Sprintf("--lcores %s --control-lcores %s", writeList(workers), writeList(control))
}

// nodes: a worker far from its port waits for each cache line from the other socket.
func (e *examination) nodes() {
	if len(e.root.nodes()) < 2 {
		return
	}
	if on, _ := e.root.number("proc/sys/kernel/numa_balancing"); on != 0 {
		e.advice("NUMA balancing", "on", "sysctl -w kernel.numa_balancing=0: to learn who uses a page the kernel takes it away for a moment, from control's memory, too")
	}
	home := e.memoryNode()
	if home < 0 {
		nodes := map[int]bool{}
		for _, cpu := range e.Flags.Lcores {
			nodes[e.root.nodeOf(cpu)] = true
		}
		if len(nodes) > 1 {
			e.advice("NUMA", "the workers are on several NUMA nodes", e.suggestNode()+
				": they hand frames to each other and share the packet buffers, over the link between the sockets")
			return
		}
		e.ok("NUMA", "all workers are on one node")
		return
	}
	var far []int
	for _, cpu := range e.Flags.Lcores {
		if node := e.root.nodeOf(cpu); node >= 0 && node != home {
			far = append(far, cpu)
		}
	}
	if len(far) > 0 {
		e.problem("NUMA", fmt.Sprintf("workers on %s, the port on node %d", e.places(far), home),
			e.suggest()+": every packet and every flow record crosses the link between the sockets")
	} else {
		e.ok("NUMA", fmt.Sprintf("workers, memory and port are on node %d", home))
	}
	for _, p := range e.configured() {
		if node := e.portNode(p); node >= 0 && node != home {
			e.advice("NUMA", fmt.Sprintf("port %s is on node %d, the first on node %d", p.Name, node, home),
				"put both cards, or both ports of one card, on one socket: tables lie on the first port's node")
		}
	}
}

// places are CPUs with their nodes.
func (e *examination) places(cpus []int) (text string) {
	for _, node := range e.root.nodes() {
		here := slices.DeleteFunc(slices.Clone(cpus), func(cpu int) bool { return e.root.nodeOf(cpu) != node })
		if len(here) > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%s (node %d)", cpuWord(here), node)
		}
	}
	return text
}

// suggestNode names the CPUs of the node that most workers are on.
func (e *examination) suggestNode() string {
	best, most := 0, -1
	for _, node := range e.root.nodes() {
		n := 0
		for _, cpu := range e.Flags.Lcores {
			if e.root.nodeOf(cpu) == node {
				n++
			}
		}
		if n > most {
			best, most = node, n
		}
	}
	return fmt.Sprintf("choose --lcores from node %d: %s", best, e.root.text(fmt.Sprintf("sys/devices/system/node/node%d/cpulist", best)))
}
