package dpdk

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import "unsafe"

const defaultDesc = 1024

// toC copies a checked configuration to C memory; freeConfig frees it.
func (cfg *PortConfig) toC() *C.struct_ld_port_config {
	c := (*C.struct_ld_port_config)(C.calloc(1, C.sizeof_struct_ld_port_config))
	c.rx_queues, c.tx_queues = C.uint16_t(cfg.RxQueues), C.uint16_t(cfg.TxQueues)
	c.rx_desc, c.tx_desc = defaultDesc, defaultDesc
	if cfg.RxDesc > 0 {
		c.rx_desc = C.uint16_t(cfg.RxDesc)
	}
	if cfg.TxDesc > 0 {
		c.tx_desc = C.uint16_t(cfg.TxDesc)
	}
	c.mtu = C.uint16_t(cfg.MTU)
	c.rss_types = C.uint64_t(cfg.RSSTypes)
	c.key_len = C.uint16_t(len(cfg.RSSKey))
	for i, b := range cfg.RSSKey {
		c.key[i] = C.uint8_t(b)
	}
	for i := range cfg.RxQueues {
		c.pool[i] = cfg.Mempools[min(i, len(cfg.Mempools)-1)].c
	}
	return c
}

func freeConfig(c *C.struct_ld_port_config) { C.free(unsafe.Pointer(c)) }
