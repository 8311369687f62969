package conf

import (
	"fmt"
	"net/netip"
	"strconv"
)

func (d *draft) checkReals() {
	d.realByName = make(map[string]int, len(d.config.Reals))
	d.realNames = make([]string, len(d.config.Reals))
	endpoints := make(map[netip.AddrPort]int, len(d.config.Reals))
	for i, r := range d.config.Reals {
		at := d.reals[i]
		if !d.first(d.realByName, r.Name, i, at.name, func(j int) value { return d.reals[j].name }) {
			d.realsPartial = true
		}
		d.realNames[i] = r.Name
		if !r.Address.IsValid() || !d.checkUsable(at.address, r.Address) {
			continue
		}
		d.checkReachable(at.address, r.Address)
		endpoint := netip.AddrPortFrom(r.Address, r.Port)
		if j, taken := endpoints[endpoint]; taken {
			d.fail(at.address, fmt.Sprintf("reals %s and %s share %s (%s is at %v)", d.realLabel(j), d.realLabel(i),
				endpointText(r), d.realLabel(j), d.reals[j].entry.pos().text()), "give one of them another address or port")
			continue
		}
		endpoints[endpoint] = i
	}
}

func endpointText(r Real) string {
	if r.Port == 0 {
		return r.Address.String() + " without a port"
	}
	return netip.AddrPortFrom(r.Address, r.Port).String()
}

// endpointText is what clients connect to, and which clients.
func (x *Virtual) endpointText() string {
	text := x.Address.String() + ":" + x.portText() + "/" + x.Protocol.String()
	if x.Class != "" {
		text += " of class " + shown(x.Class)
	}
	return text
}

// portText is the port as the file has it.
func (x *Virtual) portText() string {
	if x.Port == 0 {
		return "any"
	}
	return strconv.Itoa(int(x.Port))
}

// checkReachable refuses an address to which no way leads.
func (d *draft) checkReachable(v value, a netip.Addr) {
	if d.portsPartial || d.routesPartial {
		return
	}
	if _, _, ok := d.subnets.find(a, 32); ok {
		return
	}
	if _, _, ok := d.routed.find(a, 32); ok {
		return
	}
	around, _ := a.Prefix(24)
	d.fail(v, fmt.Sprintf("no way to %v, neither a port's subnet nor a route holds it", a),
		fmt.Sprintf("use an address in %s, or add a route: {to: %v, via: a gateway}", d.useSubnets(), around))
}

func (d *draft) checkVirtuals() {
	type endpoint struct {
		netip.AddrPort
		Protocol
		class string
	}
	d.virtualByName = make(map[string]int, len(d.config.Virtuals))
	d.virtualNames = make([]string, len(d.config.Virtuals))
	endpoints := make(map[endpoint]int, len(d.config.Virtuals))
	addresses := make(map[netip.Addr]int, len(d.config.Virtuals))
	for i := range d.config.Virtuals {
		x, at := &d.config.Virtuals[i], &d.virtuals[i]
		if !d.first(d.virtualByName, x.Name, i, at.name, func(j int) value { return d.virtuals[j].name }) {
			d.virtualsPartial = true
		}
		d.virtualNames[i] = x.Name
		d.checkClass(x, at)
		if !x.Address.IsValid() || !d.checkEdge(at.address, x.Address) {
			continue
		}
		if _, taken := addresses[x.Address]; !taken {
			addresses[x.Address] = i
		}
		if at.half {
			continue
		}
		if p, own := d.portOwner[x.Address]; own && x.Port == 0 {
			d.fail(at.address, fmt.Sprintf("every port of %v, which is the address of port %s itself, would be that of virtual %s",
				x.Address, d.portLabel(p), d.virtualLabel(i)), "use another address, or name one port")
			continue
		}
		e := endpoint{netip.AddrPortFrom(x.Address, x.Port), x.Protocol, x.Class}
		if j, taken := endpoints[e]; taken {
			d.fail(at.address, fmt.Sprintf("virtuals %s and %s share %s (%s is at %v)", d.virtualLabel(j), d.virtualLabel(i),
				x.endpointText(), d.virtualLabel(j), d.virtuals[j].entry.pos().text()),
				"give one of them another address, port, protocol or class")
			continue
		}
		endpoints[e] = i
	}
	for i, r := range d.config.Reals {
		if j, taken := addresses[r.Address]; taken {
			d.fail(d.reals[i].address, fmt.Sprintf("%v is the address of virtual %s (at %v)",
				r.Address, d.virtualLabel(j), d.virtuals[j].entry.pos().text()), "use the server's own address")
		}
	}
}

// checkNames resolves the reals of the virtuals, each distinct list once. It
// reports false where they are too many.
func (d *draft) checkNames() bool {
	bindings := 0
	type entry struct {
		list  *nameList
		index int
	}
	seen := make([]entry, len(d.config.Reals)) // where each real was listed last
	done := make(map[*nameList]bool, len(d.virtuals))
	for _, at := range d.virtuals {
		l := at.reals
		if l == nil {
			continue
		}
		if bindings += len(l.names); bindings > MaxBindings {
			d.fail(at.list, fmt.Sprintf("the virtuals name more than %d reals, counted for each", MaxBindings), "name fewer")
			return false
		}
		if done[l] {
			continue
		}
		done[l] = true
		l.index = make([]int32, len(l.names))
		for k, name := range l.names {
			j, known := d.realByName[name]
			if l.index[k] = -1; known {
				l.index[k] = int32(j)
			}
			switch {
			case name == "":
			case !known && !d.realsPartial:
				d.fail(l.entry(k), "no real is named "+quoted(name), d.meant(name, d.realNames, "the reals are "))
			case known && seen[j].list == l:
				d.fail(l.entry(k), fmt.Sprintf("the real %s is listed twice (first at %v)",
					shown(name), l.entry(seen[j].index).pos().text()), "remove one")
			case known:
				seen[j] = entry{l, k}
			}
		}
	}
	return true
}

// meant says what a name that is none may have meant.
func (d *draft) meant(name string, names []string, otherwise string) string {
	if len(d.errs) >= maxErrors {
		return "" // nobody sees it, and to look through many names for each of many takes long
	}
	if near, ok := d.guess.nearest(name, names); ok {
		return "did you mean " + quoted(near) + "?"
	}
	var some []string
	for _, n := range names {
		if n != "" {
			some = append(some, shown(n))
		}
		if len(some) > 8 {
			return otherwise + joined(some[:8], ", ") + " and others"
		}
	}
	if len(some) == 0 {
		return "there are none; add it"
	}
	return otherwise + joined(some, " and ")
}
