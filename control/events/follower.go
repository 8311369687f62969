package events

// Follower is a place in a journal that moves on as events are read. One goroutine uses it.
type Follower struct {
	journal *Journal
	next    uint64 // number of the event to read next
	ready   chan struct{}
}

// Read copies the next events into buf, oldest first, and returns how many, 0 when all were read. lost is how many
// were overwritten before they could be read: the follower is too slow, and goes on with the oldest that is kept. It
// neither waits nor allocates.
func (f *Follower) Read(buf []Event) (n int, lost uint64) {
	j := f.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if first := j.first(); f.next < first {
		lost = first - f.next
		f.next = first
	}
	for ; n < len(buf) && f.next <= j.last; n++ {
		buf[n] = *j.at(f.next)
		f.next++
	}
	return n, lost
}

// Ready receives after events were added, once for any number of them. It may receive when all were read already.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Close ends it. The journal forgets the follower.
func (f *Follower) Close() {
	f.journal.mu.Lock()
	defer f.journal.mu.Unlock()
	delete(f.journal.followers, f)
}

// wake leaves word, unless there is some already.
func (f *Follower) wake() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}
