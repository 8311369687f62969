package lcore

import (
	"cmp"
	"fmt"
	"slices"

	"linedirector/dpdk"
	"linedirector/lcore/forward"
)

// Port is one open device.
type Port struct {
	ID     dpdk.PortID
	Info   dpdk.PortInfo
	device *dpdk.Port
	plan   plan
	side   Side
	agrees bool // RSS, if granted, brings each flow's packets to its owner
}

// MAC is the port's address.
func (p *Port) MAC() [6]byte { return p.device.MAC() }

// MTU is in bytes, without the Ethernet header.
func (p *Port) MTU() (int, error) { return p.device.MTU() }

// Link is the link's state, without waiting.
func (p *Port) Link() (dpdk.Link, error) { return p.device.Link() }

// Stats are the device's own counters.
func (p *Port) Stats() (dpdk.Stats, error) { return p.device.Stats() }

// Queues is how many rx and tx queues the port has.
func (p *Port) Queues() (rx, tx int) { return len(p.plan.rxOwner), len(p.plan.txOwner) }

// HardwareSteered tells whether the device's RSS brings packets to the workers that own their flows. If not,
// workers hand them over: slower, never wrong.
func (p *Port) HardwareSteered(workers int) bool {
	if workers == 1 {
		return true
	}
	_, granted := p.device.RSS()
	return granted && p.agrees
}

// rssTypes are the fields that a port on this side hashes over: the client's address and port.
func rssTypes(side Side) uint64 {
	types := dpdk.RSSTCPv4 | dpdk.RSSUDPv4
	switch side {
	case Clients:
		return types | dpdk.RSSL3SrcOnly | dpdk.RSSL4SrcOnly
	case Reals:
		return types | dpdk.RSSL3DstOnly | dpdk.RSSL4DstOnly
	default:
		return types
	}
}

// reta fills a redirection table of a device with the workers that our own table names.
func reta(steering *forward.Steering, size int) []uint16 {
	out := make([]uint16, size)
	for i := range out {
		out[i] = steering.Worker(i)
	}
	return out
}

// covers tells whether redirection by a table of this size is redirection by our own.
func covers(steering *forward.Steering, size int) bool {
	for hash := range size * forward.Steers {
		if steering.Worker(hash%size) != steering.Worker(hash) {
			return false
		}
	}
	return size > 0
}

// Steerable tells whether a device can bring packets to the workers that own their flows, if its port faces either
// clients or reals.
func Steerable(info dpdk.PortInfo, workers int) bool {
	want := rssTypes(Clients) | rssTypes(Reals)
	return info.RSSTypes&want == want && cmp.Or(info.KeySize, usualKey) <= len(forward.SteeringKey) &&
		covers(forward.NewSteering(workers), info.RetaSize)
}

// find looks the configured devices up and plans their queues.
func find(c *Config) ([]*Port, error) {
	ports := make([]*Port, len(c.Ports))
	for i, want := range c.Ports {
		id, err := dpdk.PortByName(want.Device)
		if err != nil {
			return nil, &PortError{Index: i, Err: err}
		}
		info, err := dpdk.Info(id)
		if err != nil {
			return nil, &PortError{Index: i, Err: err}
		}
		ports[i] = &Port{
			ID: id, Info: info, side: want.Side,
			plan: planPort(i, len(c.CPUs), info.MaxRxQueues, info.MaxTxQueues),
		}
	}
	settle(ports)
	return ports, nil
}

// settle gives virtual devices, which have no NUMA node, that of another port, so that one mempool serves both.
func settle(ports []*Port) {
	node := slices.IndexFunc(ports, func(p *Port) bool { return p.Info.Socket != dpdk.AnySocket })
	for _, p := range ports {
		if node >= 0 && p.Info.Socket == dpdk.AnySocket {
			p.Info.Socket = ports[node].Info.Socket
		}
	}
}

// usualKey is the length of the RSS key, in bytes, where a driver names none.
const usualKey = 40

// open configures the device.
func (p *Port) open(c *Config, steering *forward.Steering, pool *dpdk.Mempool) error {
	rx, tx := p.Queues()
	cfg := dpdk.PortConfig{
		RxQueues: rx, TxQueues: tx, RxDesc: c.RxDesc, TxDesc: c.TxDesc,
		Mempools: []*dpdk.Mempool{pool},
	}
	if rx > 1 {
		cfg.RSSTypes = rssTypes(p.side)
		n := cmp.Or(p.Info.KeySize, usualKey)
		if n <= len(forward.SteeringKey) {
			cfg.RSSKey = forward.SteeringKey[:n]
		}
		if rx == len(c.CPUs) && p.Info.RetaSize > 0 {
			cfg.Reta = reta(steering, p.Info.RetaSize)
		}
		p.agrees = p.side != Both && cfg.RSSKey != nil && cfg.Reta != nil && covers(steering, p.Info.RetaSize)
	}
	device, err := dpdk.Open(p.ID, cfg)
	p.device = device
	return err
}

// PortError says which of the configured ports failed.
type PortError struct {
	Index int // in Config.Ports
	Err   error
}

// Error names the port by its place; callers that know its name use Index.
func (e *PortError) Error() string { return fmt.Sprintf("port %d: %v", e.Index, e.Err) }

// Unwrap gives DPDK's error.
func (e *PortError) Unwrap() error { return e.Err }
