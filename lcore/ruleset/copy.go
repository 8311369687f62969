package ruleset

import "linedirector/lcore/memory"

// Copy is a copy of all of s in an area, for workers of another process that have the area at the same address. Control only.
func (s *Snapshot) Copy(a *memory.Area) *Snapshot {
	c := memory.New[Snapshot](a)
	*c = *s
	c.virtuals = memory.Copy(a, s.virtuals)
	c.reals = memory.Copy(a, s.reals)
	c.tiers = memory.Copy(a, s.tiers)
	c.members = memory.Copy(a, s.members)
	c.slots = memory.Copy(a, s.slots)
	c.loads = memory.Copy(a, s.loads)
	c.turns = memory.Copy(a, s.turns)
	c.tables = copyTables(a, s.tables)
	c.places = memory.Copy(a, s.places)
	c.endpoints.table = memory.Copy(a, s.endpoints.table)
	c.ways = memory.Copy(a, s.ways)
	c.classes = memory.Copy(a, s.classes)
	return c
}

// copyTables copies a table once, however many tiers have it.
func copyTables(a *memory.Area, tables [][]uint16) [][]uint16 {
	copies, out := map[*uint16][]uint16{}, memory.Make[[]uint16](a, len(tables))
	for i, table := range tables {
		if len(table) == 0 {
			out[i] = nil
			continue
		}
		one, ok := copies[&table[0]]
		if !ok {
			one = memory.Copy(a, table)
			copies[&table[0]] = one
		}
		out[i] = one
	}
	return out
}
