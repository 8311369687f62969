package sticky

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// TestWorkersCountExactly: several open, close and move connections of the same few clients at once, beside control. A
// client's connections are all at one real, and each counts once.
func TestWorkersCountExactly(t *testing.T) {
	for name, table := range map[string]*Table{"one home": tiny(), "some": newTable(t, 100)} {
		t.Run(name, func(t *testing.T) {
			const workers, clients, rounds, steps = 4, 20, 20, 500
			type connection struct {
				client uint32
				real   uint16
			}
			var open [workers][]connection
			refused := uint64(0)
			for round := range uint64(rounds) {
				var done sync.WaitGroup
				for w := range open {
					done.Go(func() {
						random := rand.New(rand.NewPCG(round, uint64(w)))
						mine := open[w]
						for range steps {
							if n := len(mine); n > 0 && random.IntN(5) < 3 {
								at := random.IntN(n)
								c := mine[at]
								table.Close(1, c.client, c.real, 100)
								switch random.IntN(4) {
								case 0:
									if table.Reopen(1, c.client, c.real, 99) {
										continue
									}
								case 1:
									if real, ok := table.Find(1, c.client, 99); ok && real != c.real && real == 0 {
										t.Error("an entry of no real")
									}
								}
								mine[at] = mine[n-1]
								mine = mine[:n-1]
								continue
							}
							c := connection{random.Uint32N(clients), uint16(1 + random.IntN(3))}
							// 100 is past every end: who comes when there is no connection chooses anew.
							holder, _ := table.Open(1, c.client, c.real, 0, 100)
							if holder != c.real && holder != 0 {
								c.real = holder
								if holder, _ = table.Open(1, c.client, c.real, 0, 100); holder != c.real {
									continue // it changed its real meanwhile
								}
							}
							if holder == c.real {
								mine = append(mine, c)
							}
						}
						open[w] = mine
					})
				}
				done.Go(func() {
					page := make([]Entry, 20)
					for range 50 {
						table.Sweep(3, 100)
						for from := 0; ; {
							var n int
							if n, from = table.Page(from, page); from == 0 || n > len(page) {
								break
							}
						}
					}
				})
				done.Wait()
				want := map[uint32]Entry{}
				for _, mine := range open {
					for _, c := range mine {
						e := want[c.client]
						if e.Live > 0 && e.Real != c.real {
							t.Fatalf("round %d: client %d is at reals %d and %d", round, c.client, e.Real, c.real)
						}
						want[c.client] = Entry{Client: c.client, Group: 1, Real: c.real, Live: e.Live + 1}
					}
				}
				for _, e := range all(t, table) {
					if e.Live != want[e.Client].Live || e.Live > 0 && e.Real != want[e.Client].Real {
						t.Fatalf("round %d: %+v, want %+v", round, e, want[e.Client])
					}
					delete(want, e.Client)
				}
				if len(want) > 0 {
					t.Fatalf("round %d: not there: %v", round, want)
				}
				check(t, table)
				refused = table.Stats().Refused
			}
			if (refused > 0) != (name == "one home") {
				t.Errorf("%d refused", refused)
			}
			for _, mine := range open {
				for _, c := range mine {
					table.Close(1, c.client, c.real, 100)
				}
			}
			for range 10 {
				table.Sweep(10, 100)
			}
			if left := all(t, table); len(left) > 0 {
				t.Errorf("in the end: %v", left)
			}
		})
	}
}

// TestWorkersTakeFromOneReal: of several that would give a client's entry to different reals at once, one does.
func TestWorkersTakeFromOneReal(t *testing.T) {
	table := newTable(t, 10)
	for round := range uint16(1000) {
		from := 1 + 10*round
		table.Open(1, 7, from, from-10, 1) // the last round's winner may be any
		for _, e := range all(t, table) {
			from = e.Real
		}
		var holders [3]uint16
		var done sync.WaitGroup
		for w := range holders {
			done.Go(func() { holders[w], _ = table.Open(1, 7, 20000+10*round+uint16(w), from, 1) })
		}
		done.Wait()
		won := 0
		for w, holder := range holders {
			if holder == 20000+10*round+uint16(w) {
				won++
			}
			if holder != holders[0] {
				t.Fatalf("round %d: %v", round, holders)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d have it", round, won)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	table := tiny()
	client := uint32(0)
	if n := testing.AllocsPerRun(1000, func() {
		client++
		table.Find(1, client, 1)
		table.Open(1, client, 3, 0, 1)
		table.Open(1, client/2, 4, 3, 1)
		table.Close(1, client, 3, 10)
		table.Reopen(1, client, 3, 2)
		table.Close(1, client, 3, 10)
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
	if table.Stats().GaveWay == 0 {
		t.Error("the table was never full")
	}
}
