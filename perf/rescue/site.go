package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Addresses of the network that main.go shows.
const (
	clientAddress  = "192.0.2.100"
	outsideAddress = "192.0.2.1"
	insideAddress  = "10.0.0.1"
	virtual        = "192.0.2.10"
	endpoint       = virtual + ":80"
	realPort       = 8080

	// tempPrefix begins the name of a site's folder below os.TempDir.
	tempPrefix = "linedirector-rescue-"

	client   namespace = "client"
	balance  namespace = "balancer"
	joint    namespace = "switch"
	patience           = 20 * time.Second
)

// reals are the four servers' machines, by the names that they answer; the first is the one that dies.
var reals = []namespace{"a", "b", "c", "d"}

// realAddress is the address of the i-th real.
func realAddress(i int) string { return fmt.Sprintf("10.0.0.%d", 11+i) }

// site is the network of one case, and what runs in it.
type site struct {
	dir      string
	servers  []*process // by the reals' order
	balancer *process   // nil for those that the kernel is
	commands []string   // that made the kernel one
}

// build makes the network of one case and starts its servers. What is made is in the site even on an error.
func build(s *settings) (*site, error) {
	site := &site{servers: make([]*process, len(reals))}
	var err error
	if site.dir, err = os.MkdirTemp("", tempPrefix); err != nil {
		return site, err
	}
	for _, n := range append([]namespace{client, balance, joint}, reals...) {
		if err := n.make(); err != nil {
			return site, err
		}
	}
	if err := link(client, "eth0", clientAddress+"/24", balance, "eth-out"); err != nil {
		return site, err
	}
	if err := bridge(); err != nil {
		return site, err
	}
	if err := setLinear(s.Linear); err != nil {
		return site, err
	}
	for i := range reals {
		if err := site.startServer(i); err != nil {
			return site, err
		}
	}
	return site, nil
}

// make makes a machine without interfaces, its loopback up, that forwards nothing and takes packets from any side.
func (n namespace) make() error {
	if err := execute("", "ip", "netns", "add", prefix+string(n)); err != nil {
		return err
	}
	if err := n.run("", "sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.default.disable_ipv6=1",
		"net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"); err != nil {
		return err
	}
	return n.run("", "ip", "link", "set", "lo", "up")
}

// link joins a machine by a veth pair to another one, whose end stays as the kernel made it.
func link(n namespace, iface, address string, peer namespace, peerIface string) error {
	if err := execute("", "ip", "link", "add", iface, "netns", prefix+string(n),
		"type", "veth", "peer", "name", peerIface, "netns", prefix+string(peer)); err != nil {
		return err
	}
	return errors.Join(
		// A veth pair computes no checksums, a wire's sender does; DPDK's af_packet takes frames as from a wire.
		n.run("", "ethtool", "-K", iface, "tx", "off", "tso", "off", "gso", "off", "gro", "off"),
		n.run("", "ip", "address", "add", address, "dev", iface),
		n.run("", "ip", "link", "set", iface, "up"),
		peer.run("", "ip", "link", "set", peerIface, "up"))
}

// bridge joins the reals and the balancer's inner side.
func bridge() error {
	if err := joint.run("", "ip", "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0",
		"mcast_snooping", "0"); err != nil {
		return err
	}
	if err := execute("", "ip", "link", "add", "eth-in", "netns", prefix+string(balance),
		"type", "veth", "peer", "name", "to-balancer", "netns", prefix+string(joint)); err != nil {
		return err
	}
	for i, n := range reals {
		if err := link(n, "eth0", realAddress(i)+"/24", joint, "to-"+string(n)); err != nil {
			return err
		}
		err := errors.Join(
			// The kernel holds ICMP errors back by the peer, and there is one client here where others would be many.
			n.run("", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0"),
			n.run("", "ip", "route", "add", "default", "via", insideAddress),
			joint.run("", "ip", "link", "set", "to-"+string(n), "master", "br0"))
		if err != nil {
			return err
		}
	}
	return errors.Join(
		joint.run("", "ip", "link", "set", "to-balancer", "master", "br0", "up"),
		joint.run("", "ip", "link", "set", "br0", "up"),
		balance.run("", "ip", "link", "set", "eth-in", "up"))
}

// linearFile is the kernel's setting, which is a namespace's own; kernels before 6.5 have none.
const linearFile = "/proc/sys/net/ipv4/tcp_syn_linear_timeouts"

// hasLinear tells whether the kernel has that setting. Without it SYNs are repeated as with 0.
func hasLinear() bool {
	_, err := os.Stat(linearFile)
	return err == nil
}

// setLinear sets in the client how many SYNs are repeated a second apart before the gap doubles.
func setLinear(n int) error {
	if !hasLinear() {
		if n == 0 {
			return nil
		}
		return fmt.Errorf("--tcp-syn-linear-timeouts %d: this kernel has no such setting (Linux 6.5 and later do)", n)
	}
	return client.run("", "sysctl", "-qw", "net.ipv4.tcp_syn_linear_timeouts="+strconv.Itoa(n))
}

// startServer starts the i-th real's program, and returns once it listens.
func (s *site) startServer(i int) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	address := fmt.Sprintf("%s:%d", realAddress(i), realPort)
	if s.servers[i], err = reals[i].start(nil, self, "server", address, string(reals[i])); err != nil {
		return err
	}
	return s.servers[i].await(context.Background(), func(ctx context.Context) error {
		conn, err := reals[i].dial(ctx, address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

// await calls f until it succeeds, for as long as the program lives and patience lasts.
func (p *process) await(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, time.Second)
		err := f(attempt)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %w: %s", p.cmd.Args[4], p.err, p.printed())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %s", p.cmd.Args[4], err, p.printed())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// write puts a file into the site's folder and returns its path.
func (s *site) write(name, text string) (string, error) {
	file := filepath.Join(s.dir, name)
	return file, os.WriteFile(file, []byte(strings.TrimSpace(text)+"\n"), 0o644)
}

// close ends all that runs in the site and removes it.
func (s *site) close() {
	for _, p := range append(s.servers, s.balancer) {
		if p != nil {
			p.stop()
		}
	}
	sweep()
}
