package flowtable

import "math/bits"

// A worker that gets many packets of a flow that another one owns can be lent its record: it has a copy of it in its own
// table then, a guest, and the owner's record says that it was lent. Who lends, and who tells whom, is the caller's
// business; here is where records keep it. Only a flow that is not translated is lent: the extension has room for one thing.
//
//	           31        28     21     14      7      0
//	owner's:    0 ..... | borrower + 1, 0 for none: 4 |
//	guest's:    1 .............. 0

const (
	guestMark    = 1 << 31
	borrowerBits = 7
	borrowerMask = 1<<borrowerBits - 1
	borrowers    = 4
)

// MaxBorrower is the highest number of a worker that flows can be lent to.
const MaxBorrower = borrowerMask - 1

// Guest tells whether r is the copy of a record in another worker's table.
func (r *Record) Guest() bool { return r.Extension&guestMark != 0 }

// Invite makes r, a copy, the guest of record n in its owner's table: that number is in Binding now. It counts bytes from 0.
func (r *Record) Invite(n uint32) {
	r.Extension, r.Binding, r.union = guestMark, n, [2]uint64{}
}

// Handed counts a packet of a flow beyond the opening phases that another worker handed over, and tells whether there
// were most of them by now, at most 255.
func (r *Record) Handed(most uint8) bool {
	if r.SYNs < most {
		r.SYNs++
	}
	return r.SYNs >= most
}

// Lend notes that a worker, at most MaxBorrower, has a guest of r's flow. It returns false if as many others as r can name
// have one.
func (r *Record) Lend(worker uint16) bool {
	for at := 0; at < borrowers*borrowerBits; at += borrowerBits {
		switch r.Extension >> at & borrowerMask {
		case uint32(worker) + 1:
			return true
		case 0:
			r.Extension |= (uint32(worker) + 1) << at
			return true
		}
	}
	return false
}

// Lent tells whether others may have guests of r's flow. A guest is not lent any further.
func (r *Record) Lent() bool { return r.Extension != 0 && r.Flags&Translated == 0 && !r.Guest() }

// Borrower is one of the workers that may have a guest of r's flow, the one that was lent it last.
func (r *Record) Borrower() (worker uint16, ok bool) {
	if !r.Lent() {
		return 0, false
	}
	at := r.lastBorrower()
	return uint16(r.Extension>>at) - 1, true
}

// Return notes that Borrower has a guest no more.
func (r *Record) Return() { r.Extension &^= borrowerMask << r.lastBorrower() }

// lastBorrower is where the last one stands: they fill up from below, and leave from above.
func (r *Record) lastBorrower() int {
	return (bits.Len32(r.Extension) - 1) / borrowerBits * borrowerBits
}

// Idles tells whether a guest carried nothing since Settle.
func (r *Record) Idles() bool { return r.union == [2]uint64{} }

// Settle has a guest count from 0: its owner was told what it carried.
func (r *Record) Settle() { r.union = [2]uint64{} }

// Merge adds what g, a guest of r's flow, carried. While the flow goes on the later packet of both was the last; not later
// than now, though: g's worker may have looked at the clock after r's did. Of one that is over, Last says since when.
func (r *Record) Merge(g *Record, now uint32) {
	if r.Phase.Counted() && int32(g.Last-r.Last) > 0 {
		r.Last = g.Last
		if int32(r.Last-now) > 0 {
			r.Last = now
		}
	}
	r.union[0] += g.union[0]
	r.union[1] += g.union[1]
}
