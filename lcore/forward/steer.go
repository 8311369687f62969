package forward

// Steers is the length of the table of workers: what any NIC's redirection table can hold or repeat.
const Steers = 128

// SteeringKey is the Toeplitz key of every port. Its period of 16 bits makes the hash that of the XOR of the
// 16-bit words, wherever in the header they stand: both directions of a connection then hash alike (Woo & Park,
// "Scalable TCP session monitoring with symmetric receive-side scaling", 2012).
var SteeringKey = func() (key [52]byte) {
	for i := range key {
		key[i] = [2]byte{0x6d, 0x5a}[i%2]
	}
	return key
}()

// Steering tells which worker owns a flow, by the client's address and port. Immutable; any worker reads it.
type Steering struct {
	high, low [256]uint32 // Toeplitz hashes of the bytes of one word
	worker    [Steers]uint16
	alike     []uint16 // what an XOR may do to a port, of any client: its place in the table stays
}

// NewSteering spreads flows over so many workers.
func NewSteering(workers int) *Steering {
	s := &Steering{}
	key := uint32(SteeringKey[0])<<8 | uint32(SteeringKey[1])
	key |= key << 16
	for v := range 256 {
		for bit := range 8 {
			if v>>(7-bit)&1 != 0 {
				s.high[v] ^= rotl(key, bit)
				s.low[v] ^= rotl(key, bit+8)
			}
		}
	}
	for i := range s.worker {
		s.worker[i] = uint16(i % workers)
	}
	for change := range 1 << 16 { // the hash of an XOR is the XOR of the hashes
		if s.Hash(0, uint16(change))%Steers == 0 {
			s.alike = append(s.alike, uint16(change))
		}
	}
	return s
}

func rotl(x uint32, n int) uint32 { return x<<n | x>>(32-n) }

// Hash is the Toeplitz hash of the client's address and port, host byte order: what a NIC computes with
// SteeringKey over these fields alone, as source or as destination.
func (s *Steering) Hash(address uint32, port uint16) uint32 {
	word := uint16(address>>16) ^ uint16(address) ^ port
	return s.high[word>>8] ^ s.low[word&0xff]
}

// Owner is the worker that owns the flows of a client's endpoint.
func (s *Steering) Owner(address uint32, port uint16) uint16 {
	return s.worker[s.Hash(address, port)%Steers]
}

// Alike is the n-th port that leads to the same place in the table of workers as this one does, whoever the client is and
// however many workers there are; n goes around.
func (s *Steering) Alike(port uint16, n uint32) uint16 { return port ^ s.alike[n%uint32(len(s.alike))] }

// Worker is the worker at place i of the table: NICs' redirection tables are filled with it.
func (s *Steering) Worker(i int) uint16 { return s.worker[i%Steers] }
