package ruleset

import "encoding/binary"

// Tables keep the Maglev tables of the last snapshot for the next one, which needs few others: to fill one takes from
// 20 µs to 50 ms. Tiers with the same reals and weights share one. The zero value holds none.
// Control only.
type Tables struct {
	kept map[string][]uint16 // of the last snapshot
	used map[string][]uint16 // of the one that is being built
}

// settle lets go of what the snapshot just built does not need.
func (t *Tables) settle() {
	if t != nil {
		t.kept, t.used = t.used, nil
	}
}

// of is the table of these candidates, kept or made.
func (t *Tables) of(all []candidate, size uint32) []uint16 {
	if t == nil {
		return maglev(all, size)
	}
	key := keyOf(all, size)
	table, ok := t.used[key]
	if !ok {
		if table, ok = t.kept[key]; !ok {
			table = maglev(all, size)
		}
		if t.used == nil {
			t.used = map[string][]uint16{}
		}
		t.used[key] = table
	}
	return table
}

// keyOf is all that a table depends on.
func keyOf(all []candidate, size uint32) string {
	key := make([]byte, 0, 4+12*len(all))
	key = binary.BigEndian.AppendUint32(key, size)
	for _, c := range all {
		key = binary.BigEndian.AppendUint64(key, c.endpoint)
		key = binary.BigEndian.AppendUint16(key, c.Weight)
		key = binary.BigEndian.AppendUint16(key, c.place)
	}
	return string(key)
}

// addTables appends a tier's table. While some members' slow starts last, there is also that of the others, for the
// clients that do not come to those yet: they stay where they are.
func (s *Snapshot) addTables(t *Tier, size uint32, tables *Tables) {
	members := s.Members(t)
	if size == 0 {
		size = TableSize(len(members))
	}
	all, settled := make([]candidate, len(members)), make([]candidate, 0, len(members))
	first := uint32(len(s.places))
	for i, m := range members {
		r := &s.reals[m.Real]
		all[i] = candidate{m, uint64(r.Address)<<16 | uint64(r.Port), uint16(i)}
		if !m.Ramping {
			c := all[i]
			c.place = uint16(len(settled))
			settled = append(settled, c)
		}
	}
	t.table = s.addTable(tables.of(all, size))
	if len(settled) > 0 && len(settled) < len(all) {
		for i, m := range members {
			if !m.Ramping {
				s.places = append(s.places, uint16(i))
			}
		}
		t.places = span{first, uint32(len(settled))}
		t.settled = s.addTable(tables.of(settled, size))
	}
}

func (s *Snapshot) addTable(table []uint16) uint32 {
	s.tables = append(s.tables, table)
	return uint32(len(s.tables) - 1)
}
