package packet

import "encoding/binary"

// EtherTypes that Parse tells apart.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeARP  = 0x0806
	EtherTypeIPv6 = 0x86dd
)

// EthernetLen is the length of an untagged Ethernet header.
const EthernetLen = 14

// MAC is an Ethernet address as a number: its six bytes, first byte lowest, so that one load reads it.
type MAC uint64

const macMask = 1<<48 - 1

// MACFrom turns six bytes into a MAC.
func MACFrom(b [6]byte) MAC {
	return MAC(b[0]) | MAC(b[1])<<8 | MAC(b[2])<<16 | MAC(b[3])<<24 | MAC(b[4])<<32 | MAC(b[5])<<40
}

// Group tells whether the address is a multicast or broadcast one.
func (m MAC) Group() bool { return m&1 != 0 }

// SrcMAC is the source address of a frame that passed Parse.
func SrcMAC(frame []byte) MAC { return MAC(binary.LittleEndian.Uint64(frame[6:])) & macMask }

// DstMAC is the destination address of a frame of at least 8 bytes.
func DstMAC(frame []byte) MAC { return MAC(binary.LittleEndian.Uint64(frame)) & macMask }
