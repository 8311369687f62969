package conf

// RealChain returns the indices of the reals that stand in for real i while it
// is unavailable, the nearest first. It allocates the slice, in time that its
// length takes; in a Config that Parse did not make it looks names up first.
func (c *Config) RealChain(i int) []int {
	next := c.realBackups
	if len(next) != len(c.Reals) {
		next = links(len(c.Reals), func(i int) (string, string) { return c.Reals[i].Name, c.Reals[i].Backup })
	}
	return chain(next, i)
}

// VirtualChain is RealChain for virtuals.
func (c *Config) VirtualChain(i int) []int {
	next := c.virtualBackups
	if len(next) != len(c.Virtuals) {
		next = links(len(c.Virtuals), func(i int) (string, string) { return c.Virtuals[i].Name, c.Virtuals[i].Backup })
	}
	return chain(next, i)
}

// chain follows next from i; what no check has seen may go in a circle.
func chain(next []int32, i int) []int {
	var all []int
	for j := next[i]; j >= 0 && len(all) < MaxChain; j = next[j] {
		all = append(all, int(j))
	}
	return all
}

// links finds for each object the index of its backup, -1 for none.
func links(count int, names func(int) (name, backup string)) []int32 {
	byName := make(map[string]int32, count)
	for i := range count {
		name, _ := names(i)
		byName[name] = int32(i)
	}
	next := make([]int32, count)
	for i := range next {
		_, backup := names(i)
		j, known := byName[backup]
		if next[i] = -1; known && backup != "" {
			next[i] = j
		}
	}
	return next
}
