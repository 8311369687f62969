package ruleset

import (
	"cmp"
	"slices"
)

// Route is a destination and what leads there: a gateway's next-hop slot, or with Hop 0 the link of a port,
// where each destination is its own next hop.
type Route struct {
	Prefix uint32
	Bits   uint8
	Hop    uint16
	Port   uint16
}

// Range is all addresses from Start up to the next range's Start, under one route.
type Range struct {
	Start uint32
	Hop   uint16
	Port  uint16 // NoPort: unreachable
}

// NoPort marks a range without a route.
const NoPort = 0xffff

// flatten turns routes into ranges that do not overlap, longest prefix first in rank; of equal prefixes the
// earlier one counts. A look-up is then one binary search, whatever the number of prefixes.
func flatten(routes []Route) []Range {
	sorted := slices.Clone(routes)
	slices.SortStableFunc(sorted, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Prefix&mask(a.Bits), b.Prefix&mask(b.Bits)), cmp.Compare(a.Bits, b.Bits))
	})
	out := []Range{{Port: NoPort}}
	type open struct {
		last uint32
		Range
	}
	stack := []open{{^uint32(0), out[0]}}
	emit := func(r Range) {
		if out[len(out)-1].Start == r.Start {
			out = out[:len(out)-1]
		}
		if len(out) == 0 || out[len(out)-1].Hop != r.Hop || out[len(out)-1].Port != r.Port {
			out = append(out, r)
		}
	}
	closeUpTo := func(start uint32) { // prefixes that end before start give way to the one around them
		for len(stack) > 1 && stack[len(stack)-1].last < start {
			after := stack[len(stack)-1].last + 1
			stack = stack[:len(stack)-1]
			around := stack[len(stack)-1].Range
			emit(Range{after, around.Hop, around.Port})
		}
	}
	for i, r := range sorted {
		start := r.Prefix & mask(r.Bits)
		if i > 0 && sorted[i-1].Bits == r.Bits && sorted[i-1].Prefix&mask(r.Bits) == start {
			continue
		}
		closeUpTo(start)
		here := Range{start, r.Hop, r.Port}
		stack = append(stack, open{start | ^mask(r.Bits), here})
		emit(here)
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

// Route is the range that an address falls in. It takes a logarithm of the number of ranges.
func (s *Snapshot) Route(address uint32) *Range {
	r := s.ranges
	low, n := 0, len(r)
	for n > 1 {
		half := n / 2
		if r[low+half].Start <= address {
			low += half
		}
		n -= half
	}
	return &r[low]
}
