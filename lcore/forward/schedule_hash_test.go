package forward

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"linedirector/lcore/ruleset"
)

const hashClients = 20_000

// homes are the addresses of the reals that clients come to.
func (g *pool) homes(t *testing.T) []uint32 {
	t.Helper()
	all := make([]uint32, hashClients)
	for client := range all {
		real := g.give(0x0b000000+uint32(client)*7919, 0)
		if real == 0 {
			t.Fatal("nobody takes it")
		}
		g.counts.Release(real)
		all[client] = g.source.Reals[real].Address
	}
	return all
}

// differ counts the clients who are elsewhere now, but for those who were at one address.
func differ(a, b []uint32, but uint32) (n int) {
	for i := range a {
		if a[i] != b[i] && a[i] != but {
			n++
		}
	}
	return n
}

// TestHashIsStable: another director, with the same reals in other slots and in another order, sends every client to the
// same real; and so does this one whatever its reals have to do.
func TestHashIsStable(t *testing.T) {
	weights := []uint16{3, 1, 1, 2, 1, 5, 1}
	g := newPool(t, ruleset.Hash, weights...)
	here := g.homes(t)
	for slot := uint16(1); slot <= 7; slot++ {
		for range 100 * slot {
			g.counts.Reserve(slot, 0)
		}
	}
	if n := differ(here, g.homes(t), 0); n != 0 {
		t.Errorf("%d clients move because of load", n)
	}
	other := newPool(t, ruleset.Hash, weights...)
	reals := maps.Clone(other.source.Reals)
	for slot := uint16(1); slot <= 7; slot++ {
		other.source.Reals[slot] = reals[8-slot]
	}
	for i := range other.tier().Members {
		other.tier().Members[i].Weight = weights[6-i]
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(7, func(i, k int) {
		m := other.tier().Members
		m[i], m[k] = m[k], m[i]
	})
	other.apply()
	if n := differ(here, other.homes(t), 0); n != 0 {
		t.Errorf("%d clients are elsewhere with another director", n)
	}
}

// TestHashDisruption: when a real leaves, its clients spread over all others, and hardly anybody else moves; when it
// returns, all is as before. One that is full, or excepted, moves nobody but its own clients.
func TestHashDisruption(t *testing.T) {
	const gone = 4
	g := newPool(t, ruleset.Hash, ones(10)...)
	address := g.source.Reals[gone].Address
	before := g.homes(t)
	all := slices.Clone(g.tier().Members)
	g.tier().Members = slices.Delete(slices.Clone(all), gone-1, gone)
	g.apply()
	after := g.homes(t)
	if n := differ(before, after, address); n > hashClients*4/100 {
		t.Errorf("%d of %d clients move though their real stays", n, hashClients)
	}
	heirs := map[uint32]int{}
	for i := range before {
		if before[i] == address {
			heirs[after[i]]++
		}
	}
	for heir, n := range heirs {
		if fair := hashClients / 10 / 9; n < fair/2 || n > 2*fair {
			t.Errorf("%x inherits %d, fair are %d", heir, n, fair)
		}
	}
	if len(heirs) != 9 {
		t.Errorf("%d heirs", len(heirs))
	}
	g.tier().Members = all
	g.apply()
	if n := differ(before, g.homes(t), 0); n != 0 {
		t.Errorf("%d clients are elsewhere once it is back", n)
	}
	g.real(gone, func(r *ruleset.Real) { r.MaxConns = 1 })
	g.counts.Reserve(gone, 0)
	full := g.homes(t)
	if differ(before, full, address) != 0 || slices.Contains(full, address) {
		t.Error("others' clients move because a real is full, or it takes more")
	}
	for client := range uint32(hashClients) {
		who := g.give(0x0b000000+client*7919, gone)
		g.counts.Release(who)
		if got := g.source.Reals[who].Address; got != full[client] {
			t.Fatalf("client %d: elsewhere when its real is excepted than when that is full", client)
		}
	}
}

// TestHashSlowStart: while a real returns its clients come over one by one, each once: until then it is where it was.
func TestHashSlowStart(t *testing.T) {
	const ramp = 30 * second
	g := newPool(t, ruleset.Hash, ones(5)...)
	with := g.homes(t)
	all := slices.Clone(g.tier().Members)
	g.tier().Members = all[1:]
	g.apply()
	without := g.homes(t)
	g.tier().Members = all
	begun := g.now
	g.real(1, func(r *ruleset.Real) { r.Since, r.Ramp = begun, ramp })
	came := make([]bool, hashClients)
	for part := range uint32(9) {
		g.now = begun + part*ramp/8
		for i, home := range g.homes(t) {
			if home != with[i] && home != without[i] {
				t.Fatalf("%d/8: client %d is at a third real", part, i)
			}
			if there := home == with[i] && with[i] != without[i]; came[i] && !there && with[i] != without[i] {
				t.Fatalf("%d/8: client %d came over, and went back", part, i)
			} else if with[i] == firstReal {
				came[i] = there
			}
		}
	}
	if n := differ(with, g.homes(t), 0); n != 0 {
		t.Errorf("%d clients are not yet where they belong", n)
	}
}

// TestHashOfWhat: of an address all ports come to one real; of an endpoint they spread.
func TestHashOfWhat(t *testing.T) {
	for _, byPort := range []bool{false, true} {
		g := newPool(t, ruleset.Hash, ones(8)...)
		g.tier().ByPort = byPort
		g.apply()
		reals := map[uint32]bool{}
		for port := range uint16(1000) {
			g.client.Src, g.client.SrcPort = 0x0b000001, port
			at, _ := g.schedule(&g.client, 1, g.rules.Virtual(1), 0)
			reals[at] = true
		}
		if want := map[bool]int{false: 1, true: 8}[byPort]; len(reals) != want {
			t.Errorf("by port %v: %d reals, want %d", byPort, len(reals), want)
		}
	}
}
