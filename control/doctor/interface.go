package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linedirector/conf"
)

func afXDP(p conf.Port) bool { return strings.HasPrefix(p.Device, "net_af_xdp") }

// onAFXDP tells whether a port uses AF_XDP.
func (e *examination) onAFXDP() bool { return slices.ContainsFunc(e.configured(), afXDP) }

// onKernelInterface looks at a port on an interface that stays in the kernel.
func (e *examination) onKernelInterface(p conf.Port) {
	iface := p.Interface()
	folder := "sys/class/net/" + iface
	if !e.root.exists(folder) {
		e.problem("interface", "there is no "+iface+" in this network namespace", "ip link shows those that there are; write one at the port's device, after iface=")
		return
	}
	e.carrier(iface, folder)
	if master := e.root.linked(folder + "/master"); master != "" {
		e.problem("interface", iface+" belongs to "+master, fmt.Sprintf("ip link set %s nomaster: two that take its frames take them from each other", iface))
	}
	if mtu, ok := e.root.number(folder + "/mtu"); ok && int(mtu) > e.MaxMTU {
		e.advice("MTU", strconv.FormatInt(mtu, 10), fmt.Sprintf("ip link set %s mtu 1500: packets longer than %d are dropped", iface, e.MaxMTU))
	}
	if e.root.exists(folder + "/device") {
		driver := e.root.linked(folder + "/device/driver")
		if afXDP(p) {
			e.ok("driver", driver+" through AF_XDP")
		} else {
			e.advice("driver", driver+" through a packet socket", "bind the card to vfio-pci, or use net_af_xdp: a packet socket copies each frame, and an interrupt of the kernel's brings it")
		}
	}
	e.kernelQueues(p, folder)
	e.ring(iface)
}

// carrier says whether the link is up; without carrier there is nothing to hear yet.
func (e *examination) carrier(iface, folder string) {
	if e.root.text(folder+"/carrier") == "0" {
		e.advice("interface", iface+" has no carrier", "plug the cable in, or set the other end up")
		return
	}
	e.ok("interface", iface+" is there")
}

// kernelQueues compares what the interface has with what the port opens, and with the workers.
func (e *examination) kernelQueues(p conf.Port, folder string) {
	has := 0
	for _, name := range e.root.list(folder + "/queues") {
		if strings.HasPrefix(name, "rx-") {
			has++
		}
	}
	argument := "qpairs"
	if afXDP(p) {
		argument = "queue_count"
	}
	opened, err := strconv.Atoi(option(p, argument))
	if err != nil {
		opened = 1
	}
	workers := len(e.Flags.Lcores)
	switch {
	case afXDP(p) && has > opened:
		e.problem("queues", fmt.Sprintf("%s has %d, the port opens %d", p.Interface(), has, opened),
			fmt.Sprintf("queue_count=%d at the port's device, or ethtool -L %s combined %d: frames of the others stay with the kernel", has, p.Interface(), opened))
	case opened < workers:
		e.advice("queues", fmt.Sprintf("%d for %s", opened, counted(workers, "worker")),
			fmt.Sprintf("%s=%d at the port's device: workers without a queue get all their packets from others", argument, workers))
	case workers > 1:
		e.ok("queues", fmt.Sprintf("%d for %d workers", opened, workers))
	}
}

// ring is what bridges a stall where the kernel's driver has the card.
func (e *examination) ring(iface string) {
	if e.Rings == nil {
		return
	}
	now, most, err := e.Rings(iface)
	if err != nil || most == 0 {
		return // a virtual interface has none
	}
	if want := min(most, e.Flags.RxDesc); now < want {
		e.advice("descriptors", fmt.Sprintf("%s has receive rings of %d", iface, now),
			fmt.Sprintf("ethtool -G %s rx %d: they bridge the time in which the kernel or a worker does something else", iface, want))
		return
	}
	e.ok("descriptors", fmt.Sprintf("%s has receive rings of %d", iface, now))
}
