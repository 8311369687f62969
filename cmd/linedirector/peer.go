package main

import (
	"errors"
	"slices"
	"sync"

	"linedirector/lcore"
)

// peer is the workers' process, as control knows it: the board, and the wire for what only that process can do.
type peer struct {
	board *lcore.Board
	ports []opened
	wire  *wire

	stop   chan struct{} // closed once control must end
	reload chan struct{}

	mu      sync.Mutex // one question at a time
	answers chan message
}

var errAlone = errors.New("the workers' process is gone")

func newPeer(w *wire, board *lcore.Board, ports []opened) *peer {
	p := &peer{
		board: board, ports: ports, wire: w,
		stop: make(chan struct{}), reload: make(chan struct{}, 1), answers: make(chan message, 1),
	}
	go p.listen()
	return p
}

// listen ends, and with it control, when the workers' process says so or is gone.
func (p *peer) listen() {
	stopped := sync.OnceFunc(func() { close(p.stop) })
	defer close(p.answers)
	defer stopped()
	for m := range p.wire.listen() {
		switch m.verb {
		case tellStop:
			stopped()
		case tellReload:
			select {
			case p.reload <- struct{}{}:
			default: // one is due already
			}
		default:
			p.answers <- m
		}
	}
}

// ask has the workers' process do something, and waits until it has.
func (p *peer) ask(v verb) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.askLocked(v)
}

func (p *peer) askLocked(v verb) error {
	if err := p.wire.send(message{verb: v}); err != nil {
		return err
	}
	switch m, ok := <-p.answers; {
	case !ok:
		return errAlone
	case m.verb == refused:
		return errors.New(m.text)
	}
	return nil
}

// devices are the ports' devices at this moment; if the workers' process is gone, as they were.
func (p *peer) devices() (devices []lcore.Device, pools []lcore.Pool, heap lcore.Heap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.askLocked(askRead)
	return slices.Clone(p.board.Devices()), p.board.Pools(), p.board.Heap()
}

// loops are the workers as control's packages know them.
func (p *peer) loops() loops { return loops{p.board} }
