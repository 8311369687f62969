package main

import "slices"

// summary is one balancer over all rounds: medians, save for what must not hide among them.
type summary struct {
	Balancer string            `json:"balancer"`
	Loads    map[string]figure `json:"loads"`
}

// summarise takes medians, figure by figure; failed requests and lost segments are added up.
func summarise(of []balancer, rounds []measured) (all []summary) {
	for _, b := range of {
		s := summary{b.name, map[string]figure{}}
		for _, l := range loads {
			var taken []figure
			for _, m := range rounds {
				if m.Balancer == b.name {
					taken = append(taken, m.Loads[l.name])
				}
			}
			mid := func(of func(figure) float64) float64 {
				values := make([]float64, len(taken))
				for i, f := range taken {
					values[i] = of(f)
				}
				return median(values)
			}
			f := figure{
				Rate:    mid(func(f figure) float64 { return f.Rate }),
				Program: mid(func(f figure) float64 { return f.Program }),
				Machine: mid(func(f figure) float64 { return f.Machine }),
				CPU0:    mid(func(f figure) float64 { return f.CPU0 }),
				CPU1:    mid(func(f figure) float64 { return f.CPU1 }),
			}
			f.P50 = mid(func(f figure) float64 { return f.P50 })
			f.P99 = mid(func(f figure) float64 { return f.P99 })
			f.P999 = mid(func(f figure) float64 { return f.P999 })
			for _, one := range taken {
				f.Requests += one.Requests
				f.Duration += one.Duration
				f.Failed += one.Failed
				f.Lost += one.Lost
			}
			s.Loads[l.name] = f
		}
		all = append(all, s)
	}
	return all
}

// bound is what linedirector is held to.
type bound struct {
	Load    string  `json:"load"`
	Of      string  `json:"of"`
	To      string  `json:"to"`
	AtLeast float64 `json:"at_least"`
	Ratio   float64 `json:"ratio"` // median of the rounds' ratios; 0: not measured
}

var bounds = []bound{
	{Load: "requests", Of: "linedirector", To: "testpmd", AtLeast: 0.85},
	{Load: "requests", Of: "linedirector", To: "haproxy", AtLeast: 1.5},
	{Load: "connections", Of: "linedirector", To: "nftables", AtLeast: 1.0},
	{Load: "connections", Of: "linedirector", To: "haproxy", AtLeast: 1.5},
	{Load: "requests", Of: "linedirector-xdp", To: "testpmd-xdp", AtLeast: 0.85},
	{Load: "requests", Of: "linedirector-xdp", To: "haproxy", AtLeast: 1.5},
	{Load: "connections", Of: "linedirector-xdp", To: "nftables", AtLeast: 1.0},
	{Load: "connections", Of: "linedirector-xdp", To: "haproxy", AtLeast: 1.5},
}

// judge sets the ratio of rates. Both balancers of a round ran within a minute or two, so that the machine's swings
// take less part in a ratio of their figures than in one of medians.
func (b *bound) judge(rounds []measured) {
	b.Ratio = ratio(rounds, b.Load, b.Of, b.To)
}

// ratio is the median, over rounds, of one balancer's rate over another's; 0 if they had no round in common.
func ratio(rounds []measured, load, of, to string) float64 {
	rates := map[string]map[int]float64{of: {}, to: {}}
	for _, m := range rounds {
		if by := rates[m.Balancer]; by != nil {
			by[m.Round] = m.Loads[load].Rate
		}
	}
	var all []float64
	for round, rate := range rates[of] {
		if other := rates[to][round]; other > 0 {
			all = append(all, rate/other)
		}
	}
	return median(all)
}

// median is the middle of values, or the mean of the two in the middle; 0 of none.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
