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

	"linedirector/perf/lab"
)

// Addresses of the network that main.go shows.
const (
	clientAddress  = "192.0.2.100"
	outsideAddress = "192.0.2.1"
	insideAddress  = "10.0.0.1"
	virtual        = "192.0.2.10"
	endpoint       = virtual + ":80"
	realPort       = 8080

	patience = 20 * time.Second
)

// place names all that a run makes.
var place = lab.Run{Name: "rescue"}

// The machines beside the reals.
var client, balance, joint = place.Namespace("client"), place.Namespace("balancer"), place.Namespace("switch")

// reals are the four servers, by the names that they answer, and their machines; the first is the one that dies.
var reals = []struct {
	name    string
	machine lab.Namespace
}{
	{"a", place.Namespace("a")}, {"b", place.Namespace("b")}, {"c", place.Namespace("c")}, {"d", place.Namespace("d")},
}

// realAddress is the address of the i-th real.
func realAddress(i int) string { return fmt.Sprintf("10.0.0.%d", 11+i) }

// site is the network of one case, and what runs in it.
type site struct {
	dir      string
	servers  []*lab.Process // by the reals' order
	balancer *lab.Process   // nil for those that the kernel is
	commands []string       // that made the kernel one
}

// build makes the network of one case and starts its servers. What is made is in the site even on an error.
func build(s *settings) (*site, error) {
	site := &site{servers: make([]*lab.Process, len(reals))}
	var err error
	if site.dir, err = place.Temp(); err != nil {
		return site, err
	}
	machines := []lab.Namespace{client, balance, joint}
	for _, r := range reals {
		machines = append(machines, r.machine)
	}
	for _, n := range machines {
		if err := n.Make(); err != nil {
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

// link joins a machine by a wire to another one, whose end stays as the kernel made it.
func link(n lab.Namespace, iface, address string, peer lab.Namespace, peerIface string) error {
	near, far := lab.End{Namespace: n, Interface: iface}, lab.End{Namespace: peer, Interface: peerIface}
	if err := lab.Wire(near, far); err != nil {
		return err
	}
	return errors.Join(n.Plain(iface), near.Up(address), far.Up(""))
}

// bridge joins the reals and the balancer's inner side.
func bridge() error {
	inside, far := lab.End{Namespace: balance, Interface: "eth-in"}, lab.End{Namespace: joint, Interface: "to-balancer"}
	if err := errors.Join(joint.Bridge(), lab.Wire(inside, far)); err != nil {
		return err
	}
	for i, r := range reals {
		if err := link(r.machine, "eth0", realAddress(i)+"/24", joint, "to-"+r.name); err != nil {
			return err
		}
		err := errors.Join(
			// The kernel holds ICMP errors back by the peer, and there is one client here where others would be many.
			r.machine.Run("", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0"),
			r.machine.Run("", "ip", "route", "add", "default", "via", insideAddress),
			joint.Run("", "ip", "link", "set", "to-"+r.name, "master", "br0"))
		if err != nil {
			return err
		}
	}
	return errors.Join(
		joint.Run("", "ip", "link", "set", "to-balancer", "master", "br0"),
		far.Up(""), inside.Up(""))
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
	return client.Run("", "sysctl", "-qw", "net.ipv4.tcp_syn_linear_timeouts="+strconv.Itoa(n))
}

// startServer starts the i-th real's program, and returns once it listens.
func (s *site) startServer(i int) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	address := fmt.Sprintf("%s:%d", realAddress(i), realPort)
	if s.servers[i], err = reals[i].machine.Start(nil, self, "server", address, reals[i].name); err != nil {
		return err
	}
	return s.servers[i].Await(context.Background(), patience, func(ctx context.Context) error {
		conn, err := reals[i].machine.Dial(ctx, address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
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
			p.Stop()
		}
	}
	place.Sweep()
}
