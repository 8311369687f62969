package dpdk

/*
#include "shim.h"
*/
import "C"

import "net"

// MAC is the port's address; zero if it has none.
func (p *Port) MAC() [6]byte {
	var c [6]C.uint8_t
	C.ld_port_mac(C.uint16_t(p.id), &c[0])
	var mac [6]byte
	for i := range mac {
		mac[i] = byte(c[i])
	}
	return mac
}

// SetMAC changes the port's address.
func (p *Port) SetMAC(mac [6]byte) error {
	c := cMAC(mac)
	return p.do("set MAC address "+net.HardwareAddr(mac[:]).String()+" of", func() C.int {
		return C.ld_port_set_mac(C.uint16_t(p.id), &c[0])
	})
}

// AddMAC lets the port receive frames for another address, too.
func (p *Port) AddMAC(mac [6]byte) error {
	c := cMAC(mac)
	return p.do("add MAC address "+net.HardwareAddr(mac[:]).String()+" to", func() C.int {
		return C.ld_port_add_mac(C.uint16_t(p.id), &c[0])
	})
}

func cMAC(mac [6]byte) (c [6]C.uint8_t) {
	for i, b := range mac {
		c[i] = C.uint8_t(b)
	}
	return c
}

// SetAllmulticast lets the port receive frames for all group addresses, or not.
func (p *Port) SetAllmulticast(on bool) error {
	return p.do("set allmulticast of", func() C.int { return C.ld_port_allmulticast(C.uint16_t(p.id), flag(on)) })
}

// SetPromiscuous lets the port receive frames for all addresses, or not.
func (p *Port) SetPromiscuous(on bool) error {
	return p.do("set promiscuous mode of", func() C.int { return C.ld_port_promiscuous(C.uint16_t(p.id), flag(on)) })
}

func flag(on bool) C.int {
	if on {
		return 1
	}
	return 0
}
