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
	{"linedirector", "one worker on CPU 1 that polls all the time (`--poll busy`)", false, startLinedirector("busy")},
	{"linedirector-adaptive", "the same with `--poll adaptive`, the default on virtual devices: it naps 10 to 50 µs when idle", false, startLinedirector("adaptive")},
	{"testpmd", "`dpdk-testpmd --forward-mode=io` on CPU 1: frames from one veth to the other as they are, no balancing", false, startTestpmd},
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

// device is a net_af_packet's arguments on an interface, after its name.
func (s *settings) device() string {
	if s.Device == "" {
		return ""
	}
	return "," + s.Device
}

func startLinedirector(poll string) func(*settings, *site) error {
	return func(s *settings, site *site) error {
		file, err := fill("linedirector.yaml", site.dir, struct{ Device string }{s.device()})
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
func startTestpmd(s *settings, site *site) (err error) {
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
	args := []string{
		"dpdk-testpmd", "--lcores", "0@" + otherCPU + ",1@" + balancerCPU, "--no-pci", "--in-memory", "--no-telemetry", "--log-level", "3",
		"--vdev", "net_af_packet0,iface=eth-out" + s.device(), "--vdev", "net_af_packet1,iface=eth-in" + s.device(),
		"--", "--forward-mode=io", "--nb-cores=1", "--rxq=1", "--txq=1", "--burst=" + strconv.Itoa(s.Burst),
		"--total-num-mbufs=16384", "--auto-start", "--stats-period=3600",
	}
	site.balancer, err = balance.Start(nil, args...)
	return err
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
