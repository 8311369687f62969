package control

import "linedirector/conf"

// layout is a configuration by index: to which reals each virtual's connections may go, backups of both kinds included.
type layout struct {
	conf   *conf.Config
	reals  map[string]int
	chains [][]int // of each real's backups
	seen   []int   // by real: 1 + the virtual that bound found it for last
}

func newLayout(c *conf.Config) *layout {
	l := &layout{conf: c, reals: make(map[string]int, len(c.Reals)), chains: make([][]int, len(c.Reals)), seen: make([]int, len(c.Reals))}
	for i := range c.Reals {
		l.reals[c.Reals[i].Name] = i
		if c.Reals[i].Backup != "" {
			l.chains[i] = c.RealChain(i)
		}
	}
	return l
}

// tiers are the virtuals whose reals take the connections of virtual i: itself, then its backups.
func (l *layout) tiers(i int) []int {
	if l.conf.Virtuals[i].Backup == "" {
		return []int{i}
	}
	return append([]int{i}, l.conf.VirtualChain(i)...)
}

// bound calls f once for each real that virtual i may send connections to, until f returns false.
func (l *layout) bound(i int, f func(real int) bool) bool {
	for _, of := range l.tiers(i) {
		for _, name := range l.conf.Virtuals[of].Reals {
			first := l.reals[name]
			if !l.visit(i, first, f) {
				return false
			}
			for _, real := range l.chains[first] {
				if !l.visit(i, real, f) {
					return false
				}
			}
		}
	}
	return true
}

func (l *layout) visit(i, real int, f func(real int) bool) bool {
	if l.seen[real] == i+1 {
		return true
	}
	l.seen[real] = i + 1
	return f(real)
}
