package traffic

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"linedirector/lcore/packet"
)

// arpLen is the length of an ARP packet for IPv4 over Ethernet behind the Ethernet header (RFC 826):
//
//	+-----------------------+-----------------------+
//	|   hardware type, 16   |   protocol type, 16   |
//	+-----------+-----------+-----------------------+
//	|  6        |  4        |  operation, 16        |
//	+-----------+-----------+-----------------------+
//	|  sender's MAC, 48, and address, 32            |
//	|  target's MAC, 48, and address, 32            |
//	+-----------------------------------------------+
const arpLen = 28

// arpHead is what all of ours begin with, up to the operation.
const arpHead = 0x0001_0800_0604

const (
	arpRequest = 1
	arpReply   = 2
)

// ours tells whether an address is one that the generator answers for.
func (p *Player) ours(address uint32) bool {
	return p.isClient(address) || p.isServer(address) || slices.Contains(p.answer, address)
}

func (p *Player) isClient(address uint32) bool { return address&p.clientMask == p.clientNet }

func (p *Player) isServer(address uint32) bool { return address&p.serverMask == p.serverNet }

// network is a prefix as two words.
func network(p netip.Prefix) (net, mask uint32) {
	mask = uint32(uint64(0xffffffff) << (32 - p.Bits()))
	return word(p.Addr()) & mask, mask
}

// question writes the ARP request for the next hop and returns its length.
func (p *Player) question(b []byte) int {
	b = b[:MinFrame]
	clear(b)
	mac := p.MAC[ClientSide]
	copy(b, "\xff\xff\xff\xff\xff\xff")
	copy(b[6:12], mac[:])
	binary.BigEndian.PutUint16(b[12:14], packet.EtherTypeARP)
	arp := b[packet.EthernetLen:]
	binary.BigEndian.PutUint64(arp[0:8], arpHead<<16|arpRequest)
	copy(arp[8:14], mac[:])
	sender := p.endpoints.first
	if len(p.answer) > 0 {
		sender = p.answer[0]
	}
	binary.BigEndian.PutUint32(arp[14:18], sender)
	binary.BigEndian.PutUint32(arp[24:28], word(p.HopAddr))
	return len(b)
}

// arp answers requests in place, returning the answer's length or 0, and takes the answer to our own.
func (p *Player) arp(frame []byte, side Side) int {
	if len(frame) < packet.EthernetLen+arpLen {
		p.Malformed++
		return 0
	}
	arp := frame[packet.EthernetLen:]
	sender, target := binary.BigEndian.Uint32(arp[14:18]), binary.BigEndian.Uint32(arp[24:28])
	switch binary.BigEndian.Uint64(arp[0:8]) {
	case arpHead<<16 | arpRequest:
		if sender == target || !p.ours(target) {
			return 0
		}
		mac := p.MAC[side]
		copy(arp[18:28], arp[8:18])
		copy(arp[8:14], mac[:])
		binary.BigEndian.PutUint32(arp[14:18], target)
		binary.BigEndian.PutUint64(arp[0:8], arpHead<<16|arpReply)
		copy(frame[0:6], frame[6:12])
		copy(frame[6:12], mac[:])
		p.ARPAnswered++
		return len(frame)
	case arpHead<<16 | arpReply:
		if p.phase == Resolving && p.HopAddr.IsValid() && sender == word(p.HopAddr) {
			p.setHop([6]byte(arp[8:14]))
		}
	}
	return 0
}
