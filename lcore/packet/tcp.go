package packet

import "encoding/binary"

// TCPLen is the length of a TCP header without options.
const TCPLen = 20

// TCP flags.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// TCP is a view of the fixed 20 bytes of a TCP header (RFC 9293 §3.1); options follow it.
//
//	+-------------------------------+-------------------------------+
//	|          Source port          |        Destination port       |
//	+-------------------------------+-------------------------------+
//	|                        Sequence number                        |
//	+---------------------------------------------------------------+
//	|                     Acknowledgement number                    |
//	+-------+-------+---------------+-------------------------------+
//	| Offset|       |     Flags     |             Window            |
//	+-------+-------+---------------+-------------------------------+
//	|            Checksum           |         Urgent pointer        |
//	+-------------------------------+-------------------------------+
type TCP [TCPLen]byte

// SrcPort is the source port.
func (h *TCP) SrcPort() uint16 { return binary.BigEndian.Uint16(h[0:2]) }

// DstPort is the destination port.
func (h *TCP) DstPort() uint16 { return binary.BigEndian.Uint16(h[2:4]) }

// Seq is the sequence number.
func (h *TCP) Seq() uint32 { return binary.BigEndian.Uint32(h[4:8]) }

// Ack is the acknowledgement number.
func (h *TCP) Ack() uint32 { return binary.BigEndian.Uint32(h[8:12]) }

// HeaderLen is the header's length with options, in bytes.
func (h *TCP) HeaderLen() int { return int(h[12]>>4) * 4 }

// Flags are FIN, SYN, RST, PSH, ACK and those above them.
func (h *TCP) Flags() uint8 { return h[13] }

// Seq is the sequence number of a TCP frame that passed Parse.
func Seq(frame []byte, m *Meta) uint32 { return (*TCP)(frame[m.L4:]).Seq() }

// Ack is the acknowledgement number of a TCP frame that passed Parse.
func Ack(frame []byte, m *Meta) uint32 { return (*TCP)(frame[m.L4:]).Ack() }
