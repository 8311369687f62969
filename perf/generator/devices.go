package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"linedirector/dpdk"
	"linedirector/perf/generator/traffic"
)

const (
	mbufRoom  = 2048 // bytes of a frame
	mbufCache = 256
	linkWait  = 30 * time.Second
)

// devices are the open ports, by side; both sides may be one.
type devices struct {
	port     [2]*dpdk.Port
	pool     *dpdk.Mempool
	exchange *dpdk.Exchange
	sender   *dpdk.Sender
	side     [dpdk.MaxPorts]traffic.Side
	undo     []func() // last first
}

// openDevices opens what the settings name. What a failed one had opened is given back.
func openDevices(s *settings) (_ *devices, err error) {
	d := &devices{}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.pool, err = dpdk.NewMempool("generator", s.mbufs, mbufCache, mbufRoom, dpdk.AnySocket); err != nil {
		return nil, err
	}
	d.undo = append(d.undo, d.pool.Free)
	x := dpdk.ExchangeConfig{Burst: s.burst, Socket: dpdk.AnySocket}
	for side, device := range [2]string{traffic.ClientSide: s.clientDevice, traffic.ServerSide: s.serverDevice} {
		if side == int(traffic.ServerSide) && device == s.clientDevice {
			d.port[side] = d.port[traffic.ClientSide]
			continue
		}
		id, err := dpdk.PortByName(device)
		if err != nil {
			return nil, err
		}
		d.port[side], err = dpdk.Open(id, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, RxDesc: s.rxDesc, TxDesc: s.txDesc, Mempools: []*dpdk.Mempool{d.pool}})
		if err != nil {
			return nil, err
		}
		d.undo = append(d.undo, func() { _ = d.port[side].Close() })
		d.side[id] = traffic.Side(side)
		q := dpdk.Queue{Port: id}
		x.Receive, x.Transmit = append(x.Receive, q), append(x.Transmit, q)
	}
	if d.exchange, err = dpdk.NewExchange(x); err != nil {
		return nil, err
	}
	d.undo = append(d.undo, d.exchange.Close)
	d.sender, err = dpdk.NewSender(dpdk.Queue{Port: d.port[traffic.ClientSide].ID()}, s.burst, d.pool, dpdk.AnySocket)
	if err != nil {
		return nil, err
	}
	d.undo = append(d.undo, d.sender.Close)
	return d, nil
}

// all are the ports, each once.
func (d *devices) all() []*dpdk.Port {
	if d.port[0] == d.port[1] {
		return d.port[:1]
	}
	return d.port[:]
}

func (d *devices) macs() (macs [2][6]byte) {
	for side, p := range d.port {
		macs[side] = p.MAC()
	}
	return macs
}

// start lets frames in and out and waits for the links.
func (d *devices) start(stderr io.Writer) error {
	for _, p := range d.all() {
		err := p.Start()
		if err != nil && strings.HasPrefix(p.Name(), "net_memif") {
			return fmt.Errorf("%w: start the director before, if it has the role server", err)
		}
		if err != nil {
			return err
		}
	}
	for _, p := range d.all() {
		told := false
		for deadline := time.Now().Add(linkWait); ; time.Sleep(20 * time.Millisecond) {
			link, err := p.Link()
			if err != nil {
				return err
			}
			if link.Up {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("device %s has no link after %v; is the other end up?", p.Name(), linkWait)
			}
			if !told {
				told = true
				fmt.Fprintf(stderr, "generator: waiting for the link of %s\n", p.Name())
			}
		}
	}
	return nil
}

// stats are the devices' own counters, by side.
func (d *devices) stats() (stats [2]dpdk.Stats) {
	for side, p := range d.port {
		stats[side], _ = p.Stats() // some drivers have none
	}
	return stats
}

// drain frees what devices still hold for a loop that ended: not every driver does it itself.
func (d *devices) drain() {
	for range 256 {
		if d.exchange.Exchange() == 0 {
			break
		}
	}
	d.exchange.Idle()
}

// close gives everything back.
func (d *devices) close() {
	var err error
	for _, p := range d.all() {
		if p != nil {
			err = errors.Join(err, p.Stop())
		}
	}
	for i := len(d.undo) - 1; i >= 0; i-- {
		d.undo[i]()
	}
	d.undo = nil
}
