package ruleset

import (
	"cmp"
	"math"
	"slices"
)

// longestRound bounds a rotation's length; beyond it weights are rounded.
const longestRound = 1 << 14

// golden staggers the members' first turns, so that equal weights do not come in a row.
const golden = 0.6180339887498949

// turns is a smooth weighted rotation. Made once here, so that a worker's choice is one load, whatever the number of
// reals.
func turns(members []Member) []uint32 {
	return rotation(members, func(i int) float64 {
		_, stagger := math.Modf(float64(i) * golden)
		return stagger
	})
}

// rotation gives each member its turns at the times (k + stagger)/weight of a round that lasts 1, all sorted; stagger is
// from 0 to 1.
func rotation(members []Member, stagger func(member int) float64) []uint32 {
	divisor, sum := 0, 0
	for _, m := range members {
		divisor, sum = gcd(divisor, int(m.Weight)), sum+int(m.Weight)
	}
	if divisor == 0 {
		return nil
	}
	scale := 1 / float64(divisor)
	if limit := max(longestRound, 4*len(members)); sum/divisor > limit {
		scale = float64(limit) / float64(sum)
	}
	type turn struct {
		at     float64
		member uint32
	}
	round := make([]turn, 0, int(float64(sum)*scale)+len(members))
	for i, m := range members {
		n := max(1, int(math.Round(float64(m.Weight)*scale)))
		first := stagger(i)
		for k := range n {
			round = append(round, turn{(float64(k) + first) / float64(n), uint32(i)})
		}
	}
	slices.SortStableFunc(round, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	out := make([]uint32, len(round))
	for i, t := range round {
		out[i] = t.member
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
