package kernel

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
)

// offloads are the features that are turned off, by the kernel's names (`ethtool -k` groups some of them).
var offloads = []string{
	// Checksums left to a device; the generic one is veth's.
	"rx-checksum", "tx-checksum-ipv4", "tx-checksum-ipv6", "tx-checksum-ip-generic", "tx-checksum-sctp", "tx-checksum-fcoe-crc",
	// Frames larger than the MTU, sent.
	"tx-scatter-gather", "tx-scatter-gather-fraglist", "tx-generic-segmentation",
	"tx-tcp-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-accecn-segmentation", "tx-tcp-mangleid-segmentation", "tx-tcp6-segmentation",
	"tx-udp-segmentation", "tx-sctp-segmentation", "tx-fcoe-segmentation", "tx-esp-segmentation",
	"tx-gre-segmentation", "tx-gre-csum-segmentation", "tx-ipxip4-segmentation", "tx-ipxip6-segmentation",
	"tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation", "tx-gso-robust", "tx-gso-partial", "tx-gso-list", "tx-tunnel-remcsum-segmentation",
	// Frames larger than the MTU, merged on receipt.
	"rx-gro", "rx-gro-hw", "rx-gro-list", "rx-lro", "rx-udp-gro-forwarding",
	// Tags kept beside the frame.
	"rx-vlan-hw-parse", "tx-vlan-hw-insert", "rx-vlan-stag-hw-parse", "tx-vlan-stag-hw-insert",
}

// offloadsOn lists those of the offloads that are asked for and can be turned off. It looks at the
// interface of the calling thread's network namespace.
func offloadsOn(iface string) ([]string, error) {
	e, err := openEthtool(iface)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	all, err := e.features()
	if err != nil {
		return nil, err
	}
	var on []string
	for _, name := range offloads {
		// Requested but not active is one that another one holds down: it must come back with that one.
		if f := all[name]; f.available && (f.requested || f.active) {
			on = append(on, name)
		}
	}
	return on, nil
}

// setOffloads turns the named features on or off, and sees to it that those turned off are.
func setOffloads(iface string, names []string, on bool) error {
	if len(names) == 0 {
		return nil
	}
	e, err := openEthtool(iface)
	if err != nil {
		return err
	}
	defer e.Close()
	if err := e.set(names, on); err != nil || on {
		return err
	}
	all, err := e.features()
	if err != nil {
		return err
	}
	var still []string
	for _, name := range names {
		if all[name].active {
			still = append(still, name)
		}
	}
	if len(still) > 0 {
		return fmt.Errorf("%s stays on", strings.Join(still, ", "))
	}
	return nil
}

// receiveQueues counts the queues on which the interface receives.
func receiveQueues(iface string) (int, error) {
	e, err := openEthtool(iface)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	return e.receiveQueues()
}

// mayBePartial tells kinds of interfaces whose frames can come from a sender that never filled in
// checksums because no wire lies between.
func mayBePartial(link netlink.Link) bool {
	switch link.Type() {
	case "veth", "macvlan", "macvtap", "ipvlan", "tun", "tuntap", "netkit", "bridge":
		return true
	}
	e, err := openEthtool(link.Attrs().Name)
	if err != nil {
		return false
	}
	defer e.Close()
	name, err := e.driver()
	return err == nil && name == "virtio_net"
}
