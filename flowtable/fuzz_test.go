package flowtable

import (
	"errors"
	"testing"
)

// FuzzTable plays random operations on a shard and on a Go map. The hash keeps a few bits, so that tags collide and
// buckets overflow; addresses are so few that flows want one another's tuples.
//
// Input: flows (0–63, plus 1), how many values the hash has (a power of two), then three bytes an operation.
func FuzzTable(f *testing.F) {
	f.Add([]byte{7, 2, 0, 0x12, 0x34, 0, 0x56, 0x78, 1, 0x12, 0x34, 2, 0, 0})
	f.Add([]byte{63, 12, 0, 1, 2, 0, 3, 4, 0, 5, 6, 2, 0, 1, 0, 7, 8, 2, 0, 0})
	f.Add([]byte{63, 4, 0, 1, 2, 4, 1, 3, 12, 1, 6, 20, 9, 4, 3, 1, 2, 7, 1, 3, 2, 1, 0, 15, 1, 6}) // translated ones
	f.Add([]byte{1, 0, 0, 1, 2, 0, 1, 2, 0, 9, 9, 0, 8, 8, 2, 0, 0, 2, 0, 0})
	heap := Heap(Size(64))
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) < 2 {
			return
		}
		flows, hash := int(ops[0]&63)+1, collide(1<<(ops[1]&15))
		clear(heap)
		table, err := New(heap, flows, testSeed)
		if err != nil {
			t.Fatal(err)
		}
		m := model{entries: make(map[Key]Ref), records: make(map[uint32]Record)}
		for ops = ops[2:]; len(ops) >= 3; ops = ops[3:] {
			r := fuzzFlow(ops[0]>>2, ops[1], ops[2])
			switch ops[0] % 4 {
			case 0, 1:
				m.insert(t, table, r, hash)
			case 2:
				m.remove(t, table, ops[1], hash)
			case 3:
				m.find(t, table, r, hash)
			}
		}
		check(t, table, hash)
		m.compare(t, table, hash)
	})
}

// fuzzFlow is one of 2^16 connections among eight endpoints of each kind, which overlap; a half of them are translated, to
// ports that others have.
func fuzzFlow(translated, a, b byte) Record {
	r := Record{
		Client: uint32(a & 7), ClientPort: uint16(a >> 3 & 3),
		Virtual: uint32(b&7) + 4, VirtualPort: uint16(b >> 3 & 3),
		Real: uint32(a>>5&7) + 6, RealPort: uint16(b >> 5 & 3),
		Protocol: 6 + b>>7*11, Phase: Established,
	}
	if translated&1 != 0 {
		r.Translate(uint16(translated >> 1 & 3))
	}
	return r
}

type model struct {
	entries map[Key]Ref
	records map[uint32]Record
	order   []uint32
}

func (m *model) insert(t *testing.T, table *Table, r Record, hash func(*Key) uint64) {
	forward, reply := r.ForwardKey(), r.ReplyKey()
	if _, known := m.entries[forward]; known || forward == reply {
		return // Insert's caller has missed the forward tuple
	}
	_, taken := m.entries[reply]
	n, err := insertWith(table, r, hash)
	switch {
	case taken:
		if !errors.Is(err, ErrTaken) {
			t.Fatalf("insert of %+v: %v, want ErrTaken", r, err)
		}
	case errors.Is(err, ErrFull): // also when one hash has too many entries
		m.compare(t, table, hash)
	case err != nil:
		t.Fatal(err)
	default:
		if _, used := m.records[n]; used || n == 0 || int(n) > int(table.Stats().Capacity) || table.Record(n).ForwardKey() != forward {
			t.Fatalf("insert of %+v gave record %d", r, n)
		}
		m.entries[forward], m.entries[reply] = refTo(n, Forward), refTo(n, Reply)
		m.records[n] = r
		m.order = append(m.order, n)
	}
}

func (m *model) remove(t *testing.T, table *Table, which byte, hash func(*Key) uint64) {
	if len(m.order) == 0 {
		return
	}
	i := int(which) % len(m.order)
	n := m.order[i]
	m.order = append(m.order[:i], m.order[i+1:]...)
	r := m.records[n]
	if *table.Record(n) != r {
		t.Fatalf("record %d is %+v, want %+v", n, *table.Record(n), r)
	}
	delete(m.entries, r.ForwardKey())
	delete(m.entries, r.ReplyKey())
	delete(m.records, n)
	removeWith(table, n, hash)
}

func (m *model) find(t *testing.T, table *Table, r Record, hash func(*Key) uint64) {
	for _, k := range []Key{r.ForwardKey(), r.ReplyKey()} {
		m.look(t, table, k, hash)
	}
}

// look asks for one key in both ways.
func (m *model) look(t *testing.T, table *Table, k Key, hash func(*Key) uint64) {
	h := hash(&k)
	want, got := m.entries[k], table.Find(&k, h)
	if got != want {
		t.Fatalf("%+v: found %#x, want %#x", k, got, want)
	}
	var (
		burst = [MaxBurst]uint64{h}
		ref   [MaxBurst]Ref
		twin  [MaxBurst]Ref
	)
	table.Candidates(&burst, &ref, 1)
	table.candidatesGo(&burst, &twin, 1)
	if ref != twin || ref[0] == 0 && want != 0 {
		t.Fatalf("%+v: candidates %#x and %#x, want %#x", k, ref[0], twin[0], want)
	}
	if ref[0] == 0 {
		return
	}
	r, d := table.Record(ref[0].Record()), ref[0].Direction()
	if (r.Matches(&k, d) && r.Steady() || r.Shows(&k, d)) && ref[0] != want {
		t.Fatalf("%+v: candidate %#x matches, want %#x", k, ref[0], want)
	}
}

func (m *model) compare(t *testing.T, table *Table, hash func(*Key) uint64) {
	if int(table.Stats().Used) != len(m.records) {
		t.Fatalf("%d records in use, want %d", table.Stats().Used, len(m.records))
	}
	for k := range m.entries {
		m.look(t, table, k, hash)
	}
}
