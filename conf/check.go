package conf

import (
	"fmt"
	"net/netip"
	"slices"
)

// check looks at what no single value can show: names, endpoints, subnets and
// ways. The order matters: what comes later uses what comes before.
func (d *draft) check() {
	d.checkPorts()
	d.checkSubnets()
	d.checkRoutes()
	d.checkNeighbours()
	d.checkClasses()
	d.checkReals()
	d.checkVirtuals()
	d.checkBackups()
	d.checkPredictors()
	d.checkBuddies()
	if d.checkNames() {
		d.checkGiven()
	}
}

// first enters name into names; where it is taken already, it says so and
// reports false.
func (d *draft) first(names map[string]int, name string, i int, v value, place func(int) value) bool {
	if name == "" {
		return true
	}
	if j, taken := names[name]; taken {
		d.fail(v, fmt.Sprintf("the name %s is taken already (at %v)", quoted(name), place(j).pos().text()), "choose another")
		return false
	}
	names[name] = i
	return true
}

// label names an entry in messages: by its name, else by its place in its list.
func label(name string, entry value) string {
	if name == "" {
		return entry.path.String()
	}
	return shown(name)
}

func (d *draft) portLabel(i int) string { return label(d.config.Ports[i].Name, d.ports[i].entry) }

func (d *draft) realLabel(i int) string { return label(d.config.Reals[i].Name, d.reals[i].entry) }

func (d *draft) virtualLabel(i int) string {
	return label(d.config.Virtuals[i].Name, d.virtuals[i].entry)
}

// useSubnets names the ports' subnets, for the end of a message.
func (d *draft) useSubnets() string {
	const most = 4
	var all []string
	for _, p := range d.config.Ports {
		for _, a := range p.Addresses {
			if s := a.Masked().String(); !slices.Contains(all, s) {
				all = append(all, s)
			}
			if len(all) > most {
				return joined(all[:most], ", ") + " or another port's subnet"
			}
		}
	}
	return either(all)
}

// checkUsable says whether address a can be a host's besides the director: in
// no subnet is it the first or last, nor a port's own.
func (d *draft) checkUsable(v value, a netip.Addr) bool {
	if i, own := d.portOwner[a]; own {
		d.fail(v, fmt.Sprintf("%v is the address of port %s itself", a, d.portLabel(i)), "use another host's")
		return false
	}
	return d.checkEdge(v, a)
}

// checkEdge refuses the network and the broadcast address of a port's subnet.
func (d *draft) checkEdge(v value, a netip.Addr) bool {
	subnet, _, ok := d.subnets.find(a, 32)
	if !ok {
		return true
	}
	if edge := edgeOf(subnet, a); edge != "" {
		d.fail(v, fmt.Sprintf("%v is the %s address of %v", a, edge, subnet), "use the address of a host")
		return false
	}
	return true
}
