package lcore

import (
	"fmt"

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
	_, ok := p.device.RSS()
	return ok && p.side != Both && len(p.plan.rxOwner) == workers && p.Info.RetaSize > 0
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
	return ports, nil
}

// open configures the device.
func (p *Port) open(c *Config, steering *forward.Steering, pool *dpdk.Mempool) error {
	rx, tx := p.Queues()
	cfg := dpdk.PortConfig{
		RxQueues: rx, TxQueues: tx, RxDesc: c.RxDesc, TxDesc: c.TxDesc,
		Mempools: []*dpdk.Mempool{pool},
	}
	if rx > 1 {
		cfg.RSSTypes = rssTypes(p.side)
		if n := p.Info.KeySize; n > 0 && n <= len(forward.SteeringKey) {
			cfg.RSSKey = forward.SteeringKey[:n]
		}
		if rx == len(c.CPUs) && p.Info.RetaSize > 0 {
			cfg.Reta = reta(steering, p.Info.RetaSize)
		}
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
