package forward

import "sync/atomic"

// wantsLen is how many unanswered questions a worker may have.
const wantsLen = 256

// Wants are the on-link addresses whose MAC a worker misses: it asks, control takes. A question that finds no
// place is dropped; the next packet asks again.
type Wants struct {
	place      [wantsLen]uint64
	head, tail atomic.Uint32
	last       uint64
}

// ask is the worker's.
func (q *Wants) ask(port uint16, address uint32) {
	want := uint64(port)<<32 | uint64(address)
	head := q.head.Load()
	if head-q.tail.Load() == wantsLen {
		return
	}
	if want == q.last && head != q.tail.Load() {
		return
	}
	q.last = want
	atomic.StoreUint64(&q.place[head%wantsLen], want)
	q.head.Store(head + 1)
}

// Take is the oldest question, for control: a port's number and an address in host byte order.
func (q *Wants) Take() (port uint16, address uint32, ok bool) {
	tail := q.tail.Load()
	if tail == q.head.Load() {
		return 0, 0, false
	}
	want := atomic.LoadUint64(&q.place[tail%wantsLen])
	q.tail.Store(tail + 1)
	return uint16(want >> 32), uint32(want), true
}
