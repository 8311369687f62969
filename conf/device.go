package conf

import (
	"regexp"
	"strings"
)

// DPDK takes a PCI address with and without its domain.
var (
	pciAddress    = regexp.MustCompile(`^(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])$`)
	virtualDevice = regexp.MustCompile(`^net_[A-Za-z0-9_.-]+$`)
)

// Longest device name that DPDK holds (RTE_DEV_NAME_MAX_LEN less its NUL).
const maxDeviceName = 63

// DeviceName returns the device without its arguments, the name by which DPDK
// knows it: "net_af_packet0" of "net_af_packet0,iface=eth1".
func (p Port) DeviceName() string {
	name, _, _ := strings.Cut(p.Device, ",")
	return name
}

// Virtual reports whether the port is a DPDK virtual device (net_*) rather
// than a PCI address.
func (p Port) Virtual() bool { return strings.HasPrefix(p.Device, "net_") }

// Interface returns the Linux interface under a net_af_packet or net_af_xdp
// device, that of its argument iface; for any other device it returns "".
func (p Port) Interface() string {
	if !p.onInterface() {
		return ""
	}
	found := ""
	for i, argument := range strings.Split(p.Device, ",") {
		if key, name, ok := strings.Cut(argument, "="); ok && i > 0 && key == "iface" {
			found = name
		}
	}
	return found
}

// onInterface reports whether the device works on a Linux interface that stays
// in the kernel.
func (p Port) onInterface() bool {
	return strings.HasPrefix(p.Device, "net_af_packet") || strings.HasPrefix(p.Device, "net_af_xdp")
}

// deviceID returns what two ports must not share: the device's name, for a PCI
// address however it is written.
func (p Port) deviceID() string {
	name := p.DeviceName()
	m := pciAddress.FindStringSubmatch(name)
	if m == nil {
		return name
	}
	return strings.ToLower(strings.TrimLeft(m[1], "0") + ":" + m[2])
}

// validInterface reports whether the kernel takes name for an interface and no
// tool stumbles over it ("%" is a pattern to the kernel, a leading "-" a flag
// to ip).
func validInterface(name string) bool {
	if name == "" || len(name) > 15 || name == "all" || name == "default" || name == "lo" {
		return false
	}
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}
