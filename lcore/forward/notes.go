package forward

import (
	"sync/atomic"

	"linedirector/flowtable"
)

// notePlaces is how many notes one worker may have on their way to another. Only a recall may take the upper half of them.
const notePlaces = 256

// subject is what a note is about.
type subject uint8

const (
	lent     subject = iota // a guest, if the reader wants it
	recalled                // the flow is not what its guest says any more
	carried                 // what a guest carried
)

// note is what one worker tells another of a flow.
type note struct {
	record  flowtable.Record
	ticket  uint32 // lent: of the frame that it is lent for
	subject subject
}

// queue is the notes of one worker to another.
type queue struct {
	written atomic.Uint32 // by the writer: how many were, ever
	_       [60]byte
	read    atomic.Uint32 // by the reader
	_       [60]byte
	place   [notePlaces]note
}

// Notes are what all workers of a director tell one another of flows.
type Notes struct{ queues [][]*queue } // [from][to]

// NewNotes makes them for so many workers.
func NewNotes(workers int) *Notes {
	n := &Notes{queues: make([][]*queue, workers)}
	for from := range n.queues {
		n.queues[from] = make([]*queue, workers)
		for to := range n.queues[from] {
			if to != from {
				n.queues[from][to] = new(queue)
			}
		}
	}
	return n
}

// peer is another worker as this one writes to it and reads from it.
type peer struct {
	worker             uint16
	out, in            *queue
	written, published uint32 // to out
	read               uint32 // from in
}

// peers are a worker's, in the order of their numbers.
func (n *Notes) peers(self uint16) (all []peer) {
	if n == nil {
		return nil
	}
	for i := range n.queues {
		if i != int(self) {
			all = append(all, peer{worker: uint16(i), out: n.queues[self][i], in: n.queues[i][self]})
		}
	}
	return all
}

// peer is another worker's by its number, nil if there is none.
func (w *Worker) peer(worker uint16) *peer {
	i := int(worker)
	switch {
	case worker == w.self:
		return nil
	case worker > w.self:
		i--
	}
	if i >= len(w.peers) {
		return nil
	}
	return &w.peers[i]
}

// write is the peer's next note, to be filled; nil if there is no place. Nobody reads it before publish.
func (p *peer) write(s subject) *note {
	room := notePlaces - (p.written - p.out.read.Load())
	if room == 0 || room <= notePlaces/2 && s != recalled {
		return nil
	}
	n := &p.out.place[p.written%notePlaces]
	p.written++
	n.subject = s
	return n
}

// publish shows others what this worker wrote.
func (w *Worker) publish() {
	for i := range w.peers {
		if p := &w.peers[i]; p.written != p.published {
			p.published = p.written
			p.out.written.Store(p.written)
		}
	}
}

// correspond lends what the last burst chose, whose frames have been sent, and reads what others have written: all of it,
// before the next frame is looked up.
func (w *Worker) correspond() {
	w.lend()
	w.publish()
	for i := range w.peers {
		p := &w.peers[i]
		if written := p.in.written.Load(); written != p.read {
			w.prepare(p, written)
			w.hear(p, written)
			p.in.read.Store(written)
		}
	}
}

// prepare starts the loads of what a peer's notes up to a number of them are about.
func (w *Worker) prepare(p *peer, written uint32) {
	for at := p.read; at != written; at++ {
		n := &p.in.place[at%notePlaces]
		if n.subject == carried {
			w.table.PrefetchRecord(n.record.Binding)
			continue
		}
		forward, reply := n.record.ForwardKey(), n.record.ReplyKey()
		w.table.PrefetchBoth(w.table.Hash(&forward))
		w.table.PrefetchBoth(w.table.Hash(&reply))
	}
}

// hear does what they say.
func (w *Worker) hear(p *peer, written uint32) {
	for ; p.read != written; p.read++ {
		switch n := &p.in.place[p.read%notePlaces]; n.subject {
		case lent:
			w.host(&n.record, n.ticket)
		case recalled:
			w.dismiss(&n.record)
		case carried:
			w.merge(&n.record)
		}
	}
}
