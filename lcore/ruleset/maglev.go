package ruleset

import (
	"cmp"
	"slices"
)

// candidate is a member as its table knows it: by its endpoint, so that any director, at any time, with its reals in any
// order, fills the same table.
type candidate struct {
	Member
	endpoint uint64
	place    uint16 // in the tier
}

// maglev fills a table with places of candidates (Eisenbud et al., Maglev, NSDI 2016, §3.4). Each has an order of its own
// in which it wants the table's places, and takes the first that is free whenever it is its turn. Turns follow weights.
// Where one leaves, nearly all others find their places as before.
func maglev(all []candidate, size uint32) []uint16 {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b candidate) int { return cmp.Compare(a.endpoint, b.endpoint) })
	wants, members := make([]wish, len(sorted)), make([]Member, len(sorted))
	for i, c := range sorted {
		wants[i] = newWish(c.endpoint, size)
		members[i] = c.Member
	}
	// A turn's time must not depend on who else is there, or those would change places who need not.
	turns := rotation(members, func(i int) float64 { return fraction(Scatter(sorted[i].endpoint ^ staggerSalt)) })
	table := make([]uint16, size)
	for i := range table {
		table[i] = free
	}
	for left := size; left > 0; {
		for _, i := range turns {
			table[wants[i].take(table)] = sorted[i].place
			if left--; left == 0 {
				break
			}
		}
	}
	return table
}

// free is the place of no member: a tier has at most as many as there are reals.
const free = MaxReals

// The salts part what is made of one endpoint.
const (
	offsetSalt  = 0x6f66667365740000
	skipSalt    = 0x736b697000000000
	staggerSalt = 0x7374616767657200
)

// wish goes through all places of a table of a prime length, in an order of its own.
type wish struct{ at, skip, size uint32 }

func newWish(endpoint uint64, size uint32) wish {
	return wish{
		at:   uint32(Scatter(endpoint^offsetSalt) % uint64(size)),
		skip: uint32(Scatter(endpoint^skipSalt)%uint64(size-1)) + 1,
		size: size,
	}
}

// take is the next place that is free; there must be one.
func (w *wish) take(table []uint16) uint32 {
	for {
		at := w.at
		if w.at += w.skip; w.at >= w.size {
			w.at -= w.size
		}
		if table[at] == free {
			return at
		}
	}
}

// Scatter spreads numbers over 64 bits (the finalizer of splitmix64). It needs no secret: a client may know who serves it.
func Scatter(n uint64) uint64 {
	n += 0x9E3779B97F4A7C15
	n = (n ^ n>>30) * 0xBF58476D1CE4E5B9
	n = (n ^ n>>27) * 0x94D049BB133111EB
	return n ^ n>>31
}

// fraction makes a number from 0 to 1 of one of 64 bits.
func fraction(n uint64) float64 { return float64(n>>11) / (1 << 53) }

// tableSizes are primes; each serves a hundredth of its length in members with an error of a per cent or less.
var tableSizes = []uint32{4099, 16411, 65537, 262147, 1048583}

// TableSize is the length of the Maglev table for so many members. It goes up in steps, since a change of it moves
// clients: a group may grow for long before that happens.
func TableSize(members int) uint32 {
	for _, size := range tableSizes {
		if members*100 <= int(size) {
			return size
		}
	}
	return tableSizes[len(tableSizes)-1]
}
