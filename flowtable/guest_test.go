package flowtable

import "testing"

// TestBorrowers: a record names four workers, forgets the last one first, and no other is lent to meanwhile.
func TestBorrowers(t *testing.T) {
	r := flow(1)
	if _, ok := r.Borrower(); ok || r.Lent() || r.Guest() {
		t.Error("lent before anybody asked")
	}
	workers := []uint16{0, MaxBorrower, 7, 63}
	for _, w := range workers {
		if !r.Lend(w) || !r.Lent() || r.Guest() {
			t.Errorf("not lent to worker %d", w)
		}
	}
	for _, w := range workers {
		if !r.Lend(w) {
			t.Errorf("not lent to worker %d again", w)
		}
	}
	if r.Lend(5) {
		t.Error("lent to a fifth")
	}
	for i := len(workers) - 1; i >= 0; i-- {
		if w, ok := r.Borrower(); !ok || w != workers[i] {
			t.Errorf("borrower %d %v, want %d", w, ok, workers[i])
		}
		r.Return()
	}
	if r.Lent() || r.Extension != 0 {
		t.Errorf("extension %#x once all have returned it", r.Extension)
	}
}

// TestGuest: a copy is a guest, keeps its keys, counts from 0, and what it counted is added to its flow's.
func TestGuest(t *testing.T) {
	owner := flow(1)
	owner.Establish(Established)
	owner.Last = 1<<32 - 5
	owner.Count(Forward, 100)
	owner.Lend(2)
	guest := owner
	guest.Invite(77)
	if !guest.Guest() || guest.Lent() || guest.Binding != 77 || guest.ForwardKey() != owner.ForwardKey() || guest.ReplyKey() != owner.ReplyKey() || !guest.Idles() {
		t.Errorf("%+v", guest)
	}
	if !guest.Steady() {
		t.Error("a guest is not steady")
	}
	guest.Count(Forward, 10)
	guest.Count(Reply, 1)
	guest.Last = 3 // ticks wrap around
	if guest.Idles() {
		t.Error("it counted nothing")
	}
	owner.Merge(&guest, 10)
	if owner.Bytes(Forward) != 110 || owner.Bytes(Reply) != 1 || owner.Last != 3 {
		t.Errorf("%d and %d bytes, last %d", owner.Bytes(Forward), owner.Bytes(Reply), owner.Last)
	}
	guest.Settle()
	guest.Last = 1<<32 - 100
	owner.Merge(&guest, 10)
	if owner.Bytes(Forward) != 110 || owner.Last != 3 || !guest.Idles() {
		t.Errorf("told twice: %d bytes, last %d", owner.Bytes(Forward), owner.Last)
	}
	guest.Last = 12
	if owner.Merge(&guest, 10); owner.Last != 10 {
		t.Errorf("last %d, which is yet to come", owner.Last)
	}
}

// TestTranslatedIsNotLent: the port that its real sees is in the same place.
func TestTranslatedIsNotLent(t *testing.T) {
	r := flow(1)
	r.Translate(65535)
	if _, ok := r.Borrower(); ok || r.Lent() || r.Guest() {
		t.Error("a translated flow's port is taken for a borrower")
	}
}

func TestHanded(t *testing.T) {
	r := flow(1)
	r.SYNs = 9
	r.Establish(Established)
	for n := range 300 {
		if got, want := r.Handed(200), n >= 199; got != want {
			t.Errorf("packet %d: %v", n, got)
		}
	}
}

// TestGuestGivesWay: before any connection does.
func TestGuestGivesWay(t *testing.T) {
	table := newTable(t, 10)
	halfOpen, guest := flow(1), flow(2)
	halfOpen.Phase = HalfOpen
	guest.Invite(1)
	insert(t, table, halfOpen)
	n := insert(t, table, guest)
	insert(t, table, flow(3))
	for from := range uint32(3) {
		if got := table.GivesWay(0, from, 1000); got != n {
			t.Errorf("record %d, want %d", got, n)
		}
	}
}
