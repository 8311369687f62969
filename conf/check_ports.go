package conf

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// portName reads the name of a port and of its tap.
func (d *draft) portName(v value) string {
	s, ok := d.text(v, "a name")
	if !ok || validInterface(s) {
		return s
	}
	switch {
	case len(s) > 15:
		d.fail(v, "the name "+quoted(s)+" is longer than 15 bytes", "shorten it, the port's tap has this name")
	case s == "lo" || s == "all" || s == "default":
		d.fail(v, "the name "+quoted(s)+" is the kernel's own", "choose another")
	default:
		d.fail(v, "the name "+quoted(s)+" is not one for an interface",
			"use letters, digits, and after the first . _ or -")
	}
	return ""
}

// device reads a PCI address or a virtual device with its arguments.
func (d *draft) device(v value) string {
	s, ok := d.text(v, "a device")
	if !ok {
		return ""
	}
	p := Port{Device: s}
	name := p.DeviceName()
	const forms = "write a PCI address like 0000:3b:00.1, or a DPDK virtual device like net_af_packet0,iface=eth1"
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		d.fail(v, "the device "+quoted(s)+" holds a control character", "remove it")
	case pciAddress.MatchString(name):
		return s
	case !virtualDevice.MatchString(name) && validInterface(s) && !strings.HasPrefix(s, "net_"):
		d.fail(v, "the device "+quoted(s)+" is none of DPDK's", "for a Linux interface write net_af_packet0,iface="+s)
	case !virtualDevice.MatchString(name):
		d.fail(v, "the device "+quoted(s)+" is none of DPDK's", forms)
	case len(name) > maxDeviceName:
		d.fail(v, "the device name "+quoted(name)+" is too long", fmt.Sprintf("use at most %d bytes", maxDeviceName))
	case p.onInterface() && p.Interface() == "":
		d.fail(v, "the device "+quoted(s)+" has no interface", "add ,iface= and the name of a Linux interface")
	default:
		return s
	}
	return ""
}

// hostPrefix reads an address of the director with its prefix length.
func (d *draft) hostPrefix(v value) (netip.Prefix, bool) {
	p, ok := d.prefix(v, "192.0.2.1/24")
	if !ok {
		return p, false
	}
	a := p.Addr()
	switch {
	case notAHost(a) != "":
		d.fail(v, fmt.Sprintf("%v is %s address", a, notAHost(a)), "use the port's own address")
	case p.Bits() == 0:
		d.fail(v, fmt.Sprintf("%v makes every address a neighbour", p), "write the prefix length of the subnet, like /24")
	case edgeOf(p, a) != "":
		d.fail(v, fmt.Sprintf("%v is the %s address of %v", a, edgeOf(p, a), p.Masked()), "use the port's own address")
	default:
		return p, true
	}
	return p, false
}

func (d *draft) checkPorts() {
	d.portByName = map[string]int{}
	devices := map[string]int{}
	interfaces := map[string]int{}
	for i, p := range d.config.Ports {
		at := d.ports[i]
		if !d.first(d.portByName, p.Name, i, at.name, func(j int) value { return d.ports[j].name }) {
			d.portsPartial = true
		}
		d.portNames = append(d.portNames, p.Name)
		if p.Device == "" {
			continue
		}
		if j, taken := devices[p.deviceID()]; taken {
			d.fail(at.device, fmt.Sprintf("the device %s is that of port %s already (at %v)",
				shown(p.DeviceName()), d.portLabel(j), d.ports[j].device.pos().text()), "give each port its own")
			continue
		}
		devices[p.deviceID()] = i
		name := p.Interface()
		if name == "" {
			continue
		}
		if j, taken := interfaces[name]; taken {
			d.fail(at.device, fmt.Sprintf("the interface %s is that of port %s already (at %v)",
				shown(name), d.portLabel(j), d.ports[j].device.pos().text()), "give each port its own")
			continue
		}
		interfaces[name] = i
	}
	for i, p := range d.config.Ports {
		if j, taken := interfaces[p.Name]; taken && p.Name != "" {
			d.fail(d.ports[i].name, fmt.Sprintf("the name %s is that of an existing interface (at %v)",
				quoted(p.Name), d.ports[j].device.pos().text()), "choose another, the port's tap has this name")
		}
	}
}

// checkSubnets lets no address and no subnet belong to two ports.
func (d *draft) checkSubnets() {
	d.portOwner = map[netip.Addr]int{}
	type source struct {
		prefix netip.Prefix
		port   int
		at     value
	}
	var all []source
	first := map[netip.Addr]Pos{}
	for i, p := range d.config.Ports {
		for k, a := range p.Addresses {
			at := d.ports[i].addresses[k]
			if j, taken := d.portOwner[a.Addr()]; taken {
				d.fail(at, fmt.Sprintf("the address %v is that of port %s already (at %v)",
					a.Addr(), d.portLabel(j), first[a.Addr()].text()), "remove one")
				continue
			}
			d.portOwner[a.Addr()], first[a.Addr()] = i, at.pos()
			all = append(all, source{a.Masked(), i, at})
			d.subnets.add(a.Masked(), len(all)-1)
		}
	}
	for i, s := range all {
		// What overlaps is equal, or one holds the other: look outwards only.
		for bits := s.prefix.Bits(); bits >= 0; {
			around, j, ok := d.subnets.find(s.prefix.Addr(), bits)
			if !ok {
				break
			}
			if o := all[j]; o.port != s.port {
				d.fail(all[max(i, j)].at, fmt.Sprintf("the subnet %v overlaps %v of port %s (at %v)",
					all[max(i, j)].prefix, all[min(i, j)].prefix, d.portLabel(all[min(i, j)].port), all[min(i, j)].at.pos().text()),
					"give each port subnets of its own")
				break
			}
			bits = around.Bits() - 1
		}
	}
}
