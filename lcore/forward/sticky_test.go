package forward

import (
	"cmp"
	"slices"
	"sync"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
	"linedirector/lcore/sticky"
)

// keepClients has the virtuals for TCP and UDP share entries, for a minute, of clients that so many bits tell apart.
func keepClients(bits uint8) func(*world) {
	return func(w *world) {
		w.Worker.sticky = newSticky(100)
		change(func(s *ruleset.Source) {
			for i := range s.Virtuals {
				v := &s.Virtuals[i]
				v.Sticky = ruleset.Sticky{Group: 1, Bits: bits, Timer: 60 * second}
				v.Keepers = slices.Clone(v.Members)
			}
		})(w)
	}
}

func newSticky(capacity int) *sticky.Table {
	t, err := sticky.New(sticky.Heap(sticky.Size(capacity)), capacity, [2]uint64{1, 2})
	if err != nil {
		panic(err)
	}
	return t
}

// keepersAre are the reals that keep the first virtual's clients.
func keepersAre(reals ...uint16) func(*world) {
	return change(func(s *ruleset.Source) {
		v := &s.Virtuals[0]
		v.Keepers = nil
		for _, r := range reals {
			v.Keepers = append(v.Keepers, v.Members[r-1])
		}
	})
}

// weights are the first virtual's members'.
func weights(all ...uint16) func(*world) {
	return change(func(s *ruleset.Source) {
		for i, weight := range all {
			s.Virtuals[0].Members[i].Weight = weight
		}
	})
}

// entries are all, without their ends where they have connections, by client.
func (w *world) entries() []sticky.Entry {
	page := make([]sticky.Entry, 1000)
	n, _ := w.Worker.sticky.Page(0, page)
	for i := range page[:n] {
		if page[i].Live > 0 {
			page[i].Until = 0
		}
	}
	slices.SortFunc(page[:n], func(a, b sticky.Entry) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Client, b.Client))
	})
	return page[:n]
}

// Two clients, each with several ports: near is 198.51.0.0, far is 198.51.0.1.
const (
	nearClient = 0xc6330000
	farClient  = nearClient + 1
)

func near(port int) string { return at(port) }
func far(port int) string  { return at(1024 + port) }

// What is counted when an entry, or the predictor, says where a connection goes.
const (
	keptThere = "forward 1, opened 1, kept 1, connections 1, records 1"
	anew      = opens1
)

func synTo(from string, n int, counters string) stepOf {
	return sent(fromClient("S").from(from), toReal(n, "S").from(from), counters)
}

// established is a handshake of a client at real n.
func established(from string, n int, counters string) []stepOf {
	return []stepOf{
		synTo(from, n, counters),
		sent(fromReal(n, "SA").to(from), toClient("SA").to(from), rep),
		sent(fromClient("A").from(from), toReal(n, "A").from(from), fwd),
	}
}

// reset is a client's RST.
func reset(from string, n int) stepOf {
	return sent(fromClient("R").from(from), toReal(n, "R").from(from), fwd+", "+closes)
}

func TestSticky(t *testing.T) {
	const base = 1_000_000 // the world's first tick
	udp := func(from string, n int, counters string) stepOf {
		return sent(fromClient("u").to(webUDP).from(from), toReal(n, "u").from(from), counters)
	}
	again := func(from string, n int) stepOf { return later(second, synTo(from, n, fwd)) }
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
		then        func(*world)
		more        []stepOf
		want        []sticky.Entry
	}{
		{
			description: "a client's connections go where its first one went", rules: keepClients(32),
			steps: []stepOf{
				synTo(near(0), 1, anew), synTo(near(1), 1, keptThere), synTo(near(2), 1, keptThere),
				synTo(far(0), 2, anew), // the turns that entries did not need are not over
				synTo(near(3), 1, keptThere), synTo(far(1), 2, keptThere),
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 4}, {Client: farClient, Group: 1, Real: 2, Live: 2}},
		},
		{
			description: "buddies share entries, UDP as well", rules: keepClients(32),
			steps: []stepOf{udp(near(0), 1, anew), synTo(near(1), 1, keptThere), synTo(far(0), 1, anew), udp(far(1), 1, keptThere)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 2}, {Client: farClient, Group: 1, Real: 1, Live: 2}},
		},
		{
			description: "other groups do not", rules: all(keepClients(32), change(func(s *ruleset.Source) { s.Virtuals[1].Sticky.Group = 2 })),
			steps: []stepOf{synTo(near(0), 1, anew), synTo(far(0), 2, anew), udp(near(1), 1, anew), udp(far(1), 2, anew), udp(near(2), 1, keptThere)},
			want: []sticky.Entry{
				{Client: nearClient, Group: 1, Real: 1, Live: 1},
				{Client: farClient, Group: 1, Real: 2, Live: 1},
				{Client: nearClient, Group: 2, Real: 1, Live: 2},
				{Client: farClient, Group: 2, Real: 2, Live: 1},
			},
		},
		{
			description: "a prefix's clients are one", rules: keepClients(31),
			steps: []stepOf{synTo(near(0), 1, anew), synTo(far(0), 1, keptThere), synTo(at(2048), 2, anew)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 2}, {Client: nearClient + 2, Group: 1, Real: 2, Live: 1}},
		},
		{
			description: "a virtual without has none", rules: all(keepClients(32), change(func(s *ruleset.Source) { s.Virtuals[0].Sticky = ruleset.Sticky{} })),
			steps: []stepOf{synTo(near(0), 1, anew), synTo(near(1), 2, anew)},
		},
		{
			description: "nor is there any without a table", rules: all(keepClients(32), func(w *world) { w.Worker.sticky = nil }),
			steps: []stepOf{synTo(near(0), 1, anew), synTo(near(1), 2, anew)},
		},
		{
			description: "the timer starts when the last connection closes", rules: keepClients(32),
			steps: []stepOf{
				synTo(near(0), 1, anew), synTo(near(1), 1, keptThere),
				reset(near(0), 1), later(second, reset(near(1), 1)),
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Until: base + 61*second}},
		},
		{
			description: "until then the client comes back to it", rules: keepClients(32),
			steps: []stepOf{synTo(near(0), 1, anew), reset(near(0), 1), later(60*second-1, synTo(near(1), 1, keptThere))},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "and then it does not", rules: keepClients(32),
			steps: []stepOf{synTo(near(0), 1, anew), reset(near(0), 1), later(60*second, synTo(near(1), 2, anew))},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 2, Live: 1}},
		},
		{
			description: "UDP flows end by their timer", rules: keepClients(32),
			steps: []stepOf{udp(near(0), 1, anew), later(61*second, synTo(far(0), 1, anew))},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Until: base + 120*second}, {Client: farClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "a real in maintenance, or sticky-only, has its clients and no others", rules: keepClients(32),
			steps: []stepOf{synTo(near(0), 1, anew)},
			then:  weights(0, 1, 1),
			more:  []stepOf{synTo(near(1), 1, keptThere), synTo(far(0), 3, anew), synTo(far(1), 3, keptThere)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 2}, {Client: farClient, Group: 1, Real: 3, Live: 2}},
		},
		{
			description: "where no real takes others, its clients are served still", rules: keepClients(32),
			steps: []stepOf{synTo(near(0), 1, anew)},
			then:  weights(0, 0, 0),
			more: []stepOf{synTo(near(1), 1, keptThere), {
				in: fromClient("S").from(far(0)), verdict: Send, want: rst(fromClient("S").from(far(0)), "RA", 0, 1), counters: "refused 1, no-real 1",
			}},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 2}},
		},
		{
			description: "a failed real's clients are given to others, once", rules: keepClients(32),
			steps: established(near(0), 1, anew),
			then:  all(weights(0, 1, 1), keepersAre(2, 3)),
			more: []stepOf{
				synTo(near(1), 3, anew), synTo(near(2), 3, keptThere), synTo(far(0), 2, anew), synTo(near(3), 3, keptThere),
				reset(near(0), 1), // the old one counted no more
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 3, Live: 3}, {Client: farClient, Group: 1, Real: 2, Live: 1}},
		},
		{
			description: "what it was given away for it does not get back", rules: keepClients(32),
			steps: established(near(0), 1, anew),
			then:  all(weights(0, 1, 1), keepersAre(2, 3), func(w *world) { w.give(t, fromClient("S").from(near(1))) }, weights(1, 1, 1), keepersAre(1, 2, 3)),
			more:  []stepOf{synTo(near(2), 3, keptThere)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 3, Live: 2}},
		},
		{
			description: "a full real's client goes elsewhere, this once", rules: all(keepClients(32), setReal(1, func(r *ruleset.Real) { r.MaxConns = 1 })),
			steps: []stepOf{synTo(near(0), 1, anew), synTo(near(1), 2, anew), synTo(near(2), 3, anew), reset(near(0), 1), synTo(near(3), 1, keptThere), reset(near(1), 2)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "one whose reply tuple is in use there goes there from another port", rules: all(keepClients(32), change(func(s *ruleset.Source) {
				v := s.Virtuals[0]
				v.Slot, v.Port = 3, 81
				v.Members = slices.Clone(v.Members)
				for i := range v.Members {
					v.Members[i].Binding += 30
				}
				v.Keepers = v.Members
				s.Virtuals = append(s.Virtuals, v)
			})),
			steps: []stepOf{
				synTo(near(0), 1, anew),
				sent(fromClient("S").from(near(0)).to("192.0.2.10:81"), toReal(1, "S").from("198.51.0.0:1620"), "forward 1, opened 1, translated 1, kept 1, connections 1, records 1"),
				sent(fromClient("S").from(near(1)).to("192.0.2.10:81"), toReal(1, "S").from(near(1)), keptThere),
				sent(fromClient("R").from(near(0)).to("192.0.2.10:81"), toReal(1, "R").from("198.51.0.0:1620"), fwd+", "+closes),
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 2}},
		},
		{
			description: "a connection that moves after silence takes the entry along", rules: all(byCount, keepClients(32)),
			steps: []stepOf{synTo(near(0), 1, anew), again(near(0), 1), again(near(0), 1), again(near(0), 2), synTo(near(1), 2, keptThere), synTo(near(2), 2, keptThere)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 2, Live: 3}},
		},
		{
			description: "and so it does after a refusal", rules: all(byCount, keepClients(32)),
			steps: []stepOf{
				synTo(near(0), 1, anew),
				{in: fromReal(1, "RA").to(near(0)).numbers(0, 1), verdict: Drop, counters: "withheld 1, " + closes},
				later(second, synTo(near(0), 2, fwd+", connections 1")), synTo(near(1), 2, keptThere),
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 2, Live: 2}},
		},
		{
			description: "its client's others move to the same real", rules: all(byCount, keepClients(32)),
			steps: []stepOf{
				synTo(near(0), 1, anew), synTo(near(1), 1, keptThere), synTo(near(2), 1, keptThere), synTo(far(0), 2, anew),
				again(near(0), 1), again(near(0), 1), again(near(0), 3),
				synTo(near(1), 1, fwd), synTo(near(1), 1, fwd), synTo(near(1), 3, fwd+", kept 1"),
				synTo(near(2), 1, fwd), synTo(near(2), 1, fwd), synTo(near(2), 3, fwd+", kept 1"),
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 3, Live: 3}, {Client: farClient, Group: 1, Real: 2, Live: 1}},
		},
		{
			description: "where no other real takes it, it waits for the one that keeps it", rules: all(byCount, keepClients(32)),
			steps: []stepOf{synTo(near(0), 1, anew)},
			then:  weights(0, 0, 0),
			more:  []stepOf{again(near(0), 1), again(near(0), 1), later(second, synTo(near(0), 1, fwd+", "+closes))},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Until: base + 63*second}},
		},
		{
			description: "a late answer counts it again", rules: all(byCount, keepClients(32)),
			steps: []stepOf{synTo(near(0), 1, anew)},
			then:  weights(0, 0, 0),
			more: []stepOf{
				again(near(0), 1), again(near(0), 1), later(second, synTo(near(0), 1, fwd+", "+closes)),
				sent(fromReal(1, "SA").to(near(0)), toClient("SA").to(near(0)), rep+", "+restores),
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "a forged RST does not", rules: keepClients(32),
			steps: join(established(near(0), 1, anew), []stepOf{
				reset(near(0), 1), sent(fromClient("A").from(near(0)), toReal(1, "A").from(near(0)), fwd+", "+restores),
				reset(near(0), 1), sent(fromClient("A").from(near(0)), toReal(1, "A").from(near(0)), fwd+", "+restores),
			}),
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "a connection is restored, its entry is another real's by then", rules: keepClients(32),
			steps: join(established(near(0), 1, anew), []stepOf{reset(near(0), 1)}),
			then:  all(weights(0, 1, 1), keepersAre(2, 3)),
			more: []stepOf{
				synTo(near(1), 3, anew), sent(fromClient("A").from(near(0)), toReal(1, "A").from(near(0)), fwd+", "+restores), reset(near(0), 1),
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 3, Live: 1}},
		},
		{
			description: "both FINs end it once", rules: keepClients(32),
			steps: join(established(near(0), 1, anew), []stepOf{synTo(near(1), 1, keptThere)}, []stepOf{
				sent(fromClient("FA").from(near(0)), toReal(1, "FA").from(near(0)), fwd),
				sent(fromReal(1, "FA").to(near(0)), toClient("FA").to(near(0)), rep+", "+closes),
				sent(fromClient("R").from(near(0)), toReal(1, "R").from(near(0)), fwd),
			}),
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "a new connection on a closed one's endpoints", rules: keepClients(32),
			steps: []stepOf{
				synTo(near(0), 1, anew), reset(near(0), 1), synTo(near(0), 1, "forward 1, opened 1, closed 1, kept 1, connections 1"),
				sent(fromClient("S").from(near(0)).numbers(9, 0), toReal(1, "S").from(near(0)).numbers(9, 0), "forward 1, opened 1, closed 1, kept 1"),
			},
			want: []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "one that gives way to another of its virtual", rules: all(keepClients(32), guarded(1, false)),
			steps: []stepOf{synTo(near(0), 1, anew), synTo(far(0), 2, "forward 1, opened 1, closed 1")},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Until: base + 60*second}, {Client: farClient, Group: 1, Real: 2, Live: 1}},
		},
		{
			description: "a client with an entry is no other real's trial", rules: keepClients(32),
			steps: []stepOf{synTo(near(0), 1, anew)},
			then:  all(tried, keepersAre(1, 2)),
			more:  []stepOf{synTo(near(1), 1, keptThere), synTo(far(0), 3, anew), synTo(near(2), 1, keptThere), synTo(far(1), 1, anew)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 3}, {Client: farClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "not even while its own is full", rules: all(keepClients(32), setReal(1, func(r *ruleset.Real) { r.MaxConns = 1 })),
			steps: []stepOf{synTo(near(0), 1, anew)},
			then:  all(tried, keepersAre(1, 2)),
			more:  []stepOf{synTo(near(1), 2, anew)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 1}},
		},
		{
			description: "a testing real's own client may be its trial, and no more", rules: all(keepClients(32), func(w *world) { w.turn[1] = 2 }),
			steps: []stepOf{synTo(near(0), 3, anew)},
			then:  all(tried, keepersAre(1, 2)),
			more:  []stepOf{synTo(near(1), 3, keptThere), synTo(near(2), 1, anew), synTo(near(3), 1, keptThere)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: 2}},
		},
		{
			description: "an entry that was purged", rules: keepClients(32),
			steps: []stepOf{synTo(near(0), 1, anew)},
			then:  func(w *world) { w.Worker.sticky.Purge(1) },
			more:  []stepOf{reset(near(0), 1), synTo(near(1), 2, anew)},
			want:  []sticky.Entry{{Client: nearClient, Group: 1, Real: 2, Live: 1}},
		},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			if tt.then != nil {
				tt.then(w)
			}
			w.play(t, tt.more)
			if w.Worker.sticky == nil {
				w.end(t)
				return
			}
			if got := w.entries(); !slices.Equal(got, tt.want) {
				t.Errorf("entries %+v\nwant %+v", got, tt.want)
			}
			w.end(t)
			for _, e := range w.entries() {
				if e.Live != 0 {
					t.Errorf("in the end: %+v", e)
				}
			}
		})
	}
}

// TestStickyTableFull: a client that finds no room is scheduled as others are, and counts on nothing.
func TestStickyTableFull(t *testing.T) {
	w := newWorld(t, 100, nil)
	keepClients(32)(w)
	w.Worker.sticky = newSticky(1)
	for n := range 40 {
		w.give(t, fromClient("S").from(at(n<<10)))
	}
	refused := w.Worker.sticky.Stats().Refused
	if refused == 0 || len(w.entries())+int(refused) != 40 {
		t.Errorf("%d entries, %d refused", len(w.entries()), refused)
	}
	marked := 0
	for n := range 40 {
		if w.flow(at(n<<10)).Flags&flowtable.Sticky != 0 {
			marked++
		}
	}
	if marked != len(w.entries()) {
		t.Errorf("%d connections count on %d entries", marked, len(w.entries()))
	}
	for slot := range uint16(3) {
		if n := w.counts.Shared.Connections(1 + slot); n < 13 {
			t.Errorf("real %d: %d connections", 1+slot, n)
		}
	}
	w.end(t)
}

// TestStickyInOneBurst: all of a new client's SYNs, planned before the first of them makes the entry, go to one real; where
// that is full, the others go where they were planned to go.
func TestStickyInOneBurst(t *testing.T) {
	for _, tt := range []struct {
		description string
		rules       func(*world)
		want, all   uint32 // connections of the first's real, of all
	}{
		{"all", keepClients(32), 7, 7},
		{"up to its limit", all(keepClients(32), setReal(1, func(r *ruleset.Real) { r.MaxConns = 4 })), 4, 7},
		{"with limits all round", all(keepClients(32), func(w *world) {
			for n := range uint16(3) {
				setReal(1+n, func(r *ruleset.Real) { r.MaxConns = 2 })(w)
			}
		}), 2, 6},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			var frames []Frame
			for n := range 7 {
				frames = append(frames, frameOf(outside, fromClient("S").from(near(n)).in(t)))
			}
			w.run(frames...)
			got, all := w.counts.Shared.Connections(1), uint32(0)
			for n := range uint16(3) {
				all += w.counts.Shared.Connections(1 + n)
			}
			if got != tt.want || all != tt.all {
				t.Errorf("%d connections of %d are at real 1, want %d of %d", got, all, tt.want, tt.all)
			}
			if got := w.entries(); !slices.Equal(got, []sticky.Entry{{Client: nearClient, Group: 1, Real: 1, Live: tt.want}}) {
				t.Errorf("%+v, want %d at real 1", got, tt.want)
			}
			w.end(t)
		})
	}
}

// TestStickyFollows: another worker makes the client's entry after this one has chosen, before it sent the SYN.
func TestStickyFollows(t *testing.T) {
	trialled := all(tried, keepersAre(1, 2))
	for _, tt := range []struct {
		description string
		rules       func(*world)
		other       uint16 // the real at which the other worker opens the client's connection
		real        uint16 // then this one is at
		live        uint32
	}{
		{"it goes there, too", func(*world) {}, 3, 3, 2},
		{"it is there", func(*world) {}, 1, 1, 2},
		{"not where it is full", all(setReal(3, func(r *ruleset.Real) { r.MaxConns = 1 }), func(w *world) { fill(w, 3, 1) }), 3, 1, 1},
		{"nor where its real keeps no clients: then the entry is this one's", keepersAre(1, 2), 3, 1, 1},
		{"nor as a trial", trialled, 2, 3, 1},
	} {
		for _, protocol := range []string{"S", "u"} {
			t.Run(tt.description+" "+protocol, func(t *testing.T) {
				if protocol == "u" && tt.description == "nor as a trial" {
					t.Skip("what opens no connection is none")
				}
				w := newWorld(t, 100, nil)
				keepClients(32)(w)
				tt.rules(w)
				in, slot := fromClient(protocol).from(near(0)), uint16(1)
				if protocol == "u" {
					in, slot = in.to(webUDP), 2
					change(func(s *ruleset.Source) { s.Virtuals[1].Keepers = s.Virtuals[0].Keepers })(w)
				}
				// As Burst does it.
				w.frames = []Frame{frameOf(outside, in.in(t))}
				w.now, w.beat = w.time, w.time
				w.parse(w.frames)
				w.planned[0] = unplanned
				v := w.rules.Virtual(slot)
				ref, cause := w.open(0, slot, v)
				if cause != packet.None {
					t.Fatal(cause)
				}
				w.Worker.sticky.Open(1, nearClient, tt.other, 0, w.time)
				n, cause := w.stick(0, ref.Record(), v, 0)
				if cause != packet.None {
					t.Fatal(cause)
				}
				w.follow(0, w.table.Record(n), flowtable.Ref(n<<1))
				r := w.table.Record(n)
				if r.RealSlot != tt.real {
					t.Errorf("at real %d, want %d", r.RealSlot, tt.real)
				}
				if got := netipOf(keyIn(w.frames[0].Bytes()).Dst); got != real(int(tt.real)) || w.frames[0].Verdict != Send {
					t.Errorf("sent to %s", got)
				}
				if got := w.entries(); len(got) != 1 || got[0].Live != tt.live {
					t.Errorf("%+v, want %d live", got, tt.live)
				}
				holder := w.entries()[0].Real
				if marked := r.Flags&flowtable.Sticky != 0; marked != (holder == tt.real) {
					t.Errorf("marked: %v, the entry is real %d's", marked, holder)
				}
				w.Worker.sticky.Close(1, nearClient, tt.other, w.time)
				w.empty()
				w.end(t)
				for _, e := range w.entries() {
					if e.Live != 0 {
						t.Errorf("in the end: %+v", e)
					}
				}
			})
		}
	}
}

func netipOf(address uint32) string { return endpointOf(address, 8080) }

// TestStickyFollowsAMove: two workers move a client's connections off a real at the same time: the later one follows the
// earlier one, and its SYN counts as the first that its real got.
func TestStickyFollowsAMove(t *testing.T) {
	w := newWorld(t, 100, nil)
	all(byCount, keepClients(32))(w)
	w.play(t, []stepOf{synTo(near(0), 1, anew)})
	w.Worker.sticky.Open(1, nearClient, 3, 1, w.time) // the other has moved
	w.frames = []Frame{frameOf(outside, fromClient("S").from(near(0)).in(t))}
	w.now, w.beat = w.time, w.time
	w.parse(w.frames)
	old := w.flow(near(0))
	ref := w.table.Find(keyOf(&w.meta[0]), w.hash[0])
	w.ditch(old, false)
	at, ok := w.schedule(&w.meta[0], 1, w.rules.Virtual(1), 1) // it found the entry still with real 1
	if !ok || w.rules.Member(at).Real != 2 {
		t.Fatal(at, ok)
	}
	n, cause := w.moveTo(0, ref.Record(), w.rules.Member(at))
	if cause != packet.None {
		t.Fatal(cause)
	}
	n, cause = w.stick(0, n, w.rules.Virtual(1), 1)
	if cause != packet.None {
		t.Fatal(cause)
	}
	if r := w.table.Record(n); r.RealSlot != 3 || r.SYNs != 1 || r.Flags&flowtable.Sticky == 0 || r.Phase != flowtable.HalfOpen {
		t.Errorf("%+v", r)
	}
	if got := w.entries(); !slices.Equal(got, []sticky.Entry{{Client: nearClient, Group: 1, Real: 3, Live: 2}}) {
		t.Errorf("%+v", got)
	}
	w.end(t)
	if got := w.entries(); got[0].Live != 1 {
		t.Errorf("in the end: %+v, want the other's alone", got)
	}
}

// TestWorkersKeepAClientTogether: SYNs and datagrams of new clients at two workers at once, in many races. A client's
// connections are at one real, and the entry counts both.
func TestWorkersKeepAClientTogether(t *testing.T) {
	const races = 2000
	shared, table := ruleset.NewShared(nil, slots.Reals), newSticky(1000)
	var workers [2]*world
	for i := range workers {
		w := newWorld(t, 64, nil)
		w.counts.Shared = shared
		keepClients(32)(w)
		w.Worker.sticky = table
		w.turn[1] = uint32(i) // they choose different reals
		workers[i] = w
	}
	followed := uint64(0)
	for race := range races {
		clients := [2][]byte{}
		from := [2]string{}
		for i := range clients {
			from[i] = at(race<<10 + i)
			clients[i] = fromClient("S").from(from[i]).in(t)
		}
		start := make(chan struct{})
		var ready, done sync.WaitGroup
		for i, w := range workers {
			frames := []Frame{frameOf(outside, clients[i])}
			ready.Add(1)
			done.Go(func() {
				ready.Done()
				<-start
				w.Burst(frames, uint64(w.time))
			})
		}
		ready.Wait()
		close(start)
		done.Wait()
		a, b := workers[0].flow(from[0]), workers[1].flow(from[1])
		if a.RealSlot != b.RealSlot || a.Flags&b.Flags&flowtable.Sticky == 0 {
			t.Fatalf("race %d: %+v, %+v", race, a, b)
		}
		page := make([]sticky.Entry, 100)
		n := 0
		for at, next := 0, 1; next != 0; at = next {
			var more int
			more, next = table.Page(at, page[n:])
			n += more
		}
		if n != 1 || page[0].Live != 2 || page[0].Real != a.RealSlot {
			t.Fatalf("race %d: %+v, want 2 at real %d", race, page[:n], a.RealSlot)
		}
		for i, w := range workers {
			w.give(t, fromClient("R").from(from[i]))
			w.time += 61 * second // the next client finds nothing of this one
			w.pass(2*second + 100)
			if open := w.connections(); open != 0 {
				t.Fatalf("race %d: %d connections", race, open)
			}
		}
		table.Sweep(1, workers[0].time+60*second)
		followed += workers[0].live.stickyHits + workers[1].live.stickyHits
	}
	if followed == 0 {
		t.Error("no connection was ever placed by the other's entry")
	}
	for slot := range uint16(4) {
		if n := shared.Connections(slot); n != 0 {
			t.Errorf("real %d: %d connections are left", slot, n)
		}
	}
}

// TestStickyAllocatesNothing: opening and ending, by burst.
func TestStickyAllocatesNothing(t *testing.T) {
	w := newWorld(t, 1000, nil)
	keepClients(32)(w)
	w.Worker.sticky = newSticky(1000)
	frames, buffers := make([]Frame, 8), make([][]byte, 8)
	for i := range frames {
		buffers[i] = fromClient("S").from(near(i)).in(t)
		frames[i].SetBytes(make([]byte, len(buffers[i]), packet.AnswerRoom))
	}
	seq := byte(0)
	if n := testing.AllocsPerRun(200, func() {
		seq++
		for i := range frames { // another attempt each time: the flow is opened anew
			copy(frames[i].Bytes(), buffers[i])
			frames[i].Bytes()[41] = seq
			frames[i].Port = outside
		}
		w.time++
		w.Burst(frames, uint64(w.time))
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
	if w.live.stickyHits < 1000 {
		t.Errorf("%d connections placed by entries", w.live.stickyHits)
	}
}
