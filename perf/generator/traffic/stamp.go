package traffic

import "encoding/binary"

// Where data begins in frames without options.
const (
	udpData = 14 + 20 + 8
	tcpData = 14 + 20 + 20
)

// stampLen is the length of a stamp, which fills the shortest UDP frame.
const stampLen = MinFrame - udpData

// stamp is the beginning of data, in network byte order:
//
//	+----------------+------------------------+
//	|  flow, 32 bits |   sequence number, 48  |
//	+----------------+-------+-------+--------+
//	|  time stamp counter, 48|run, 8 |kind, 8 |
//	+------------------------+-------+--------+
type stamp struct {
	flow uint32
	seq  uint64 // of the run, not of the flow
	at   uint64 // when it was sent
	run  uint8
	kind uint8
}

// Kinds of stamps.
const (
	request = 0x51 // from a client
	answer  = 0xa5 // the server's, of the request's time
)

const mask48 = 1<<48 - 1

// put writes a stamp and returns its sum. 18 bytes are a whole number of words.
func (s *stamp) put(b []byte) uint64 {
	b = b[:stampLen]
	first := uint64(s.flow)<<32 | s.seq&mask48>>16
	second := s.seq<<48 | s.at&mask48
	last := uint16(s.run)<<8 | uint16(s.kind)
	binary.BigEndian.PutUint64(b[0:8], first)
	binary.BigEndian.PutUint64(b[8:16], second)
	binary.BigEndian.PutUint16(b[16:18], last)
	return halves(first) + halves(second) + uint64(last)
}

// get reads a stamp and tells whether there is one of this run and of a flow below flows.
func (s *stamp) get(b []byte, run uint8, flows uint32) bool {
	if len(b) < stampLen {
		return false
	}
	first, second := binary.BigEndian.Uint64(b[0:8]), binary.BigEndian.Uint64(b[8:16])
	s.flow, s.seq, s.at = uint32(first>>32), first<<32>>16|second>>48, second&mask48
	s.run, s.kind = b[16], b[17]
	return s.run == run && (s.kind == request || s.kind == answer) && s.flow < flows
}

// age is how long ago a stamp was made.
func (s *stamp) age(now uint64) uint64 { return (now - s.at) & mask48 }
