package lcore

import (
	"sync/atomic"

	"linedirector/lcore/memory"
)

// ledgers is how many there is room for: the last one that is whole, and the next.
const ledgers = 2

// ledger is what control must know of itself when it is begun anew.
type ledger struct {
	turn atomic.Uint32 // how often it was stored
	text [ledgers][]byte
}

// Store keeps text, whole or not at all, for Load of the next control. One goroutine.
func (b *Board) Store(text []byte) {
	turn := b.ledger.turn.Load() + 1
	a := b.ledgers[turn%ledgers]
	a.Reset()
	b.ledger.text[turn%ledgers] = memory.Copy(a, text)
	b.ledger.turn.Store(turn)
}

// Load is what was stored last, nil if nothing was. It is valid until Store was called twice.
func (b *Board) Load() []byte {
	turn := b.ledger.turn.Load()
	if turn == 0 {
		return nil
	}
	return b.ledger.text[turn%ledgers]
}
