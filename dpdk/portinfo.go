package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// PortID is DPDK's number of an Ethernet device, below MaxPorts.
type PortID uint16

// PortInfo is what a device is and can do.
type PortInfo struct {
	Name, Driver                      string
	Socket                            int // NUMA node, AnySocket if it has none
	MaxRxQueues, MaxTxQueues          int
	RetaSize                          int    // entries of the RSS redirection table, 0 without
	KeySize                           int    // bytes of the RSS key, 0 if not told
	RSSTypes                          uint64 // RSS… bits that it can do
	RxOffloads, TxOffloads            uint64 // DPDK's RTE_ETH_RX_OFFLOAD_…, RTE_ETH_TX_OFFLOAD_…
	MinMTU, MaxMTU                    int    // bytes; MaxMTU is 65535 where the driver names none
	RxDescMin, RxDescMax, RxDescAlign int
	TxDescMin, TxDescMax, TxDescAlign int
	IfIndex                           int // the kernel interface that it is bound to, 0 if none
}

// Ports are the devices that there are.
func Ports() []PortID {
	var ids [MaxPorts]C.uint16_t
	n := C.ld_ports(&ids[0], MaxPorts)
	ports := make([]PortID, n)
	for i := range ports {
		ports[i] = PortID(ids[i])
	}
	return ports
}

// PortByName finds a device by its PCI address or virtual device name; arguments after a comma are ignored, a PCI
// address may lack its domain. A virtual device that DPDK could not make is reported here, with what Init logged about it.
func PortByName(device string) (PortID, error) {
	name, _, _ := strings.Cut(device, ",")
	for _, try := range []string{name, "0000:" + name} {
		var id C.uint16_t
		rc := C.int(0)
		withCString(try, func(n *C.char) { rc = C.ld_port_by_name(n, &id) })
		if rc == 0 {
			return PortID(id), nil
		}
	}
	log := deviceLog(initOnce.log, name)
	return 0, &Error{Op: "find device " + name, Code: syscall.ENODEV, Log: log, Mend: deviceMend(name, log)}
}

// deviceMend is what to do about a device that is not there.
func deviceMend(name string, log []string) string {
	if os.Geteuid() != 0 && (len(log) > 0 || !strings.HasPrefix(name, "net_")) {
		return "run as root"
	}
	if strings.HasPrefix(name, "net_") {
		return "check its name and arguments" + have()
	}
	return "bind it to a driver for DPDK (dpdk-devbind.py --status)" + have()
}

// have lists the devices that there are.
func have() string {
	var names []string
	for _, id := range Ports() {
		if info, err := Info(id); err == nil {
			names = append(names, info.Name)
		}
	}
	if len(names) == 0 {
		return "; DPDK has no device"
	}
	slices.Sort(names)
	return "; DPDK has " + strings.Join(names, ", ")
}

// keySize is what an RSS key must have: 40 bytes are the rule where a driver names no other length.
func (i *PortInfo) keySize() int {
	if i.KeySize == 0 {
		return 40
	}
	return min(i.KeySize, C.LD_MAX_KEY)
}

// Info describes a device.
func Info(id PortID) (PortInfo, error) {
	var c C.struct_ld_port_info
	err := attempt(fmt.Sprintf("port %d", id), "", func() C.int { return C.ld_port_info(C.uint16_t(id), &c) })
	if err != nil {
		return PortInfo{}, err
	}
	return PortInfo{
		Name: C.GoString(&c.name[0]), Driver: C.GoString(&c.driver[0]), Socket: int(c.socket),
		MaxRxQueues: int(c.max_rx_queues), MaxTxQueues: int(c.max_tx_queues),
		RetaSize: int(c.reta_size), KeySize: int(c.key_size), RSSTypes: uint64(c.rss_types),
		RxOffloads: uint64(c.rx_offloads), TxOffloads: uint64(c.tx_offloads),
		MinMTU: int(c.min_mtu), MaxMTU: int(c.max_mtu),
		RxDescMin: int(c.rx_desc_min), RxDescMax: int(c.rx_desc_max), RxDescAlign: int(c.rx_desc_align),
		TxDescMin: int(c.tx_desc_min), TxDescMax: int(c.tx_desc_max), TxDescAlign: int(c.tx_desc_align),
		IfIndex: int(c.if_index),
	}, nil
}
