package kernel

import (
	"slices"

	"github.com/safchain/ethtool"
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

// offloadsOn lists those of the offloads that the operator asked for and that can be turned off. It
// looks at the interface of the calling thread's network namespace.
func offloadsOn(iface string) ([]string, error) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return nil, err
	}
	defer e.Close()
	states, err := e.FeaturesWithState(iface)
	if err != nil {
		return nil, err
	}
	var on []string
	for name, st := range states {
		// Requested but not active is one that another one holds down: it must come back with that one.
		if st.Available && !st.NeverChanged && (st.Requested || st.Active) && slices.Contains(offloads, name) {
			on = append(on, name)
		}
	}
	slices.Sort(on)
	return on, nil
}

// setOffloads turns the named features on or off. One that the device no longer has is passed over.
func setOffloads(iface string, names []string, on bool) error {
	if len(names) == 0 {
		return nil
	}
	e, err := ethtool.NewEthtool()
	if err != nil {
		return err
	}
	defer e.Close()
	known, err := e.FeatureNames(iface)
	if err != nil {
		return err
	}
	config := map[string]bool{}
	for _, name := range names {
		if _, ok := known[name]; ok {
			config[name] = on
		}
	}
	return e.Change(iface, config)
}

// receiveQueues counts the queues on which the interface receives.
func receiveQueues(iface string) (int, error) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return 0, err
	}
	defer e.Close()
	c, err := e.GetChannels(iface)
	return int(c.RxCount + c.CombinedCount), err
}

// mayBePartial tells kinds of interfaces whose frames can come from a sender that never filled in
// checksums because no wire lies between.
func mayBePartial(link netlink.Link) bool {
	switch link.Type() {
	case "veth", "macvlan", "macvtap", "ipvlan", "tun", "tuntap", "netkit", "bridge":
		return true
	}
	if e, err := ethtool.NewEthtool(); err == nil {
		defer e.Close()
		name, err := e.DriverName(link.Attrs().Name)
		return err == nil && name == "virtio_net"
	}
	return false
}
