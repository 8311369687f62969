package events

import "sync"

// Kept is how many events the director's journal holds.
const Kept = 4096

// Journal is a ring of the last events. Any goroutine may call its methods; none of them blocks for longer than it
// takes to copy events, whoever follows.
type Journal struct {
	mu        sync.Mutex
	ring      []Event // event number seq lies at (seq-1) % len
	last      uint64  // number of the newest; 0: none yet
	lost      uint64  // number of the newest that an earlier journal has taken with it
	followers map[*Follower]struct{}
}

// New makes a journal of the last kept events, at least one, and takes the memory for all of them.
func New(kept int) *Journal {
	return &Journal{ring: make([]Event, max(kept, 1)), followers: map[*Follower]struct{}{}}
}

// Continue makes a journal whose events are numbered on from those of another, which is lost.
func Continue(kept int, last uint64) *Journal {
	j := New(kept)
	j.last, j.lost = last, last
	return j
}

// Add appends an event, wakes those who follow, and returns the event's number. It does not allocate. A ring that is
// full loses its oldest event.
func (j *Journal) Add(e Event) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.Seq = j.last
	*j.at(e.Seq) = e
	for f := range j.followers {
		f.wake()
	}
	return e.Seq
}

// Since returns the events that came after number seq and are still kept, oldest first.
func (j *Journal) Since(seq uint64) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := max(seq+1, j.first())
	if next > j.last {
		return nil
	}
	out := make([]Event, 0, j.last-next+1)
	for ; next <= j.last; next++ {
		out = append(out, *j.at(next))
	}
	return out
}

// Last is the number of the newest event, 0 before the first.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// Follow begins after number seq, or with the oldest event that is kept. The follower must be closed.
func (j *Journal) Follow(seq uint64) *Follower {
	f := &Follower{journal: j, ready: make(chan struct{}, 1)}
	j.mu.Lock()
	defer j.mu.Unlock()
	f.next = max(seq+1, j.first())
	j.followers[f] = struct{}{}
	return f
}

// at is the place of event number seq. The caller holds the lock.
func (j *Journal) at(seq uint64) *Event { return &j.ring[(seq-1)%uint64(len(j.ring))] }

// first is the number of the oldest event that is kept, or of the first to come. The caller holds the lock.
func (j *Journal) first() uint64 {
	if kept := uint64(len(j.ring)); j.last > j.lost+kept {
		return j.last - kept + 1
	}
	return j.lost + 1
}
