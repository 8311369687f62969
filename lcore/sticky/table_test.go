package sticky

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var testSeed = [2]uint64{0x243F6A8885A308D3, 0x13198A2E03707344}

func newTable(tb testing.TB, capacity int) *Table {
	tb.Helper()
	t, err := New(Heap(Size(capacity)), capacity, testSeed)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// tiny has one home and one bucket in the spill: all clients meet.
func tiny() *Table {
	t, b := layOut(Heap(headSize+2*bucketSize), 2)
	t.homes, t.spill, t.seed, t.capacity = b[:1], b[1:], testSeed, 2*perBucket
	return t
}

// all are the table's entries, in pages.
func all(tb testing.TB, t *Table) (entries []Entry) {
	tb.Helper()
	page := make([]Entry, 11)
	for from := 0; ; {
		n, next := t.Page(from, page)
		entries = append(entries, page[:n]...)
		if next == 0 {
			break
		}
		if next <= from {
			tb.Fatalf("page %d is followed by %d", from, next)
		}
		from = next
	}
	if used := t.Stats().Used; used != len(entries) {
		tb.Fatalf("%d entries, %d counted", len(entries), used)
	}
	return entries
}

// check compares what homes believe to have in the spill with what is there.
func check(tb testing.TB, t *Table) {
	tb.Helper()
	away := map[*bucket]uint32{}
	for i := range t.spill {
		for _, e := range t.spill[i].entries {
			if e.Group != 0 {
				away[t.home(t.hash(e.Group, e.Client))]++
			}
		}
	}
	for i := range t.homes {
		if b := &t.homes[i]; b.away.Load() != away[b] || b.word.Load() != 0 {
			tb.Fatalf("home %d: %d away, want %d; lock %d", i, b.away.Load(), away[b], b.word.Load())
		}
	}
}

func TestLifeOfAnEntry(t *testing.T) {
	now := ^uint32(4) // ticks are about to wrap around
	for _, tt := range []struct {
		description string
		do          func(*Table)
		now         uint32 // then
		want        Entry  // Group 0: none is found
	}{
		{"none", func(*Table) {}, now, Entry{}},
		{"made by the first connection", func(t *Table) { t.Open(1, 7, 3, 0, now) }, now, Entry{7, 1, 3, 1, 0}},
		{"it has no end while one is open", func(t *Table) { t.Open(1, 7, 3, 0, now) }, now + 1<<31, Entry{7, 1, 3, 1, 0}},
		{"other connections count on it", func(t *Table) { t.Open(1, 7, 3, 0, now); t.Open(1, 7, 3, 0, now) }, now, Entry{7, 1, 3, 2, 0}},
		{"the timer starts with the last one's end", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Open(1, 7, 3, 0, now)
			t.Close(1, 7, 3, now+10)
			t.Close(1, 7, 3, now+20)
		}, now + 19, Entry{7, 1, 3, 0, 15}},
		{"it has expired", func(t *Table) { t.Open(1, 7, 3, 0, now); t.Close(1, 7, 3, now+20) }, now + 20, Entry{}},
		{"a connection before that keeps it", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Close(1, 7, 3, now+20)
			t.Open(1, 7, 3, 0, now+19)
		}, now + 1000, Entry{7, 1, 3, 1, now + 20}},
		{"one after that may go to another real", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Close(1, 7, 3, now+20)
			t.Open(1, 7, 4, 0, now+20)
		}, now + 1000, Entry{7, 1, 4, 1, now + 20}},
		{"another real's does not take it", func(t *Table) { t.Open(1, 7, 3, 0, now); t.Open(1, 7, 4, 0, now) }, now, Entry{7, 1, 3, 1, 0}},
		{"unless it is told to", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Open(1, 7, 3, 0, now)
			t.Open(1, 7, 4, 3, now)
		}, now, Entry{7, 1, 4, 1, 0}},
		{"and not from a third", func(t *Table) { t.Open(1, 7, 3, 0, now); t.Open(1, 7, 4, 5, now) }, now, Entry{7, 1, 3, 1, 0}},
		{"from itself it is joined", func(t *Table) { t.Open(1, 7, 3, 0, now); t.Open(1, 7, 3, 3, now) }, now, Entry{7, 1, 3, 2, 0}},
		{"the old real's connections count no more", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Open(1, 7, 4, 3, now)
			t.Close(1, 7, 3, now)
		}, now, Entry{7, 1, 4, 1, 0}},
		{"never below 0", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Close(1, 7, 3, now+1)
			t.Close(1, 7, 3, now+9)
			t.Open(1, 7, 3, 0, now)
		}, now, Entry{7, 1, 3, 1, now + 1}},
		{"a connection that was not over", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Close(1, 7, 3, now+1)
			t.Reopen(1, 7, 3, now)
		}, now + 9, Entry{7, 1, 3, 1, now + 1}},
		{"nor is it another real's", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Close(1, 7, 3, now+1)
			t.Reopen(1, 7, 4, now)
		}, now + 9, Entry{}},
		{"nor makes it an entry", func(t *Table) { t.Reopen(1, 7, 3, now) }, now, Entry{}},
		{"nor when it has expired", func(t *Table) {
			t.Open(1, 7, 3, 0, now)
			t.Close(1, 7, 3, now+9)
			t.Reopen(1, 7, 3, now+9)
		}, now + 9, Entry{}},
		{"another client's", func(t *Table) { t.Open(1, 8, 3, 0, now) }, now, Entry{}},
		{"another group's", func(t *Table) { t.Open(2, 7, 3, 0, now) }, now, Entry{}},
		{"client 0 is one as well", func(t *Table) { t.Open(1, 0, 3, 0, now) }, now, Entry{}},
	} {
		t.Run(tt.description, func(t *testing.T) {
			table := newTable(t, 10)
			tt.do(table)
			real, ok := table.Find(1, 7, tt.now)
			if real != tt.want.Real || ok != (tt.want.Group != 0) {
				t.Errorf("real %d, %v; want %+v", real, ok, tt.want)
			}
			got := all(t, table)
			if tt.want.Group != 0 && !slices.Equal(got, []Entry{tt.want}) {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			check(t, table)
		})
	}
}

func TestOpenTells(t *testing.T) {
	table := newTable(t, 10)
	for i, c := range []struct {
		real, from, holder uint16
		joined             bool
	}{{3, 0, 3, false}, {3, 0, 3, true}, {4, 0, 3, false}, {4, 9, 3, false}, {4, 3, 4, false}, {4, 3, 4, true}, {3, 0, 4, false}} {
		if holder, joined := table.Open(1, 7, c.real, c.from, 100); holder != c.holder || joined != c.joined {
			t.Errorf("%d: %d, %v; want %+v", i, holder, joined, c)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		size, capacity int
		want           string
	}{
		{1000, 0, "0 entries; a table takes 1 to 1073741824"},
		{1000, 1<<30 + 1, "1073741825 entries; a table takes"},
		{Size(100) - 1, 100, fmt.Sprintf("%d bytes for 100 entries; %d needed", Size(100)-1, Size(100))},
	} {
		if _, err := New(Heap(tt.size), tt.capacity, testSeed); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	if _, err := New(Heap(Size(1)), 1, testSeed); err != nil {
		t.Error(err)
	}
}

// TestPurge: by real and by group, entries with connections as well.
func TestPurge(t *testing.T) {
	table := newTable(t, 1000)
	for client := range uint32(900) {
		group, real := uint16(1+client%3), uint16(1+client%5)
		table.Open(group, client, real, 0, 1)
		if client%2 == 0 {
			table.Close(group, client, real, 50)
		}
	}
	if n := table.Purge(2); n != 180 {
		t.Errorf("%d entries of real 2", n)
	}
	if n := table.PurgeGroup(3); n != 240 {
		t.Errorf("%d more of group 3", n)
	}
	left := all(t, table)
	if len(left) != 900-180-240 || slices.ContainsFunc(left, func(e Entry) bool { return e.Real == 2 || e.Group == 3 }) {
		t.Errorf("%d entries are left", len(left))
	}
	check(t, table)
	table.Close(1, 6, 2, 50) // of an entry that is gone
	if n := table.Purge(2) + table.PurgeGroup(3); n != 0 {
		t.Errorf("%d more", n)
	}
}

// TestSweep: a round forgets what has expired, and nothing else, and the next round begins at the first bucket.
func TestSweep(t *testing.T) {
	for _, parts := range []int{0, 1, 3, 7, 1000} {
		table := newTable(t, 500)
		for round := range uint32(3) {
			for client := range uint32(400) {
				table.Open(1, client, 3, 0, round)
			}
			for client := range uint32(400) {
				if client%4 != 0 {
					table.Close(1, client, 3, round+client%2)
				}
			}
			forgotten := 0
			for range max(parts, 1) {
				forgotten += table.Sweep(parts, round)
				if table.swept == 0 {
					break
				}
			}
			if forgotten != 100 || table.swept != 0 {
				t.Errorf("%d parts: %d forgotten, want 100; goes on at %d", parts, forgotten, table.swept)
			}
			if left := len(all(t, table)); left != 300 {
				t.Errorf("%d parts: %d left", parts, left)
			}
			check(t, table)
			for client := range uint32(400) {
				table.Close(1, client, 3, round)
			}
			table.Sweep(1, round+1)
			if left := len(all(t, table)); left != 0 {
				t.Errorf("%d parts: %d left in the end", parts, left)
			}
		}
	}
}

// TestCapacity: a table holds what it was made for, whatever the clients are, but for a few in a million.
func TestCapacity(t *testing.T) {
	sizes := []int{1, 2, 7, 8, 20, 100, 1000, 100_000}
	if !testing.Short() {
		sizes = append(sizes, 1_000_000)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for _, capacity := range sizes {
		for name, client := range map[string]func(i int) (uint16, uint32){
			"random":     func(int) (uint16, uint32) { return uint16(1 + random.Uint32N(1<<16-1)), random.Uint32() },
			"in a row":   func(i int) (uint16, uint32) { return 1, 0x0A000000 + uint32(i) },
			"in /24s":    func(i int) (uint16, uint32) { return uint16(1 + i>>20), uint32(i) << 12 },
			"groups":     func(i int) (uint16, uint32) { return uint16(1 + i&7), 0xC6336400 + uint32(i>>3) },
			"few groups": func(i int) (uint16, uint32) { return uint16(1 + i%1000), uint32(i/1000) << 8 },
		} {
			if capacity > 100_000 && name != "random" && name != "in /24s" {
				continue
			}
			rounds := min(max(100_000/capacity, 1), 2000)
			lost, most := 0, 0
			for round := range rounds {
				table, err := New(Heap(Size(capacity)), capacity, [2]uint64{random.Uint64(), uint64(round)})
				if err != nil {
					t.Fatal(err)
				}
				for i := range capacity {
					group, c := client(i)
					table.Open(group, c, 3, 0, 1)
				}
				if round == 0 {
					check(t, table)
				}
				lost += int(table.Stats().Refused)
				most = max(most, int(table.Stats().Refused))
			}
			each := float64(Size(capacity)) / float64(capacity)
			if lost > 0 || capacity >= 100_000 {
				t.Logf("%d entries, %s: %d of %d found no room, %.1f bytes each", capacity, name, lost, rounds*capacity, each)
			}
			if float64(lost) > 20e-6*float64(rounds*capacity)+3 || most > 1+capacity/20_000 {
				t.Errorf("%d entries, %s: %d of %d found no room, %d at once", capacity, name, lost, rounds*capacity, most)
			}
		}
	}
}

// model is a table of unlimited speed: the rules alone.
type model map[[2]uint32]*Entry

func (m model) find(group uint16, client, now uint32) *Entry {
	if e := m[[2]uint32{uint32(group), client}]; e != nil && !(e.Live == 0 && int32(now-e.Until) >= 0) {
		return e
	}
	delete(m, [2]uint32{uint32(group), client})
	return nil
}

// TestAgainstModel plays random calls, on a table of two buckets that is nearly always full and on one with room.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 1))
		table, room, clients := newTable(t, 300), 1<<30, uint32(40)
		if seed%2 == 0 {
			table, room, clients = tiny(), 2*perBucket, 8
		}
		m, now := model{}, uint32(1<<32-3000)
		gaveWay, refused := uint64(0), uint64(0)
		for step := range 6_000 {
			now += random.Uint32N(3) * random.Uint32N(4)
			group, client, real := uint16(1+random.Uint32N(3)), random.Uint32N(clients), uint16(1+random.Uint32N(3))
			key := [2]uint32{uint32(group), client}
			e := m.find(group, client, now)
			switch random.IntN(9) {
			case 0:
				found, ok := table.Find(group, client, now)
				if ok != (e != nil) || ok && found != e.Real {
					t.Fatalf("step %d: found %d, %v; want %+v", step, found, ok, e)
				}
			case 1, 2, 3:
				from := uint16(random.Uint32N(4))
				want, wantJoined := Entry{client, group, real, 1, 0}, false
				var ends []uint32 // of the entry that gives way
				switch {
				case e == nil && m.unexpired(now) >= room:
					idlest := m.idlest(now)
					if idlest == nil {
						want.Real, want.Live = 0, 0
						refused++
						break
					}
					gaveWay++
					ends = append(ends, idlest.Until)
					m[key] = &want
				case e == nil:
					m[key] = &want
				case e.Real == real:
					e.Live++
					want, wantJoined = *e, true
				case e.Real == from:
					e.Real, e.Live = real, 1
				default:
					want = *e
				}
				holder, joined := table.Open(group, client, real, from, now)
				if holder != want.Real || joined != wantJoined {
					t.Fatalf("step %d: %d, %v; want %+v, %v", step, holder, joined, want, wantJoined)
				}
				if gone := m.gone(t, table, now); !slices.Equal(gone, ends) {
					t.Fatalf("step %d: entries that end at %v gave way, want %v", step, gone, ends)
				}
			case 4, 5, 6:
				until := now + random.Uint32N(60)
				table.Close(group, client, real, until)
				if e != nil && e.Real == real && e.Live > 0 {
					if e.Live--; e.Live == 0 {
						e.Until = until
					}
				}
			case 7:
				got, want := table.Reopen(group, client, real, now), e != nil && e.Real == real
				if got != want {
					t.Fatalf("step %d: reopened: %v, %+v", step, got, e)
				}
				if want {
					e.Live++
				}
			case 8:
				table.Sweep(3, now)
				if random.IntN(200) == 0 {
					table.Purge(real)
					for k, e := range m {
						if e.Real == real {
							delete(m, k)
						}
					}
				}
			}
			check(t, table)
			m.compare(t, table, now)
			if s := table.Stats(); s.GaveWay != gaveWay || s.Refused != refused {
				t.Fatalf("step %d: %+v, want %d, %d", step, s, gaveWay, refused)
			}
		}
		if room < 1<<30 && (gaveWay < 100 || refused < 100) {
			t.Errorf("only %d gave way, %d were refused", gaveWay, refused)
		}
	}
}

// gone forgets what is not in the table before its end, and tells when it would have ended.
func (m model) gone(tb testing.TB, t *Table, now uint32) (ends []uint32) {
	there := map[[2]uint32]bool{}
	for _, e := range all(tb, t) {
		there[[2]uint32{uint32(e.Group), e.Client}] = true
	}
	for k, e := range m {
		if !there[k] && !e.Expired(now) {
			ends = append(ends, e.Until)
			delete(m, k)
		}
	}
	return ends
}

// compare wants what has not expired to be the same in both.
func (m model) compare(tb testing.TB, t *Table, now uint32) {
	tb.Helper()
	n := 0
	for _, e := range all(tb, t) {
		if e.Expired(now) {
			continue
		}
		n++
		want := m[[2]uint32{uint32(e.Group), e.Client}]
		if want == nil || want.Real != e.Real || want.Live != e.Live || e.Live == 0 && want.Until != e.Until {
			tb.Fatalf("%+v, want %+v", e, want)
		}
	}
	if want := m.unexpired(now); n != want {
		tb.Fatalf("%d entries, want %d", n, want)
	}
}

func (m model) unexpired(now uint32) (n int) {
	for _, e := range m {
		if !e.Expired(now) {
			n++
		}
	}
	return n
}

func (m model) idlest(now uint32) (least *Entry) {
	for _, e := range m {
		if e.Live == 0 && !e.Expired(now) && (least == nil || e.Until-now < least.Until-now) {
			least = e
		}
	}
	return least
}

// Pages of any length show every entry once; an entry that is looked up or dropped is that client's, wherever it lies.
func TestPagesAndSingleEntries(t *testing.T) {
	const capacity = 64
	table, err := New(Heap(Size(capacity)), capacity, testSeed)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[uint32]bool{}
	for client := range uint32(2 * capacity) { // more than promised: the spill is used, too
		if holder, _ := table.Open(1, client, 9, 0, 0); holder == 9 {
			kept[client] = true
		}
	}
	for _, length := range []int{1, 3, perBucket, 500} {
		page, seen := make([]Entry, length), map[uint32]bool{}
		for from := 0; ; {
			n, next := table.Page(from, page)
			for _, e := range page[:n] {
				if seen[e.Client] || !kept[e.Client] {
					t.Fatalf("pages of %d: client %d is shown again, or has no entry", length, e.Client)
				}
				seen[e.Client] = true
			}
			if from = next; from == 0 {
				break
			}
		}
		if len(seen) != len(kept) {
			t.Errorf("pages of %d show %d entries, want %d", length, len(seen), len(kept))
		}
	}
	for client := range uint32(2 * capacity) {
		e, ok := table.Entry(1, client)
		if ok != kept[client] || ok && (e.Client != client || e.Real != 9 || e.Live != 1) {
			t.Fatalf("client %d: %+v, %v", client, e, ok)
		}
		if table.Drop(1, client) != kept[client] {
			t.Fatalf("client %d is dropped or not against what is there", client)
		}
		if _, ok := table.Entry(1, client); ok {
			t.Fatalf("client %d is there after it was dropped", client)
		}
	}
	if s := table.Stats(); s.Used != 0 {
		t.Errorf("%d entries are left", s.Used)
	}
}

// TestPrefetch: it changes nothing, whatever there is.
func TestPrefetch(t *testing.T) {
	table := newTable(t, 10)
	table.Open(1, 7, 3, 0, 1)
	for client := range uint32(1000) {
		table.Prefetch(uint16(client), client)
	}
	if got := all(t, table); !slices.Equal(got, []Entry{{7, 1, 3, 1, 0}}) {
		t.Errorf("%+v", got)
	}
	check(t, table)
}

// A control that dies with a bucket in its hands keeps no worker from it; what a worker holds stays held.
func TestAbandon(t *testing.T) {
	table := tiny()
	table.homes[0].lock(control)
	table.spill[0].lock(aWorker)
	table.Abandon()
	if table.homes[0].word.Load() != uint32(nobody) || table.spill[0].word.Load() != uint32(aWorker) {
		t.Error("not the dead one's buckets are free")
	}
	table.spill[0].unlock()
	if holder, _ := table.Open(1, 2, 3, 0, 4); holder != 3 {
		t.Errorf("the entry is of real %d", holder)
	}
}
