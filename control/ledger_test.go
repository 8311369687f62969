package control

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"linedirector/conf"
	"linedirector/control/kernel"
	"linedirector/control/synretry"
)

// bytesOf is a book as a ledger has it.
func bytesOf(t testing.TB, k *book) []byte {
	t.Helper()
	b, err := k.write(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// refused is why a successor does not take over from a ledger. It must change nothing.
func (l *lifetime) refused(t testing.TB, ledger []byte) string {
	t.Helper()
	l.ledger.kept = ledger
	stored := l.ledger.stored
	r, c := l.config()
	_, _, err := New(c)
	if err == nil {
		return ""
	}
	if len(r.stack.applied) != 0 || l.ledger.stored != stored || strings.Contains(err.Error(), "\n") {
		t.Errorf("applied %v to the kernel, stored %d times, and said %q", r.stack.applied, l.ledger.stored-stored, err)
	}
	return err.Error()
}

// A ledger that cannot be read is named as what it is, and nothing is done.
func TestBrokenLedger(t *testing.T) {
	l := bearStill(t)
	good := l.ledger.Load()
	with := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(good)) }
	for _, tt := range []struct {
		what   string
		ledger []byte
		want   string
	}{
		{"empty", []byte{}, "its 0 bytes are no ledger"},
		{"short", good[:ledgerHead-1], "its 15 bytes are no ledger"},
		{"another thing", []byte("#!/bin/sh\nexit 0\n"), "its 17 bytes are no ledger"},
		{"of another version", with(func(b []byte) []byte { b[len(ledgerName)]++; return b }), "it is of version 2, this program reads 1"},
		{"cut", good[:len(good)-1], "its checksum is wrong"},
		{"head only", good[:ledgerHead], "its checksum is wrong"},
		{"changed", with(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), "its checksum is wrong"},
	} {
		got := l.refused(t, tt.ledger)
		if want := "what control kept for its successor cannot be taken over: " + tt.want + mendLedger; got != want {
			t.Errorf("%s: %s, want %s", tt.what, got, want)
		}
	}
	if got := l.refused(t, good); got != "" {
		t.Errorf("the good one is refused, too: %s", got)
	}
}

// A ledger that is whole, and yet does not fit together or the workers' memory, is refused before anything is done.
func TestLedgerThatDoesNotFit(t *testing.T) {
	l := bearStill(t)
	good := l.ledger.Load()
	for _, tt := range []struct {
		what   string
		change func(*book)
		want   string
	}{
		{"no configuration", func(k *book) { k.InForce.Text = nil }, "cannot be read again"},
		{"a broken configuration", func(k *book) { k.InForce.Text = []byte("ports: 7") }, "the configuration in force cannot be read again: dir.yaml:1:8:"},
		{"other ports", func(k *book) {
			k.InForce.Text = bytes.Replace(k.InForce.Text, []byte("name: inside"), []byte("name: behind"), 1)
		}, "port 1 of dir.yaml is not the one that is open"},
		{"more ports", func(k *book) {
			k.InForce.Text = bytes.Replace(k.InForce.Text, []byte("routes:"), []byte("  - {name: third, device: net_null3, addresses: [10.5.0.1/24]}\nroutes:"), 1)
		}, "port 2 of dir.yaml is not the one that is open"},
		{"a real too few", func(k *book) { k.Reals = k.Reals[1:] }, "not"},
		{"the last real is missing", func(k *book) { k.Reals = k.Reals[:len(k.Reals)-1] }, "bound to real"},
		{"a real too many", func(k *book) { k.Reals = append(k.Reals, k.Reals[0]) }, "real 11 of 10 is not in its configuration"},
		{"a draining real twice", func(k *book) {
			k.Reals = append(k.Reals, bookReal{Slot: 60, Drains: true, Gone: drainingReal{Name: "a", Address: addr("10.0.0.11"), Port: 8080}})
		}, "real a stands there twice"},
		{"a real without a slot", func(k *book) { k.Reals[0].Slot = 0 }, "slot 0 for reals, of which there are 64"},
		{"a real beyond the memory", func(k *book) { k.Reals[0].Slot = 65 }, "slot 65 for reals, of which there are 64"},
		{"a slot twice", func(k *book) { k.Reals[0].Slot = k.Reals[1].Slot }, "slot 2 for reals is taken twice"},
		{"an odd state", func(k *book) { k.Reals[0].Machine.State = synretry.States }, "real old: state 8 or 0 is none"},
		{"a virtual too few", func(k *book) { k.Virtuals = k.Virtuals[:4] }, "what it says of 19 bindings is not whole"},
		{"a virtual too many", func(k *book) { k.Virtuals = append(k.Virtuals, k.Virtuals[0]) }, "virtual 6 of 5 is not in its configuration"},
		{"a virtual's slot twice", func(k *book) { k.Virtuals[0].Slot = 3 }, "slot 3 for virtuals is taken twice"},
		{"a virtual beyond the memory", func(k *book) { k.Virtuals[0].Slot = 1000 }, "slot 1000 for virtuals, of which there are 64"},
		{"a draining virtual twice", func(k *book) {
			k.Virtuals = append(k.Virtuals, bookVirtual{Slot: 60, Drains: true, Gone: conf.Virtual{Name: "dns", Address: addr("192.0.2.10"), Port: 53, Protocol: conf.UDP}})
		}, "virtual dns stands there twice"},
		{"no group", func(k *book) { k.Virtuals[0].Group = 0 }, "slot 0 for groups of sticky virtuals"},
		{"two groups for one", func(k *book) { k.Virtuals[1].Group = 9 }, "virtual tls is of group 2, others of the same group are of 9"},
		{"one group for two", func(k *book) { k.Virtuals[0].Group = k.Virtuals[1].Group }, "slot 2 for groups of sticky virtuals is taken twice"},
		{"bindings of nobody", func(k *book) { k.Bindings.Each[4]-- }, "1 bindings are no virtual's"},
		{"too few bindings", func(k *book) { k.Bindings.Each[0] += 100 }, "virtual gone has more bindings than there are"},
		{"a column too long", func(k *book) { k.Bindings.Each = append(k.Bindings.Each, 0) }, "what it says of 19 bindings is not whole"},
		{"a binding to nobody", func(k *book) { k.Bindings.Real[0] = 33 }, "virtual gone is bound to real 33, which there is not"},
		{"a binding twice", func(k *book) { k.Bindings.Real[0] = k.Bindings.Real[1] }, "virtual gone is bound to real f twice"},
		{"a binding's slot twice", func(k *book) { k.Bindings.Slot[0] = 5 }, "slot 5 for bindings of reals to virtuals is taken twice"},
		{"a binding beyond the memory", func(k *book) { k.Bindings.Slot[0] = 1 << 21 }, "of which there are 64"},
		{"a binding is missing", func(k *book) {
			b := &k.Bindings
			b.Each[0]--
			b.Slot, b.Real, b.State, b.Since, b.Base = b.Slot[1:], b.Real[1:], b.State[1:], b.Since[1:], b.Base[1:]
		}, "35 objects are known, its configuration has 36"},
		{"a purge of nobody", func(k *book) { k.Purges = []bookPurge{{Real: 65}} }, "a purge of real 65"},
	} {
		k, err := readBook(good)
		if err != nil {
			t.Fatal(err)
		}
		tt.change(k)
		if got := l.refused(t, bytesOf(t, k)); !strings.Contains(got, tt.want) || strings.Contains(got, "ledger") {
			t.Errorf("%s: %q, want %q", tt.what, got, tt.want)
		}
	}
}

// The way back is gone where the configuration before is good no more, and nothing else.
func TestLedgerWithoutWayBack(t *testing.T) {
	l := bearStill(t)
	must(t, l.Reload(parse(t, cut(estate, "- {name: gone,"))))
	k, err := readBook(l.ledger.Load())
	must(t, err)
	k.Before.Text = []byte("ports: 7")
	l.ledger.kept = bytesOf(t, k)
	r, c := l.config()
	d, _, err := New(c)
	must(t, err)
	if _, ok := d.Previous(); ok || !strings.HasPrefix(r.said()[0], "there is no way back to the configuration before, which cannot be read again error=dir.yaml:1:8:") {
		t.Errorf("there is a way back: %v", ok)
	}
}

// What fails later leaves the ledger for the next try.
func TestTakeOverFails(t *testing.T) {
	l := bearStill(t)
	was := l.ledger.Load()
	_, c := l.config()
	c.Follow = func() (Mirror, error) { return nil, fmt.Errorf("no netlink") }
	if _, _, err := New(c); err == nil || err.Error() != "no netlink" {
		t.Fatal(err)
	}
	if !bytes.Equal(l.ledger.Load(), was) {
		t.Error("the ledger is another")
	}
	_, c = l.config()
	if _, rules, err := New(c); err != nil || rules.Generation != 2 {
		t.Error(err)
	}
}

// Whatever a book says, it is refused or taken over, and then slots are distinct.
func FuzzBook(f *testing.F) {
	for i := range uint64(20) {
		f.Add(i, uint8(i))
	}
	f.Fuzz(func(t *testing.T, seed uint64, changes uint8) {
		l := bearStill(t)
		k, err := readBook(l.ledger.Load())
		must(t, err)
		random := rand.New(rand.NewPCG(seed, 1))
		for range changes % 8 {
			scramble(k, random)
		}
		l.ledger.kept = bytesOf(t, k)
		r, c := l.config()
		r.mirror.set(with([]kernel.Neighbour(nil)))
		if r.Director, r.first, err = New(c); err == nil {
			r.distinct(t)
			r.publish()
			r.Virtuals()
			r.Reals()
			r.tidyNow()
		}
	})
}

// scramble changes one thing in a book.
func scramble(k *book, r *rand.Rand) {
	small := func() uint32 { return r.Uint32N(70) }
	real, virtual, binding := &k.Reals[r.IntN(len(k.Reals))], &k.Virtuals[r.IntN(len(k.Virtuals))], r.IntN(len(k.Bindings.Slot))
	switch r.IntN(16) {
	case 0:
		real.Slot = uint16(small())
	case 1:
		virtual.Slot = uint16(small())
	case 2:
		k.Bindings.Slot[binding] = small()
	case 3:
		k.Bindings.Real[binding] = uint16(small())
	case 4:
		k.Bindings.State[binding] = byte(small())
	case 5:
		k.Bindings.Each[r.IntN(len(k.Bindings.Each))] = small()
	case 6:
		virtual.Group = uint16(small())
	case 7:
		real.Machine.State = synretry.State(r.IntN(int(synretry.States)))
	case 8:
		real.Holds = bookKnobs{r.IntN(70000) - 10, r.IntN(10), r.IntN(10)}
	case 9:
		real.Machine.Since, real.Machine.Ramping, real.Machine.Began = r.Int64(), true, -r.Int64()
	case 10:
		real.Flush, virtual.Flush = bookFlush{true, small()}, bookFlush{true, r.Uint32()}
	case 11:
		k.Generation, k.RouteGeneration, k.Hop = r.Uint32(), uint16(r.Uint32()), r.Uint32()
	case 12:
		k.Reals = append(k.Reals, bookReal{Slot: uint16(small()), Drains: true, Gone: drainingReal{Name: "x", Address: addr("10.0.0.99"), Port: uint16(small())}})
	case 13:
		k.Virtuals = append(k.Virtuals, bookVirtual{Slot: uint16(small()), Drains: true, Gone: conf.Virtual{Address: addr("192.0.2.99"), Port: uint16(small())}})
		k.Bindings.Each = append(k.Bindings.Each, 0)
	case 14:
		real.Admin, real.Added, real.Ramped = conf.State(r.IntN(8)), r.Uint32(), r.Uint32()
	case 15:
		k.Purges, k.Event = append(k.Purges, bookPurge{uint16(small()), r.Uint32()}), r.Uint64()
	}
}

// Rows that are cut, longer, or of other objects than there are, are refused: nothing is made up.
func TestBrokenRows(t *testing.T) {
	k := full()
	good := bytesOf(t, k)
	got, err := readBook(good)
	must(t, err)
	if got, want := fmt.Sprintf("%+v", *got), fmt.Sprintf("%+v", *k); got != want {
		t.Fatalf("\n got %s\nwant %s", got, want)
	}
	rows := good[ledgerHead:]
	overwritten := bytes.Clone(good) // as by the next Store, where Load gives what is shared
	got, err = readBook(overwritten)
	must(t, err)
	clear(overwritten)
	if string(got.InForce.Text) != "y" || got.InForce.Name != "x" || got.Reals[1].Machine.Cause != "ω" {
		t.Errorf("what was read changes with the ledger: %+v", got)
	}
	refused := func(what string, rows []byte) {
		t.Helper()
		if k, err := readRows(rows); err == nil {
			t.Errorf("%s: it is read as %+v", what, k)
		}
	}
	for n := range rows {
		refused(fmt.Sprintf("cut behind %d bytes", n), rows[:n])
	}
	refused("longer", append(bytes.Clone(rows), 0))
	refused("a number without end", bytes.Repeat([]byte{0xff}, 20))
	refused("an endless list", append(make([]byte, 12), 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2))

	empty := func(rows ...int64) []byte { // a book of nothing but the rest
		w := rowWriter{make([]byte, 15)}
		for _, n := range rows {
			w.signed(n)
		}
		return w.b
	}
	if _, err := readRows(append(empty(), 0, 0, 0)); err != nil {
		t.Fatal(err)
	}
	refused("a slot below 0", append(empty(), append([]byte{0, 1, bindingNamed}, append(binary.AppendVarint(nil, -1), 2, 0)...)...))

	for what, change := range map[string]func(*drained){
		"a real too few":     func(g *drained) { g.Reals = g.Reals[1:] },
		"a real too many":    func(g *drained) { g.Reals = append(g.Reals, drainingReal{}) },
		"a virtual too few":  func(g *drained) { g.Virtuals = nil },
		"a virtual too many": func(g *drained) { g.Virtuals = append(g.Virtuals, conf.Virtual{}) },
	} {
		g := drained{Reals: make([]drainingReal, 2), Virtuals: make([]conf.Virtual, 1)}
		if err := full().join(g); err != nil {
			t.Fatal(err)
		}
		change(&g)
		if full().join(g) == nil {
			t.Errorf("%s: it fits", what)
		}
	}
}

// full is a book with the largest and smallest of what there can be.
func full() *book {
	most := bookReal{
		Slot: 65535, Drains: true, Gone: drainingReal{Name: "x", Address: addr("255.255.255.255"), Port: 65535}, Added: 1<<32 - 1,
		File: bookKnobs{65535, 1 << 31, -1}, Flush: bookFlush{true, 1<<32 - 1}, Base: bookTally{1<<64 - 1, 1 << 63, 1}, Admin: 3,
		Machine: synretry.Kept{State: 7, Since: 1<<63 - 1, Cause: "ω", Held: true, Back: 6, Ramping: true, Began: -1 << 63}, Ramped: 1<<32 - 1,
	}
	most.Entered[7] = 1<<64 - 1
	return &book{
		Generation: 1<<32 - 1, RouteGeneration: 65535, Hop: 65535, Event: 1<<64 - 1,
		InForce: bookConf{Name: "x", Text: []byte("y"), At: -1, Generation: 7}, Purges: []bookPurge{{1, 2}},
		Reals:    []bookReal{{}, most, {}, most},
		Virtuals: []bookVirtual{{Slot: 65535, Group: 65535, NoReal: 1<<64 - 1}, {Drains: true, Gone: conf.Virtual{Name: "z", Address: addr("0.0.0.0")}}},
		Bindings: bookBindings{
			Each: []uint32{1<<32 - 1, 0, 3}, Slot: []uint32{1<<32 - 1, 0, 7}, Real: []uint16{65535, 0, 1}, State: []byte{bindingNamed, bindingDrains, 3},
			Since: []uint32{0, 1<<32 - 1, 0}, Base: []uint64{1<<64 - 1, 0, 1 << 63},
		},
	}
}

// Whatever rows are, they are read or refused, and what is read is written as it was understood.
func FuzzRows(f *testing.F) {
	f.Add(bytesOf(f, full())[ledgerHead:])
	f.Add(make([]byte, 18))
	f.Fuzz(func(t *testing.T, rows []byte) {
		k, err := readRows(rows)
		if err != nil {
			return
		}
		again, err := readBook(bytesOf(t, k))
		must(t, err)
		if got, want := fmt.Sprintf("%+v", again), fmt.Sprintf("%+v", k); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	})
}
