package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"linedirector/perf/lab"
)

// balancer is one of those that are compared.
type balancer struct {
	name     string
	says     string // one line for the reader of a table
	offloads bool   // the kernel's own settings on every veth, instead of what a director needs
	start    func(*settings, *site) error
}

var balancers = []balancer{
	{"linedirector", "one worker on CPU 1 that polls all the time (`--poll busy`), on `net_af_packet`", false, startLinedirector(packetSocket, "busy")},
	{"linedirector-adaptive", "the same with `--poll adaptive`, the default on virtual devices: it naps 10 to 50 µs when idle", false, startLinedirector(packetSocket, "adaptive")},
	{"linedirector-xdp", "as linedirector, on `net_af_xdp`", false, startLinedirector(xdpSocket, "busy")},
	{"testpmd", "`dpdk-testpmd --forward-mode=io` on CPU 1, on `net_af_packet`: frames from one veth to the other as they are, no balancing", false, startTestpmd(packetSocket)},
	{"testpmd-xdp", "as testpmd, on `net_af_xdp`", false, startTestpmd(xdpSocket)},
	{"nftables", "DNAT by `numgen inc mod 3`, remembered by conntrack; receive packet steering to CPU 1", false, startNftables(true)},
	{"nftables-unsteered", "the same without steering: each packet is handled where its sender runs, on CPU 0", false, startNftables(false)},
	{"nftables-offloads", "with steering, and the kernel's default offloads on every veth", true, startNftables(true)},
	{"haproxy", "TCP mode, one thread on CPU 1; steering as above", false, startHAProxy},
	{"haproxy-offloads", "the same with the kernel's default offloads on every veth", true, startHAProxy},
}

func names() (list []string) {
	for _, b := range balancers {
		list = append(list, b.name)
	}
	return list
}

// pick returns the balancers that are named, in that order.
func pick(wanted []string) (picked []balancer, err error) {
	for _, name := range wanted {
		named := func(b balancer) bool { return b.name == name }
		i := slices.IndexFunc(balancers, named)
		if i < 0 {
			return nil, fmt.Errorf("--balancers %s: use some of %s", name, strings.Join(names(), ","))
		}
		if slices.ContainsFunc(picked, named) {
			return nil, fmt.Errorf("--balancers names %s twice", name)
		}
		picked = append(picked, balancers[i])
	}
	if len(picked) == 0 {
		return nil, fmt.Errorf("--balancers names none: use some of %s", strings.Join(names(), ","))
	}
	return picked, nil
}

// devices are the two interfaces as a driver of DPDK's has them.
type devices func(*settings) (out, in string)

// packetSocket is what works on every interface.
func packetSocket(s *settings) (out, in string) {
	more := ""
	if s.Device != "" {
		more = "," + s.Device
	}
	return "net_af_packet0,iface=eth-out" + more, "net_af_packet1,iface=eth-in" + more
}

// xdpSocket takes frames before the kernel's stack sees them. A veth copies them, too.
func xdpSocket(*settings) (out, in string) {
	return "net_af_xdp0,iface=eth-out", "net_af_xdp1,iface=eth-in"
}

func startLinedirector(on devices, poll string) func(*settings, *site) error {
	return func(s *settings, site *site) error {
		out, in := on(s)
		file, err := fill("linedirector.yaml", site.dir, struct{ Out, In string }{out, in})
		if err != nil {
			return err
		}
		args := []string{
			s.director, "--config", file, "--lcores", balancerCPU, "--control-lcores", otherCPU, "--poll", poll,
			"--burst", strconv.Itoa(s.Burst), "--flows", "131072", "--mbufs", "16384", "--log-level", "warn",
			"--control-socket", filepath.Join(site.dir, "control.sock"),
		}
		if !lab.Hugepages() {
			args = append(args, "--no-huge")
		}
		site.balancer, err = balance.Start(nil, args...)
		return err
	}
}

// startTestpmd makes the balancer's machine a wire, and lets the client reach the reals through it.
func startTestpmd(on devices) func(*settings, *site) error {
	return func(s *settings, site *site) (err error) {
		site.target = reals[0].address + ":8080"
		if err := client.Run("", "ip", "address", "add", wiredAddress+"/24", "dev", "eth0"); err != nil {
			return err
		}
		// The kernel hears the frames, too; it must not answer.
		for _, iface := range []string{"eth-out", "eth-in"} {
			if err := balance.Run("", "ip", "link", "set", iface, "arp", "off"); err != nil {
				return err
			}
		}
		out, in := on(s)
		args := []string{
			"dpdk-testpmd", "--lcores", "0@" + otherCPU + ",1@" + balancerCPU, "--no-pci", "--in-memory", "--no-telemetry", "--log-level", "3",
			"--vdev", out, "--vdev", in,
			"--", "--forward-mode=io", "--nb-cores=1", "--rxq=1", "--txq=1", "--burst=" + strconv.Itoa(s.Burst),
			"--total-num-mbufs=16384", "--auto-start", "--stats-period=3600",
		}
		site.balancer, err = balance.Start(nil, args...)
		return err
	}
}

// startKernel gives the balancer's machine the addresses that linedirector would set by itself, and lets CPU 1 handle
// what it receives, if steered: a veth's frames are otherwise handled where they were sent.
func startKernel(steered bool) error {
	err := errors.Join(
		balance.Run("", "ip", "address", "add", outsideAddress+"/24", "dev", "eth-out"),
		balance.Run("", "ip", "address", "add", virtual+"/32", "dev", "eth-out"),
		balance.Run("", "ip", "address", "add", insideAddress+"/24", "dev", "eth-in"))
	if err != nil || !steered {
		return err
	}
	return balance.Run("", "sh", "-c", "for i in eth-out eth-in; do echo 2 >/sys/class/net/$i/queues/rx-0/rps_cpus || exit; done")
}

func startNftables(steered bool) func(*settings, *site) error {
	return func(_ *settings, _ *site) error {
		return errors.Join(
			startKernel(steered),
			balance.Run("", "sysctl", "-qw", "net.ipv4.ip_forward=1"),
			balance.Run("", "nft", "-f", filepath.Join(configs, "nftables.nft")))
	}
}

func startHAProxy(_ *settings, site *site) (err error) {
	if err := startKernel(true); err != nil {
		return err
	}
	site.balancer, err = balance.Start(nil, "taskset", "-c", balancerCPU, "haproxy", "-db", "-f", filepath.Join(configs, "haproxy.cfg"))
	return err
}
