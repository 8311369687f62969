package forward

// tickets tell whether a frame of a flow may still be on its way to the flow's owner. A ticket is the number of a frame
// among all that this worker handed over, and goes with it. It is Frame.Hash of a frame that was handed over, with this
// worker's number: what RSS hashed it to is of no more use.
type tickets struct {
	last  uint32
	place [ticketPlaces]uint32 // by hash: the last ticket of flows there
}

const (
	ticketBits   = 24
	ticketMask   = 1<<ticketBits - 1
	ticketPlaces = 1 << 11
	mostOnTheWay = 1 << 20 // frames: far more than there is room for in rings
)

// draw is the ticket of a frame with that hash.
func (t *tickets) draw(hash uint64) uint32 {
	t.last++
	t.place[ticketPlace(hash)] = t.last
	return t.last
}

// latest tells whether no frame with that hash came after the one with the ticket. It may be wrong about a frame that no
// ring holds any more, and about a flow that shares another's place: then it says false.
func (t *tickets) latest(hash uint64, ticket uint32) bool {
	later := (t.place[ticketPlace(hash)] - ticket) & ticketMask
	return later == 0 || later > mostOnTheWay
}

func ticketPlace(hash uint64) uint64 { return hash >> 40 % ticketPlaces }

// handFlow hands over frame i, for the worker that owns its flow.
func (w *Worker) handFlow(i int, owner uint16) {
	f := w.frame(i)
	if w.hand(f, owner); f.Verdict == Hand {
		f.Hash = w.tickets.draw(w.hash[i&(MaxBurst-1)])<<(32-ticketBits) | uint32(w.self)
	}
}

// handedBy is the worker that handed over the frame with this Hash, and the frame's ticket.
func handedBy(hash uint32) (worker uint16, ticket uint32) {
	return uint16(hash & (1<<(32-ticketBits) - 1)), hash >> (32 - ticketBits)
}
