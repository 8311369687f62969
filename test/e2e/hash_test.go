package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestPredictorHash has 400 clients come to the same real each time, after a restart, with another director whose
// file lists the reals in another order and by other names, and after one of ten reals has been away: meanwhile its own
// clients are elsewhere, and hardly any others.
//
//	client                                     director   a
//	198.51.100.1 … 101.200 via 192.0.2.100 ─── ··· ────── 10.0.0.11 :8400 … 8409, ten reals
//
// Nothing here is left to chance: the addresses are the same in every run, and the table follows from them.
func TestPredictorHash(t *testing.T) {
	const clients = 400
	s := newSite(t)
	s.manyClients("198.51.100.0/23")
	reals := s.farm(10, 8400)
	config := func(queues int, reals string, names []string) string {
		return ports(queues) + behindClient("198.51.100.0/23") + "reals:\n" + reals + "virtuals:\n" +
			`  - {name: web, address: 192.0.2.10, port: 80, predictor: hash, slow-start: off, reals: [` + strings.Join(names, ", ") + "]}\n"
	}
	homes := func() (all []string) {
		t.Helper()
		for i := range clients {
			all = append(all, s.realFor(t, fmt.Sprintf("198.51.%d.%d", 100+i/200, 1+i%200), "192.0.2.10:80"))
		}
		return all
	}
	// moved counts who is elsewhere, but for the clients of one real.
	moved := func(before, after []string, but string) (n int) {
		for i := range before {
			if before[i] != after[i] && before[i] != but {
				n++
			}
		}
		return n
	}

	setup := widest()
	d := s.start(t, setup, config(setup.queues, farmed(reals, "load: 0"), reals))
	first := homes()
	got := tally{}
	for _, real := range first {
		got[real]++
	}
	t.Logf("clients of each real: %v", got)
	for _, real := range reals {
		if got[real] < clients/20 || got[real] > clients*3/20 {
			t.Errorf("real %s has %d of %d clients, want about %d", real, got[real], clients, clients/10)
		}
	}
	if n := moved(first, homes(), ""); n > 0 {
		t.Errorf("%d of %d clients came to another real the second time", n, clients)
	}
	gone := reals[3]
	d.set(gone, "out-of-service")
	without := homes()
	others := moved(first, without, gone)
	t.Logf("one of ten reals left: its %d clients moved, and %d of the %d others", got[gone], others, clients-got[gone])
	if limit := (clients - got[gone]) * 4 / 100; others > limit || slices.Contains(without, gone) {
		t.Errorf("%d clients of others moved, want %d at most; %s still serves: %v", others, limit, gone, slices.Contains(without, gone))
	}
	d.set(gone, "in-service")
	if n := moved(first, homes(), ""); n > 0 {
		t.Errorf("%d clients came to another real once the one that had left was back", n)
	}
	d.stop()

	d = s.start(t, setup, config(setup.queues, farmed(reals, "load: 0"), reals))
	if n := moved(first, homes(), ""); n > 0 {
		t.Errorf("%d clients came to another real after a restart", n)
	}
	d.stop()

	turned := slices.Clone(reals)
	slices.Reverse(turned)
	var lines strings.Builder
	for i, real := range turned {
		fmt.Fprintf(&lines, "  - {name: other%d, address: 10.0.0.11, port: %s}\n", i, real[1:])
		turned[i] = fmt.Sprintf("other%d", i)
	}
	s.start(t, oneWorker, config(1, lines.String(), append(turned[5:], turned[:5]...)))
	if n := moved(first, homes(), ""); n > 0 {
		t.Errorf("%d clients came to another real with another director", n)
	}
	share := func(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of)) }
	publish(t, "hash", []row{
		{"hash", "400 clients, ten reals", "the fullest", "10 % and a bit", share(slices.Max(slices.Collect(maps.Values(got))), clients)},
		{"hash", "one real leaves: clients of others that move", "all others", "0 to 4 %", share(others, clients-got[gone])},
		{"hash", "clients that move after it is back, after a restart, with another director", "all", "0", "0"},
	})
}
