package control

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"linedirector/control/api"
)

// Sticky are the entries that workers share, as control sees them. Its methods lock one entry's neighbourhood at a time, so
// that no worker waits for long; they may be called from any goroutine.
type Sticky interface {
	// Page fills page with entries, in the order of the table from place from on, 0 at first. It returns how many there
	// are, and the place to go on with, 0 behind the last; n may be 0 and yet others follow.
	Page(from uint32, page []StickyEntry) (n int, next uint32)
	// Find is a client's entry.
	Find(group uint16, client uint32) (StickyEntry, bool)
	// Drop forgets an entry, whatever it counts.
	Drop(group uint16, client uint32) bool
	// Purge forgets all entries that lead to a real, PurgeGroup those of a group. They return how many.
	Purge(real uint16) int
	PurgeGroup(group uint16) int
	// Expire forgets idle entries whose time is up, a piece of the table at a time.
	Expire(now uint32)
}

// StickyEntry is one. Client is in host byte order, masked; Until is the tick at which it ends, once no connection counts on
// it.
type StickyEntry struct {
	Client      uint32
	Group, Real uint16
	Connections uint32
	Until       uint32
}

// expired tells whether an entry's time is up: workers take it for gone, though the table may hold it for another minute.
func (e *StickyEntry) expired(now uint32) bool { return e.Connections == 0 && int32(now-e.Until) >= 0 }

// purge is a real whose entries go once no worker makes new ones.
type purge struct {
	real  uint16
	after uint32 // generation of the first rules by which no client may keep it
}

// purgeLater has a real's entries forgotten. The caller publishes.
func (d *Director) purgeLater(r *real) {
	d.purges = append(d.purges, purge{r.slot, d.generation + 1})
}

// purgeSticky forgets what workers can make no more of.
func (d *Director) purgeSticky() {
	if len(d.purges) == 0 {
		return
	}
	acknowledged, table := d.workers.Acknowledged(), d.workers.Sticky()
	d.purges = slices.DeleteFunc(d.purges, func(p purge) bool {
		if int32(acknowledged-p.after) < 0 {
			return false
		}
		table.Purge(p.real)
		return true
	})
}

// stickyPiece is how many entries are read in one go, and stickyReads how many pieces one page takes at most.
const (
	stickyPiece = 512
	stickyReads = 256
)

// Sticky lists sticky entries in pieces.
func (d *Director) Sticky(ctx context.Context, q api.StickyQuery) (page api.StickyPage, err error) {
	at, err := strconv.ParseUint(q.Cursor, 10, 32)
	if q.Cursor != "" && err != nil {
		return page, &api.Error{Status: http.StatusBadRequest, Problem: "the cursor is none of this director's", Mend: "give next of the page before"}
	}
	names, table, now := d.stickyNames(), d.workers.Sticky(), d.workers.Now()
	from := uint32(at)
	var buffer [stickyPiece]StickyEntry
	for range stickyReads {
		if err := ctx.Err(); err != nil {
			return page, err
		}
		room := min(q.Limit-len(page.Sticky), stickyPiece)
		if room <= 0 {
			break
		}
		n, next := table.Page(from, buffer[:room])
		for i := range buffer[:n] {
			if s := d.stickyEntry(&buffer[i], names, now); picksSticky(&q, &s) && !buffer[i].expired(now) {
				page.Sticky = append(page.Sticky, s)
			}
		}
		if from = next; from == 0 {
			return page, nil
		}
	}
	page.Next = strconv.FormatUint(uint64(from), 10)
	return page, nil
}

// FlushSticky forgets the entries that q picks, and returns how many.
func (d *Director) FlushSticky(q api.StickyQuery) (count int, err error) {
	names, table, now := d.stickyNames(), d.workers.Sticky(), d.workers.Now()
	var buffer [stickyPiece]StickyEntry
	for from := uint32(0); ; {
		n, next := table.Page(from, buffer[:])
		for i := range buffer[:n] {
			e := &buffer[i]
			if s := d.stickyEntry(e, names, now); picksSticky(&q, &s) && table.Drop(e.Group, e.Client) && !e.expired(now) {
				count++
			}
		}
		if from = next; from == 0 {
			return count, nil
		}
	}
}

// stickyNames are what slots in entries stand for.
type stickyNames struct {
	reals  map[uint16]string
	groups map[uint16]groupShown
}

type groupShown struct {
	name string
	bits int
}

func (d *Director) stickyNames() stickyNames {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := stickyNames{make(map[uint16]string, len(d.objects.reals)), map[uint16]groupShown{}}
	for _, r := range d.objects.reals {
		n.reals[r.slot] = r.conf.Name
	}
	for _, v := range d.objects.virtuals {
		if g := v.group; g != nil && (!v.draining || n.groups[g.slot].name == "") {
			n.groups[g.slot] = groupShown{v.groupName(), g.id.bits}
		}
	}
	return n
}

func (d *Director) stickyEntry(e *StickyEntry, names stickyNames, now uint32) api.Sticky {
	g := names.groups[e.Group]
	s := api.Sticky{
		Group: g.name, Client: netip.PrefixFrom(fromIPv4(e.Client), g.bits), Real: names.reals[e.Real], Connections: e.Connections,
	}
	if e.Connections == 0 {
		s.ExpiresInSeconds = new(d.clock.elapsed(uint32(max(0, int32(e.Until-now)))).Round(time.Millisecond).Seconds())
	}
	return s
}

func picksSticky(q *api.StickyQuery, s *api.Sticky) bool {
	return s.Group != "" && (q.Group == "" || q.Group == s.Group) && (q.Real == "" || q.Real == s.Real) &&
		(!q.Client.IsValid() || q.Client.Overlaps(s.Client))
}
