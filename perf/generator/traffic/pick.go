package traffic

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// picker draws flows.
type picker struct {
	random rand.PCG
	flows  uint32
	cells  []cell // none: all flows are alike
}

// cell is one place of an alias table (Walker 1977) over runs of flows: it stands for two runs, and a random number
// says which.
type cell struct {
	threshold   uint32    // below it: the first
	first, size [2]uint32 // flows first to first+size-1
}

// newPicker makes one for flows that are all alike (skew 0), or of which the k-th is drawn in proportion to k^-skew.
func newPicker(flows int, skew float64, seed uint64) *picker {
	p := &picker{random: *rand.NewPCG(seed, 0x9e3779b97f4a7c15), flows: uint32(flows)}
	if skew > 0 {
		p.cells = aliases(runs(flows, skew))
	}
	return p
}

// pick draws a flow.
func (p *picker) pick() uint32 {
	r := p.random.Uint64()
	if p.cells == nil {
		return below(uint32(r>>32), p.flows)
	}
	c := &p.cells[below(uint32(r>>32), uint32(len(p.cells)))]
	which := uint32(0)
	if uint32(r) >= c.threshold {
		which = 1
	}
	if c.size[which&1] == 1 {
		return c.first[which&1]
	}
	return c.first[which&1] + below(uint32(p.random.Uint64()>>32), c.size[which&1])
}

// below maps a random word to a number below n.
func below(word, n uint32) uint32 {
	high, _ := bits.Mul32(word, n)
	return high
}

// run is flows that follow each other and are drawn alike.
type run struct {
	first, size uint32
	weight      float64
}

// fine is up to which rank each flow is a run of its own. Above, a run is a 2048th of its first rank long: the
// flows in it differ by less than 0.05 % × skew from what they should be drawn, and ten million make 20,000 runs, which
// fit into a core's cache.
const fine = 2048

// runs cuts flows into runs, each with the sum of its flows' weights.
func runs(flows int, skew float64) []run {
	var all []run
	for first := 1; first <= flows; {
		size := min(max(first/fine, 1), flows-first+1)
		weight := 0.0
		for rank := first; rank < first+size; rank++ {
			weight += math.Pow(float64(rank), -skew)
		}
		all = append(all, run{uint32(first - 1), uint32(size), weight})
		first += size
	}
	return all
}

// aliases makes the table, by Vose's method.
func aliases(all []run) []cell {
	total := 0.0
	for i := range all {
		total += all[i].weight
	}
	share := make([]float64, len(all)) // of a cell
	var small, large []int
	for i := range all {
		share[i] = all[i].weight / total * float64(len(all))
		if share[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	cells := make([]cell, len(all))
	set := func(i, alias int) {
		threshold := min(share[i]*(1<<32), 1<<32-1)
		cells[i] = cell{uint32(threshold), [2]uint32{all[i].first, all[alias].first}, [2]uint32{all[i].size, all[alias].size}}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		set(s, l)
		if share[l] -= 1 - share[s]; share[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) { // what is left is 1, but for rounding
		share[i] = 1
		set(i, i)
	}
	return cells
}
