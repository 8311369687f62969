package forward

import (
	"math/bits"

	"linedirector/lcore/ruleset"
)

// betterOfTwo draws two members by weight and is the one with fewer connections for it: among many about as good as
// to look at all (Mitzenmacher 2001), at the same cost whatever their number. What cannot take the connection is drawn
// in vain.
func (w *Worker) betterOfTwo(t *ruleset.Tier, members []ruleset.Member, except uint16) uint32 {
	turns := w.rules.Turns(t)
	r := w.chance.next()
	a, b := turns[below(uint32(r), uint32(len(turns)))], turns[below(uint32(r>>32), uint32(len(turns)))]
	if a == b { // the same one is no choice
		if b++; b == uint32(len(members)) {
			b = 0
		}
	}
	first, second := &members[a], &members[b]
	if !w.takes(second, except) {
		return a
	}
	if !w.takes(first, except) {
		return b
	}
	conns, share := w.burden(first)
	if first.Ramping && w.admits(first) {
		conns, share = w.ownBurden(first)
	}
	otherConns, otherShare := w.burden(second)
	if otherConns*share < conns*otherShare {
		return b
	}
	return a
}

// takes tells whether a member takes a connection that the real in slot except must not have.
func (w *Worker) takes(m *ruleset.Member, except uint16) bool { return m.Real != except && !w.full(m) }

// chance is a xorshift64* generator (Vigna 2016): cheap, and good enough to draw lots. It is never 0.
type chance uint64

func newChance(seed uint64, worker int) chance {
	if seed == 0 {
		seed = ruleset.Scatter(uint64(worker))
	}
	return chance(max(seed, 1))
}

func (c *chance) next() uint64 {
	x := *c
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*c = x
	return uint64(x) * 0x2545F4914F6CDD1D
}

// below makes a number below n of one of 32 bits, without a division (Lemire 2019).
func below(random, n uint32) uint32 {
	high, _ := bits.Mul32(random, n)
	return high
}
