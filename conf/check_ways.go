package conf

import (
	"fmt"
	"net/netip"
)

// destination reads the prefix of a route.
func (d *draft) destination(v value) netip.Prefix {
	p, ok := d.prefix(v, "0.0.0.0/0 or 198.51.100.0/24")
	switch {
	case !ok:
		return netip.Prefix{}
	case p != p.Masked():
		d.fail(v, fmt.Sprintf("%v has host bits set", p), fmt.Sprintf("write %v", p.Masked()))
		return netip.Prefix{}
	case p.Addr().IsMulticast() || p.Addr().IsLoopback():
		d.fail(v, fmt.Sprintf("%v is no destination of unicast", p), "remove the route")
		return netip.Prefix{}
	}
	return p
}

func (d *draft) checkRoutes() {
	for i, r := range d.config.Routes {
		at := d.routes[i]
		if r.To.IsValid() {
			if j := d.routed.add(r.To, i); j != i {
				d.fail(at.to, fmt.Sprintf("there is a route to %v already (at %v)", r.To, d.routes[j].to.pos().text()), "remove one")
			}
		}
		if !r.Via.IsValid() || !d.checkUsable(at.via, r.Via) {
			continue
		}
		if _, _, ok := d.subnets.find(r.Via, 32); !ok && !d.portsPartial {
			d.fail(at.via, fmt.Sprintf("unresolvable next hop %v, it is in no port's subnet", r.Via),
				"use a gateway in "+d.useSubnets())
		}
	}
}

func (d *draft) checkNeighbours() {
	type key struct {
		port    string
		address netip.Addr
	}
	seen := map[key]int{}
	for i, n := range d.config.Neighbours {
		at := d.neighbours[i]
		port, known := d.portByName[n.Port]
		if n.Port != "" && !known && !d.portsPartial {
			d.fail(at.port, "no port is named "+quoted(n.Port), d.meant(n.Port, d.portNames, "the ports are "))
		}
		if !n.Address.IsValid() || !known || !d.checkUsable(at.address, n.Address) {
			continue
		}
		subnet, _, ok := d.subnets.find(n.Address, 32)
		if (!ok || !d.hasSubnet(port, subnet)) && !d.portsPartial {
			d.fail(at.address, fmt.Sprintf("%v is in no subnet of port %s", n.Address, n.Port),
				"use the port and address of a host that is connected directly")
			continue
		}
		k := key{n.Port, n.Address}
		if j, taken := seen[k]; taken {
			d.fail(at.address, fmt.Sprintf("the neighbour %v is given already (at %v)",
				n.Address, d.neighbours[j].address.pos().text()), "remove one")
			continue
		}
		seen[k] = i
	}
}

func (d *draft) hasSubnet(port int, subnet netip.Prefix) bool {
	for _, a := range d.config.Ports[port].Addresses {
		if a.Masked() == subnet {
			return true
		}
	}
	return false
}
