package flowtable

// Phase is where a connection stands, seen from the middle of its path (RFC 9293 §3.3.2).
type Phase uint8

const (
	Free        Phase = iota // the record holds no connection
	HalfOpen                 // the client's SYN was forwarded; its ACK of the SYN-ACK was not seen
	Established              // the client acknowledged the SYN-ACK
	Closing                  // both ends sent a FIN; the record stays for the close delay
	Reset                    // one end sent a RST; data restores the connection
	UDP                      // a UDP flow, alive by its idle timer
	Ditched                  // the real refused the client's SYN, or did not answer and there was no other: the next SYN may go elsewhere
	Cut                      // the director ends it: whatever an end sends is answered with RST
)

// String is the word that operators see.
func (p Phase) String() string {
	return [...]string{"free", "half-open", "established", "closing", "reset", "udp", "ditched", "cut"}[p]
}

// Counted tells whether a connection in this phase counts on its virtual and real.
func (p Phase) Counted() bool { return p == HalfOpen || p == Established || p == UDP }

// Opening tells whether the client still waits for an answer or the real for the client: the record's union then holds
// the attempt's data.
func (p Phase) Opening() bool { return p == HalfOpen || p == Ditched }

// Steady tells whether the connection is one that data alone does not change, and whose packets have one endpoint
// replaced: not both, as those of a translated one.
func (r *Record) Steady() bool {
	return (r.Phase == Established || r.Phase == UDP) && r.Flags&(Watched|Translated) == 0
}

// Flags of a record.
const (
	ClientFIN  uint8 = 1 << iota // the client sent a FIN
	RealFIN                      // the real sent a FIN
	SYNACK                       // the real answered the SYN
	RealReset                    // the RST of phase Reset came from the real
	Trial                        // it is the trial of a real in state testing
	Watched                      // the real is failed: its next packet shows life
	Translated                   // the real sees another port of the client's: Extension
)

// Of a connection in phase Cut the first two flags say who knows: whose segment was answered with RST, or who sent one.
const (
	ClientTold = ClientFIN
	RealTold   = RealFIN
)

// Sticky is a flag, too: the connection counts on its client's sticky entry, while it counts at all.
const Sticky uint8 = 1 << 7

// Direction says which way a packet of a flow goes.
type Direction uint8

const (
	Forward Direction = iota // client → real
	Reply                    // real → client
)

// Record is one connection: one cache line. Addresses and ports are in host byte order. Real, Client and
// Virtual (and their ports) stand in the order in which a packet of either direction names two neighbours:
// Matches relies on it. What the two keys are made of, Translate's included, stays as it is from Insert to Remove.
type Record struct {
	Real, Client, Virtual             uint32
	RealPort, ClientPort, VirtualPort uint16
	Protocol                          uint8
	Phase                             Phase
	L3Diff                            uint16 // what forward adds to the IPv4 header's sum; the reply's is its complement (RFC 1624)
	L4Diff                            uint16 // the same for TCP's and UDP's sum: addresses and port
	Last                              uint32 // tick of the last packet
	Binding                           uint32 // slot
	RealSlot                          uint16
	VirtualSlot                       uint16
	RouteGeneration                   uint16 // of the route look-ups behind the next hops; 0: look up again
	ToReal, ToClient                  uint16 // next-hop slots
	Flags                             uint8
	SYNs                              uint8  // SYNs of this attempt, while half-open; then packets that were handed over, see Handed
	Extension                         uint32 // of a translated flow the client's port as the real sees it; else who has copies, guest.go
	union                             [2]uint64
}

// Bytes is what an established flow carried in a direction. Opening ones have none.
func (r *Record) Bytes(d Direction) uint64 { return r.union[d&1] }

// Count adds one frame's bytes to an established flow.
func (r *Record) Count(d Direction, bytes uint16) { r.union[d&1] += uint64(bytes) }

// Establish leaves the opening phases: the attempt's data give way to counters. The record must be in no list.
func (r *Record) Establish(p Phase) {
	r.Phase, r.SYNs, r.union = p, 0, [2]uint64{}
}

// An opening connection's union: initial sequence number, beat of the first SYN that its real got, and the numbers of its
// neighbours in a list that the caller keeps.

// ISN is the initial sequence number of an opening connection's SYN.
func (r *Record) ISN() uint32 { return uint32(r.union[0]) }

// FirstSYN is the beat at which the real was sent the attempt's first SYN.
func (r *Record) FirstSYN() uint32 { return uint32(r.union[0] >> 32) }

// SetSYN begins an attempt: its sequence number and the beat of its first SYN. The neighbours stay.
func (r *Record) SetSYN(isn, first uint32) { r.union[0] = uint64(first)<<32 | uint64(isn) }

// CountSYN counts one more SYN that the real was sent, up to 128.
func (r *Record) CountSYN() { r.SYNs += 1 - r.SYNs>>7 }

// Neighbours are the records before and behind an opening connection in the caller's list, 0 at its ends.
func (r *Record) Neighbours() (older, newer uint32) {
	return uint32(r.union[1]), uint32(r.union[1] >> 32)
}

// SetNeighbours sets them.
func (r *Record) SetNeighbours(older, newer uint32) { r.union[1] = uint64(newer)<<32 | uint64(older) }

// Key is the five-tuple of a packet as it arrived, host byte order.
type Key struct {
	Src, Dst         uint32
	SrcPort, DstPort uint16
	Protocol         uint8
}

// ForwardKey is what the client's packets show.
func (r *Record) ForwardKey() Key {
	return Key{r.Client, r.Virtual, r.ClientPort, r.VirtualPort, r.Protocol}
}

// ReplyKey is what the real's packets show.
func (r *Record) ReplyKey() Key {
	return Key{r.Real, r.Client, r.RealPort, r.ShownPort(), r.Protocol}
}

// Translate has the real see another port of the client's. The caller counts it in L4Diff. Not between Insert and Remove.
func (r *Record) Translate(port uint16) {
	r.Flags |= Translated
	r.Extension = uint32(port)
}

// ShownPort is the client's port as the real sees it.
func (r *Record) ShownPort() uint16 {
	if r.Flags&Translated != 0 {
		return uint16(r.Extension)
	}
	return r.ClientPort
}

// OtherPort is what a packet going the way d of a translated flow is given in place of the client's port; L4Diff counts it.
func (r *Record) OtherPort(d Direction) uint16 {
	if d == Forward {
		return r.ShownPort()
	}
	return r.ClientPort
}

// Shows tells whether a packet with key k is of this flow, going the way d, translated or not. Matches, which is
// quicker, knows no translation: what it says is so if the flow is Steady.
func (r *Record) Shows(k *Key, d Direction) bool {
	if r.Flags&Translated != 0 && d == Reply {
		return r.ReplyKey() == *k
	}
	return r.Matches(k, d)
}
