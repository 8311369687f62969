package dpdk

/*
#include "shim.h"
*/
import "C"

// Link is the state of a port's link.
type Link struct {
	Up         bool
	SpeedMbps  int // 0 if unknown
	FullDuplex bool
}

// Link does not wait for negotiation.
func (p *Port) Link() (Link, error) {
	var c C.struct_ld_link
	err := p.do("link of", func() C.int { return C.ld_port_link(C.uint16_t(p.id), &c) })
	return Link{Up: c.up != 0, SpeedMbps: int(c.speed), FullDuplex: c.full_duplex != 0}, err
}

// MTU is in bytes, without the Ethernet header.
func (p *Port) MTU() (int, error) {
	var c C.uint16_t
	err := p.do("MTU of", func() C.int { return C.ld_port_mtu(C.uint16_t(p.id), &c) })
	return int(c), err
}

// Stats are the device's own counters since it was started or opened, as drivers differ.
type Stats struct {
	RxPackets, TxPackets, RxBytes, TxBytes uint64
	RxMissed                               uint64 // lost: the rx queue was full
	RxErrors, TxErrors                     uint64
	RxNoMbuf                               uint64 // lost: the mempool was empty
}

// Stats may take microseconds to milliseconds, depending on the driver.
func (p *Port) Stats() (Stats, error) {
	var c C.struct_ld_port_stats
	err := p.do("statistics of", func() C.int { return C.ld_port_stats(C.uint16_t(p.id), &c) })
	return Stats{
		RxPackets: uint64(c.rx_packets), TxPackets: uint64(c.tx_packets),
		RxBytes: uint64(c.rx_bytes), TxBytes: uint64(c.tx_bytes),
		RxMissed: uint64(c.rx_missed), RxErrors: uint64(c.rx_errors),
		TxErrors: uint64(c.tx_errors), RxNoMbuf: uint64(c.rx_no_mbuf),
	}, err
}

// Xstat is a counter that only this kind of device has.
type Xstat struct {
	Name  string
	Value uint64
}

// Xstats are all the counters that the device has, in its order.
func (p *Port) Xstats() ([]Xstat, error) {
	var raw []C.struct_ld_xstat
	err := p.do("extended statistics of", func() C.int {
		for {
			var first *C.struct_ld_xstat
			if len(raw) > 0 {
				first = &raw[0]
			}
			n := C.ld_port_xstats(C.uint16_t(p.id), first, C.uint32_t(len(raw)))
			if n <= C.int(len(raw)) {
				raw = raw[:max(n, 0)]
				return n
			}
			raw = make([]C.struct_ld_xstat, n)
		}
	})
	if err != nil {
		return nil, err
	}
	stats := make([]Xstat, len(raw))
	for i := range raw {
		stats[i] = Xstat{Name: C.GoString(&raw[i].name[0]), Value: uint64(raw[i].value)}
	}
	return stats, nil
}
