package e2e

import (
	"testing"

	"linedirector/test/netlab"
)

// TestOnePort has clients and reals on one wire and one port of the director, which knows both subnets.
//
//	client 192.0.2.100 ──┐
//	a 10.0.0.11 ─────────┤
//	b 10.0.0.12 ─────────┼─ br0 ─── eth0 [wire] director 192.0.2.1, 10.0.0.1
//	c 10.0.0.13 ─────────┘
func TestOnePort(t *testing.T) {
	each(t, everySetup, func(t *testing.T, setup setup) {
		lab := netlab.New(t)
		s := &site{Lab: lab, client: lab.Namespace("client"), director: lab.Namespace("director"), reals: map[string]*netlab.Namespace{}}
		ends := []netlab.End{
			{Namespace: s.client, Interface: "eth0", Address: clientAddress + "/24"},
			{Namespace: s.director, Interface: "eth0", Untouched: true},
		}
		for _, name := range threeReals {
			s.reals[name] = lab.Namespace(name)
			ends = append(ends, netlab.End{Namespace: s.reals[name], Interface: "eth0", Address: realAddresses[name] + "/24"})
		}
		lab.Switch("switch", ends...)
		for _, name := range s.names() {
			s.reals[name].Run("ip", "route", "add", "default", "via", insideAddress)
		}
		s.web(t)
		d := s.start(t, setup, `ports:
  - {name: wire, device: "net_af_packet0,iface=eth0`+qpairs(setup.queues)+`", addresses: [192.0.2.1/24, 10.0.0.1/24]}
`+webAndEcho)
		s.ab(t, 3000, "-c", "16", "http://192.0.2.10/")
		d.drained(webVirtuals...)
	})
}

// TestAFXDP runs the usual network on DPDK's other driver for kernel interfaces.
func TestAFXDP(t *testing.T) {
	s := newSite(t)
	s.web(t)
	before := s.traces(t)
	d := s.start(t, oneWorker, `ports:
  - {name: outside, device: "net_af_xdp0,iface=eth-out", addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: "net_af_xdp1,iface=eth-in", addresses: [10.0.0.1/24], side: reals}
`+webAndEcho)
	s.ab(t, 3000, "-c", "16", "http://192.0.2.10/")
	s.client.Run("ping", "-q", "-c", "10", "-i", "0.02", "-W", "1", outsideAddress)
	d.drained(webVirtuals...)
	d.stop()
	if left := differences(before, s.traces(t)); left != "" {
		t.Errorf("it left:\n%s", left)
	}
}

// TestRoutedClient has the client behind a router, which the director reaches by a route of its configuration.
//
//	client 198.51.100.100 ─── 198.51.100.1 router 192.0.2.254 ─── eth-out [outside] director ...
func TestRoutedClient(t *testing.T) {
	s := newSite(t)
	s.web(t)
	// The usual client becomes the router; the new one stands behind it.
	router, far := s.client, s.Namespace("far")
	router.Run("ip", "address", "add", "192.0.2.254/24", "dev", "eth0")
	router.Run("sysctl", "-qw", "net.ipv4.ip_forward=1")
	s.Link(
		netlab.End{Namespace: far, Interface: "eth0", Address: "198.51.100.100/24"},
		netlab.End{Namespace: router, Interface: "eth1", Address: "198.51.100.1/24"})
	far.Run("ip", "route", "add", "default", "via", "198.51.100.1")
	for _, name := range s.names() {
		s.reals[name].Run("ip", "route", "replace", "default", "via", insideAddress)
	}
	d := s.start(t, oneWorker, ports(1)+"routes:\n  - {to: 0.0.0.0/0, via: 192.0.2.254}\n"+webAndEcho)
	s.client = far
	s.ab(t, 1000, "-c", "8", "http://192.0.2.10/")
	far.Run("ping", "-q", "-c", "5", "-i", "0.02", "-W", "1", outsideAddress)

	// The kernel's routing table is ours: a route that is set by hand counts at once.
	d.ns.Run("ip", "route", "replace", "198.51.100.0/24", "via", clientAddress)
	router.Run("ip", "address", "delete", "192.0.2.254/24", "dev", "eth0")
	s.ab(t, 1000, "-c", "8", "http://192.0.2.10/")
}
