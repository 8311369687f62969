package dpdk

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
)

// PortConfig says how to open a port.
type PortConfig struct {
	RxQueues, TxQueues int        // 1 or more
	RxDesc, TxDesc     int        // descriptors a queue, as near as the device allows; 0: 1024
	MTU                int        // bytes; 0: leave it
	Mempools           []*Mempool // one an rx queue, or one for all
	RSSTypes           uint64     // RSS… bits wanted; those that the device lacks are left out
	RSSKey             []byte     // KeySize bytes (40 where the device names none), or nil for the driver's
	Reta               []uint16   // rx queue of each entry of the redirection table, RetaSize of them; nil: the driver's
	Promiscuous        bool       // also take frames for other MAC addresses; ignored by devices that have no filter
}

// Port is an open Ethernet device.
type Port struct {
	id     PortID
	name   string
	cfg    PortConfig
	asked  uint64
	types  uint64
	key    bool
	info   PortInfo
	rxDesc int
	txDesc int
}

// Open configures a device and its queues; it moves no frame before Start.
func Open(id PortID, cfg PortConfig) (*Port, error) {
	info, err := Info(id)
	if err != nil {
		return nil, err
	}
	if err := cfg.check(&info); err != nil {
		return nil, fmt.Errorf("open port %s: %w", info.Name, err)
	}
	p := &Port{id: id, name: info.Name, cfg: cfg, info: info}
	var failed string
	err = attempt("", "", func() C.int {
		c := cfg.toC()
		rc := C.ld_port_open(C.uint16_t(id), c)
		failed = C.GoString(c.failed_at)
		p.types = uint64(c.rss_types)
		p.rxDesc, p.txDesc = int(c.rx_desc), int(c.tx_desc)
		freeConfig(c)
		return rc
	})
	if e := new(Error); errors.As(err, &e) {
		e.Op = "open port " + info.Name + ": " + failed
		if info.Driver == "net_af_xdp" && e.Code == syscall.EINVAL {
			e.Mend = "give it more mbufs (--mbufs): it wants more than 4096 for itself"
		}
		return nil, e
	}
	p.key = len(cfg.RSSKey) > 0
	return p, nil
}

// check refuses what the device cannot do, in words of ours: DPDK's name no mend.
func (cfg *PortConfig) check(info *PortInfo) error {
	switch {
	case cfg.RxQueues < 1 || cfg.TxQueues < 1:
		return fmt.Errorf("%d rx and %d tx queues: it needs one of each at least", cfg.RxQueues, cfg.TxQueues)
	case cfg.RxQueues > info.MaxRxQueues || cfg.TxQueues > info.MaxTxQueues:
		return fmt.Errorf("%d rx and %d tx queues: it has %d and %d: use fewer, or give the device more%s",
			cfg.RxQueues, cfg.TxQueues, info.MaxRxQueues, info.MaxTxQueues, queueMend(info.Driver))
	case cfg.RxQueues > C.LD_MAX_QUEUES || cfg.TxQueues > C.LD_MAX_QUEUES:
		return fmt.Errorf("%d rx and %d tx queues: use at most %d", cfg.RxQueues, cfg.TxQueues, int(C.LD_MAX_QUEUES))
	case len(cfg.Mempools) != 1 && len(cfg.Mempools) != cfg.RxQueues:
		return fmt.Errorf("%d mempools for %d rx queues: give one, or one a queue", len(cfg.Mempools), cfg.RxQueues)
	case cfg.RxDesc < 0 || cfg.RxDesc > 1<<15 || cfg.TxDesc < 0 || cfg.TxDesc > 1<<15:
		return fmt.Errorf("%d rx and %d tx descriptors: use at most %d", cfg.RxDesc, cfg.TxDesc, 1<<15)
	case cfg.MTU != 0 && (cfg.MTU < info.MinMTU || cfg.MTU > info.MaxMTU):
		return fmt.Errorf("MTU %d: it takes %d to %d", cfg.MTU, info.MinMTU, info.MaxMTU)
	case len(cfg.RSSKey) > 0 && len(cfg.RSSKey) != info.keySize():
		return fmt.Errorf("RSS key of %d bytes: it takes %d", len(cfg.RSSKey), info.keySize())
	case len(cfg.Reta) > 0 && (len(cfg.Reta) != info.RetaSize || len(cfg.Reta) > C.LD_MAX_RETA):
		return fmt.Errorf("RSS redirection table of %d entries: it has %d", len(cfg.Reta), info.RetaSize)
	}
	for _, q := range cfg.Reta {
		if int(q) >= cfg.RxQueues {
			return fmt.Errorf("RSS redirection to rx queue %d: there are %d", q, cfg.RxQueues)
		}
	}
	return nil
}

// queueMend names the device argument for more queues, where there is one.
func queueMend(driver string) string {
	switch driver {
	case "net_af_packet":
		return " (qpairs=)"
	case "net_af_xdp":
		return " (queue_count=)"
	}
	return ""
}

// Start lets frames in and out, and sets what drivers take only then: filter and RSS redirection.
func (p *Port) Start() error {
	id := C.uint16_t(p.id)
	err := p.do("start", func() C.int { return C.ld_port_start(id) })
	if err != nil {
		return err
	}
	if len(p.cfg.Reta) > 0 {
		reta := make([]C.uint16_t, len(p.cfg.Reta))
		for i, q := range p.cfg.Reta {
			reta[i] = C.uint16_t(q)
		}
		err = p.do("set RSS redirection of", func() C.int { return C.ld_port_reta(id, &reta[0], C.uint16_t(len(reta))) })
		if err != nil {
			return err
		}
	}
	if p.cfg.Promiscuous {
		if err := p.SetPromiscuous(true); err != nil && !errors.Is(err, syscall.ENOTSUP) {
			return err
		}
	}
	p.readBackRSS()
	return nil
}

// readBackRSS believes the device, not what it was told, where it can say. Some take a key only once they run.
func (p *Port) readBackRSS() {
	if p.types == 0 || len(p.cfg.RSSKey) == 0 {
		return
	}
	types, key, ok := p.deviceRSS()
	if ok && !bytes.Equal(key, p.cfg.RSSKey) {
		var c [C.LD_MAX_KEY]C.uint8_t
		for i, b := range p.cfg.RSSKey {
			c[i] = C.uint8_t(b)
		}
		C.ld_port_set_rss(C.uint16_t(p.id), C.uint64_t(p.types), &c[0], C.uint16_t(len(p.cfg.RSSKey)))
		types, key, ok = p.deviceRSS()
	}
	if ok {
		p.types &= types
		p.key = bytes.Equal(key, p.cfg.RSSKey)
	}
}

// deviceRSS is what the device says it hashes over and with, if it can say.
func (p *Port) deviceRSS() (types uint64, key []byte, ok bool) {
	var t C.uint64_t
	var c [C.LD_MAX_KEY]C.uint8_t
	if C.ld_port_rss(C.uint16_t(p.id), &t, &c[0], C.uint16_t(len(p.cfg.RSSKey))) != 0 {
		return 0, nil, false
	}
	key = make([]byte, len(p.cfg.RSSKey))
	for i := range key {
		key[i] = byte(c[i])
	}
	return uint64(t), key, true
}

// RSS is what the device granted of RSSTypes; ok says that it is all of them, with the key asked for. Known after Start.
func (p *Port) RSS() (types uint64, ok bool) {
	return p.types, p.cfg.RSSTypes != 0 && p.types == p.cfg.RSSTypes && p.key == (len(p.cfg.RSSKey) > 0)
}

// Descriptors is what the device granted a queue.
func (p *Port) Descriptors() (rx, tx int) { return p.rxDesc, p.txDesc }

// Stop stops both directions. Frames in its queues are lost.
func (p *Port) Stop() error {
	return p.do("stop", func() C.int { return C.ld_port_stop(C.uint16_t(p.id)) })
}

// Close stops and releases the device; it is gone until the process starts again. The device no longer takes frames for
// all addresses: on a kernel interface, that would outlive the process.
func (p *Port) Close() error {
	return p.do("close", func() C.int {
		if p.cfg.Promiscuous {
			C.ld_port_promiscuous(C.uint16_t(p.id), 0)
		}
		C.ld_port_stop(C.uint16_t(p.id))
		return C.ld_port_close(C.uint16_t(p.id))
	})
}

// do runs a call about this port.
func (p *Port) do(what string, call func() C.int) error {
	return attempt(what+" port "+p.name, "", call)
}

// ID is the device's number.
func (p *Port) ID() PortID { return p.id }

// Name is the device's name.
func (p *Port) Name() string { return p.name }
