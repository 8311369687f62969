package kernel

import (
	"fmt"
	"net/netip"
)

// Wanted is what the configuration asks of Linux's network stack. A port is the position of its tap
// in the list that NewStack was given.
type Wanted struct {
	// Addresses are the ports' own, each with the length of its subnet.
	Addresses []PortAddress
	// Virtuals are the virtuals' addresses; the same one may stand there more than once. Each becomes a
	// /32 on the tap of the port whose subnet holds it (the longest such), else on lo, and nothing if it
	// is a port's own.
	Virtuals []netip.Addr
	// Routes go into the main table.
	Routes []WantedRoute
	// Neighbours are entries that never age.
	Neighbours []StaticNeighbour
}

// PortAddress is an address on a port's tap with the length of its subnet.
type PortAddress struct {
	Port   int
	Prefix netip.Prefix
}

// WantedRoute is a route of the configuration. It leaves by the port whose subnet holds Via (the longest
// such), else, on-link, by the port that has a static neighbour of that address; else it is refused.
type WantedRoute struct {
	To  netip.Prefix
	Via netip.Addr
}

// StaticNeighbour is an entry of the kernel's neighbour table that is never asked for nor forgotten.
type StaticNeighbour struct {
	Port    int
	Address netip.Addr
	MAC     [6]byte
}

// onPort finds the port whose subnet holds the address, the longest one, or -1.
func (w *Wanted) onPort(a netip.Addr) int {
	port, bits := -1, -1
	for _, p := range w.Addresses {
		if p.Prefix.Bits() > bits && p.Prefix.Masked().Contains(a) {
			port, bits = p.Port, p.Prefix.Bits()
		}
	}
	return port
}

// check refuses ports that are not there, before the kernel is touched.
func (w *Wanted) check(ports int) error {
	bad := func(list string, i, port int) error {
		return &ItemError{List: list, Index: i, Err: fmt.Errorf("there is no port %d", port)}
	}
	for i, a := range w.Addresses {
		if a.Port < 0 || a.Port >= ports {
			return bad("addresses", i, a.Port)
		}
	}
	for i, n := range w.Neighbours {
		if n.Port < 0 || n.Port >= ports {
			return bad("neighbours", i, n.Port)
		}
	}
	return nil
}
