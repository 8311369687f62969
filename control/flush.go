package control

import (
	"fmt"
	"net/http"
	"slices"

	"linedirector/control/api"
)

// flush is whether an object's live connections are being cut: workers do it as their sweeps come by. It is over when every
// worker has visited all its records under rules that say so.
type flush struct {
	on    bool
	after uint32   // generation of the first rules that say so
	until []uint64 // workers' sweeps that end it; nil until all of them use those rules
}

// begin returns false if it is under way already; then it begins anew.
func (f *flush) begin(generation uint32) bool {
	was := f.on
	*f = flush{on: true, after: generation}
	return !was
}

// ended looks how far workers are.
func (f *flush) ended(acknowledged uint32, sweeps []uint64) bool {
	if f.until == nil {
		if int32(acknowledged-f.after) < 0 {
			return false
		}
		for _, n := range sweeps {
			f.until = append(f.until, n+2) // the one that is under way may have passed some by
		}
	}
	for i, n := range sweeps {
		if n < f.until[i] {
			return false
		}
	}
	f.on = false
	return true
}

// endFlushes ends those that are over, and says whether rules must change.
func (d *Director) endFlushes() (changed bool) {
	if len(d.flushing) == 0 {
		return false
	}
	acknowledged, sweeps := d.workers.Acknowledged(), d.workers.Sweeps()
	d.flushing = slices.DeleteFunc(d.flushing, func(f *flush) bool {
		over := f.ended(acknowledged, sweeps)
		changed = changed || over
		return over
	})
	return changed
}

// beginFlush has workers cut what of some bindings is open, and says how many connections that is.
func (d *Director) beginFlush(f *flush, bindings func(*binding) bool) (open uint64) {
	counts := d.workers.Counts()
	for _, b := range d.objects.bindings {
		if bindings(b) {
			_, n := b.counted(counts)
			open += n
		}
	}
	if f.begin(d.generation + 1) {
		d.flushing = append(d.flushing, f)
	}
	return open
}

// FlushReal cuts all connections to the reals of a name, those that drain included.
func (d *Director) FlushReal(name string) (flushed api.Flushed, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := false
	for _, r := range d.objects.reals {
		if r.conf.Name == name {
			found = true
			flushed.Connections += d.beginFlush(&r.flush, func(b *binding) bool { return b.real == r })
		}
	}
	if !found {
		return flushed, gone("real", name)
	}
	d.publish()
	return flushed, nil
}

// FlushVirtual cuts all connections of the virtuals of a name, those that drain included.
func (d *Director) FlushVirtual(name string) (flushed api.Flushed, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := false
	for _, v := range d.objects.virtuals {
		if v.conf.Name == name {
			found = true
			flushed.Connections += d.beginFlush(&v.flush, func(b *binding) bool { return b.virtual == v })
		}
	}
	if !found {
		return flushed, gone("virtual", name)
	}
	d.publish()
	return flushed, nil
}

// gone is for an object that was there when its name was looked up.
func gone(kind, name string) error {
	return &api.Error{
		Status: http.StatusConflict, Problem: fmt.Sprintf("%s '%s' is no longer configured", kind, name),
		Mend: "put it back into the configuration first",
	}
}
