package control

import (
	"strings"
	"testing"
	"time"
)

// A flush lasts until every worker has seen all its records under rules that say so.
func TestFlush(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		b := r.binding("web", "a")
		open(r.workers.counts[0], b.slot, b.real.slot)
		open(r.workers.counts[1], b.slot, b.real.slot)
		a := func() bool { return r.rules().Real(r.slot("a")).Flush }
		got, err := r.FlushReal("a")
		if err != nil || got.Connections != 2 || !a() {
			t.Fatalf("%+v, %v, flushes %v", got, err, a())
		}
		r.workers.sweep(9)
		wait(time.Second)
		if !a() {
			t.Fatal("ended before workers knew")
		}
		_, generation := r.workers.last()
		r.workers.acknowledge(uint32(generation) + 1)
		wait(time.Second)
		r.workers.sweep(1)
		wait(time.Second)
		if !a() {
			t.Fatal("ended within a sweep that had begun before")
		}
		r.workers.sweep(1)
		wait(time.Second)
		if a() {
			t.Fatal("does not end")
		}
		if got, err := r.FlushVirtual("web"); err != nil || got.Connections != 2 || !r.rule("web").Flush || r.rule("tls").Flush {
			t.Errorf("%+v, %v, %+v", got, err, r.rule("web"))
		}
		if _, err := r.FlushReal("x"); err == nil {
			t.Error("flushed nobody")
		}
		if _, err := r.FlushVirtual("x"); err == nil {
			t.Error("flushed nobody")
		}
	})
}

// What was removed drains by default; flush cuts it, too.
func TestFlushOfWhatDrains(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		b := r.binding("lab", "b")
		r.workers.counts[0].Insert(b.slot)
		open(r.workers.counts[0], b.slot, b.real.slot)
		if err := r.Reload(parse(t, strings.Replace(shop, "  - {name: lab, address: 192.0.2.10, port: 80, class: lab, expiry: rst, reals: [b]}\n", "", 1))); err != nil {
			t.Fatal(err)
		}
		if r.rules().Virtual(b.virtual.slot).Flush {
			t.Fatal("a removed virtual is cut")
		}
		if got, err := r.FlushVirtual("lab"); err != nil || got.Connections != 1 || !r.rules().Virtual(b.virtual.slot).Flush {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
