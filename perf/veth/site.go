package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"linedirector/perf/lab"
)

// Addresses of the network that main.go shows.
const (
	clientAddress  = "192.0.2.100"
	wiredAddress   = "10.0.0.100"
	outsideAddress = "192.0.2.1"
	insideAddress  = "10.0.0.1"
	virtual        = "192.0.2.10"

	configs  = "perf/veth/config"
	patience = 20 * time.Second
)

// place names all that a run makes.
var place = lab.Run{Name: "bench-veth"}

// The machines beside the reals.
var client, balance, joint = place.Namespace("client"), place.Namespace("balancer"), place.Namespace("switch")

// real is a server.
type real struct {
	address string
	machine lab.Namespace
}

var reals = []real{
	{"10.0.0.11", place.Namespace("a")}, {"10.0.0.12", place.Namespace("b")}, {"10.0.0.13", place.Namespace("c")},
}

// site is the network of one measurement, and what runs in it.
type site struct {
	dir      string
	servers  []*lab.Process
	balancer *lab.Process // nil for the kernel
	target   string       // what clients ask, a host and a port
}

// build makes the network and starts its servers. What is made is in the site even on an error.
func build(s *settings, offloads bool) (*site, error) {
	site := &site{target: virtual + ":80"}
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
	if err := errors.Join(site.wire(offloads), quiet()); err != nil {
		return site, err
	}
	for _, r := range reals {
		if err := site.serve(s, r); err != nil {
			return site, err
		}
	}
	return site, nil
}

// wire makes all links.
func (s *site) wire(offloads bool) error {
	type link struct {
		a, b     lab.End
		address  string // of a
		switched bool   // b is a port of the switch
	}
	links := []link{
		{lab.End{Namespace: client, Interface: "eth0"}, lab.End{Namespace: balance, Interface: "eth-out"}, clientAddress + "/24", false},
		{lab.End{Namespace: balance, Interface: "eth-in"}, lab.End{Namespace: joint, Interface: "to-balancer"}, "", true},
	}
	for _, r := range reals {
		port := lab.End{Namespace: joint, Interface: "to-" + strings.TrimPrefix(string(r.machine), place.Prefix())}
		links = append(links, link{lab.End{Namespace: r.machine, Interface: "eth0"}, port, r.address + "/24", true})
	}
	if err := joint.Bridge(); err != nil {
		return err
	}
	for _, l := range links {
		if err := lab.Wire(l.a, l.b); err != nil {
			return err
		}
		if !offloads {
			if err := errors.Join(l.a.Namespace.Plain(l.a.Interface), l.b.Namespace.Plain(l.b.Interface)); err != nil {
				return err
			}
		}
		if l.switched {
			if err := joint.Run("", "ip", "link", "set", l.b.Interface, "master", "br0"); err != nil {
				return err
			}
		}
		if err := errors.Join(l.a.Up(l.address), l.b.Up("")); err != nil {
			return err
		}
	}
	for _, r := range reals {
		if err := r.machine.Run("", "ip", "route", "add", "default", "via", insideAddress); err != nil {
			return err
		}
	}
	return nil
}

// quiet sets what must not depend on the machine's own settings. Clients, and HAProxy, open connections as fast as they
// can: source ports in plenty, used again at once. Nothing paces them, as BBR would: Reno is what every kernel allows in
// a namespace. The switch looks into no packet.
func quiet() error {
	const filter = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	if err := joint.Run("", "sh", "-c", "test ! -e "+filter+" || echo 0 >"+filter); err != nil {
		return err
	}
	machines := []lab.Namespace{client, balance}
	for _, r := range reals {
		machines = append(machines, r.machine)
	}
	for _, n := range machines {
		if err := n.Run("", "sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_tw_reuse=1", "net.ipv4.tcp_congestion_control=reno",
			"net.core.somaxconn=4096", "net.ipv4.tcp_max_syn_backlog=8192"); err != nil {
			return err
		}
	}
	return nil
}

// serve starts a real's nginx, and returns once it listens.
func (s *site) serve(set *settings, r real) error {
	dir := filepath.Join(s.dir, r.address)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	file, err := fill("nginx.conf", dir, struct{ Dir, Address, Body string }{dir, r.address, strings.Repeat("x", set.Body)})
	if err != nil {
		return err
	}
	p, err := r.machine.Start(nil, "taskset", "-c", otherCPU, "nginx", "-p", dir, "-c", file)
	if err != nil {
		return err
	}
	s.servers = append(s.servers, p)
	return p.Await(context.Background(), patience, func(ctx context.Context) error {
		conn, err := r.machine.Dial(ctx, r.address+":8080")
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

// fill writes a configuration from its template and returns its path.
func fill(name, dir string, values any) (string, error) {
	t, err := template.ParseFiles(filepath.Join(configs, name))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	if err := t.Execute(&text, values); err != nil {
		return "", err
	}
	file := filepath.Join(dir, name)
	return file, os.WriteFile(file, []byte(text.String()), 0o644)
}

// close ends all that runs in the site and removes it.
func (s *site) close() {
	for _, p := range slices.Concat(s.servers, []*lab.Process{s.balancer}) {
		if p != nil {
			p.Stop()
		}
	}
	place.Sweep()
}
