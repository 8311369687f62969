package sticky

// What control does with the table. It locks one bucket at a time, so that no worker waits long.

// Sweep forgets expired entries in the next of so many parts of the table, and returns how many. Control calls it, one
// goroutine, so that all parts had their turn well before ticks have wrapped around: an old end would lie ahead again.
func (t *Table) Sweep(parts int, now uint32) int {
	all, parts := len(t.homes)+len(t.spill), max(parts, 1)
	from := t.swept
	to := min(from+(all+parts-1)/parts, all)
	if t.swept = to; to == all {
		t.swept = 0
	}
	return t.drop(from, to, func(e *Entry) bool { return e.Expired(now) })
}

// Purge forgets a real's entries, and returns how many; those with connections, too, which then count on nothing. Control
// only, once all workers have the rules by which the real keeps no clients: else they make new ones.
func (t *Table) Purge(real uint16) int {
	return t.drop(0, len(t.homes)+len(t.spill), func(e *Entry) bool { return e.Real == real })
}

// PurgeGroup forgets a group's entries, as Purge does a real's.
func (t *Table) PurgeGroup(group uint16) int {
	return t.drop(0, len(t.homes)+len(t.spill), func(e *Entry) bool { return e.Group == group })
}

// bucket is the bucket of that number: the spill's are behind the homes.
func (t *Table) bucket(n int) (b *bucket, away bool) {
	if n < len(t.homes) {
		return &t.homes[n], false
	}
	return &t.spill[n-len(t.homes)], true
}

// drop forgets those entries of buckets from to to that which names.
func (t *Table) drop(from, to int, which func(*Entry) bool) (dropped int) {
	for n := from; n < to; n++ {
		b, away := t.bucket(n)
		b.lock(control)
		for i := range b.entries {
			if e := &b.entries[i]; e.Group != 0 && which(e) {
				t.forget(e, away)
				dropped++
			}
		}
		b.unlock()
	}
	return dropped
}

// Entry is a client's, whether or not it has expired. Control only, any goroutine.
func (t *Table) Entry(group uint16, client uint32) (Entry, bool) {
	h, e := t.hold(control, group, client)
	defer h.leave()
	if e == nil {
		return Entry{}, false
	}
	return *e, true
}

// Drop forgets a client's entry, as Purge does a real's, and tells whether there was one.
func (t *Table) Drop(group uint16, client uint32) bool {
	h, e := t.hold(control, group, client)
	defer h.leave()
	if e == nil {
		return false
	}
	t.forget(e, h.home.find(group, client) == nil)
	return true
}

// Page copies entries into page, beginning with the place from, 0 at first, and returns how many they are and the place to
// go on with, 0 behind the last. They may have expired. Between two pages the table goes on changing: what was there all
// the time is shown once. Control only, any goroutine.
func (t *Table) Page(from int, page []Entry) (n, next int) {
	all := (len(t.homes) + len(t.spill)) * perBucket
	for from < all && n < len(page) {
		b, _ := t.bucket(from / perBucket)
		b.lock(control)
		for i := from % perBucket; i < perBucket && n < len(page); i++ {
			if b.entries[i].Group != 0 {
				page[n] = b.entries[i]
				n++
			}
			from++
		}
		b.unlock()
	}
	if from >= all {
		from = 0
	}
	return n, from
}

// Abandon frees what a control held that died, so that no worker waits for it forever. It must be dead. An entry that it was
// about to forget may be half gone: at worst it stays until it ends.
func (t *Table) Abandon() {
	for n := range len(t.homes) + len(t.spill) {
		b, _ := t.bucket(n)
		b.word.CompareAndSwap(uint32(control), uint32(nobody))
	}
}
