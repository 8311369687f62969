package netlab

// End is one end of a veth pair: an interface of a namespace.
type End struct {
	// Namespace is the machine, Interface the name there (at most 15 characters).
	Namespace *Namespace
	Interface string
	// Address, if any, is put on the interface: an address with the length of its prefix.
	Address string
	// Untouched leaves the offloads as the kernel set them. It is for the ends that the director
	// opens, since to switch them off is the director's own duty.
	Untouched bool
}

// Link joins two ends by a veth pair and sets both up.
//
// Ends that are not left untouched get their offloads switched off. A veth pair computes no
// checksums, as it takes memory for a wire that does not err; with offloads on, a frame would
// come to the director with a checksum that nobody has filled in, which no wire does.
func (l *Lab) Link(a, b End) {
	l.tb.Helper()
	l.run("ip", "link", "add", a.Interface, "netns", a.Namespace.full,
		"type", "veth", "peer", "name", b.Interface, "netns", b.Namespace.full)
	for _, end := range []End{a, b} {
		if !end.Untouched {
			end.Namespace.Run("ethtool", "-K", end.Interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
		}
		if end.Address != "" {
			end.Namespace.Run("ip", "address", "add", end.Address, "dev", end.Interface)
		}
		end.Namespace.Run("ip", "link", "set", end.Interface, "up")
	}
}

// Switch joins any number of ends by a bridge, which stands in a namespace of its own of the given name.
func (l *Lab) Switch(name string, ends ...End) *Namespace {
	l.tb.Helper()
	n := l.Namespace(name)
	n.Run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
	n.Run("ip", "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0")
	n.Run("ip", "link", "set", "br0", "up")
	for _, end := range ends {
		port := "to-" + end.Namespace.Name
		if len(port) > 15 {
			port = port[:15]
		}
		l.Link(End{Namespace: n, Interface: port}, end)
		n.Run("ip", "link", "set", port, "master", "br0")
	}
	return n
}
