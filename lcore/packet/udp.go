package packet

import "encoding/binary"

// UDPLen is the length of a UDP header.
const UDPLen = 8

// UDP is a view of a UDP header (RFC 768).
//
//	+-------------------------------+-------------------------------+
//	|          Source port          |        Destination port       |
//	+-------------------------------+-------------------------------+
//	|             Length            |            Checksum           |
//	+-------------------------------+-------------------------------+
type UDP [UDPLen]byte

// SrcPort is the source port.
func (h *UDP) SrcPort() uint16 { return binary.BigEndian.Uint16(h[0:2]) }

// DstPort is the destination port.
func (h *UDP) DstPort() uint16 { return binary.BigEndian.Uint16(h[2:4]) }

// Len is the length of header and data, in bytes.
func (h *UDP) Len() int { return int(binary.BigEndian.Uint16(h[4:6])) }
