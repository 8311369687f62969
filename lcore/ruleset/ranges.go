package ruleset

import (
	"cmp"
	"slices"
)

// prefix is a prefix of addresses and what holds for them.
type prefix[T comparable] struct {
	address uint32
	bits    uint8
	what    T
}

// reach is all addresses from start up to the next one's start, and what holds for them.
type reach[T comparable] struct {
	start uint32
	what  T
}

// flatten turns prefixes into ranges that do not overlap, longest prefix first in rank; of equal prefixes the
// earlier one counts. A look-up is then one binary search, whatever the number of prefixes.
func flatten[T comparable](prefixes []prefix[T], none T) []reach[T] {
	sorted := slices.Clone(prefixes)
	slices.SortStableFunc(sorted, func(a, b prefix[T]) int {
		return cmp.Or(cmp.Compare(a.address&mask(a.bits), b.address&mask(b.bits)), cmp.Compare(a.bits, b.bits))
	})
	out := []reach[T]{{what: none}}
	type open struct {
		last uint32
		here T
	}
	stack := []open{{^uint32(0), none}}
	emit := func(r reach[T]) {
		if out[len(out)-1].start == r.start {
			out = out[:len(out)-1]
		}
		if len(out) == 0 || out[len(out)-1].what != r.what {
			out = append(out, r)
		}
	}
	closeUpTo := func(start uint32) { // prefixes that end before start give way to the one around them
		for len(stack) > 1 && stack[len(stack)-1].last < start {
			after := stack[len(stack)-1].last + 1
			stack = stack[:len(stack)-1]
			emit(reach[T]{after, stack[len(stack)-1].here})
		}
	}
	for i, p := range sorted {
		start := p.address & mask(p.bits)
		if i > 0 && sorted[i-1].bits == p.bits && sorted[i-1].address&mask(p.bits) == start {
			continue
		}
		closeUpTo(start)
		stack = append(stack, open{start | ^mask(p.bits), p.what})
		emit(reach[T]{start, p.what})
	}
	for len(stack) > 1 {
		last := stack[len(stack)-1].last
		if last == ^uint32(0) {
			break
		}
		closeUpTo(last + 1)
	}
	return out
}

func mask(length uint8) uint32 { return ^uint32(0) << (32 - min(length, 32)) }

// holding is what holds for an address. It takes a logarithm of the number of ranges.
func holding[T comparable](ranges []reach[T], address uint32) *T {
	low, n := 0, len(ranges)
	for n > 1 {
		half := n / 2
		if ranges[low+half].start <= address {
			low += half
		}
		n -= half
	}
	return &ranges[low].what
}
