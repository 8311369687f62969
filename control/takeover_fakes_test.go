package control

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"linedirector/control/synretry"
	"linedirector/lcore/ruleset"
)

// fakeLedger is memory that outlives control.
type fakeLedger struct {
	mu     sync.Mutex
	kept   []byte
	stored int
}

func (l *fakeLedger) Load() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.kept)
}

func (l *fakeLedger) Store(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.stored = slices.Clone(b), l.stored+1
}

// lifetime is a rig that runs until it dies.
type lifetime struct {
	*rig
	ledger *fakeLedger
	end    context.CancelFunc
	ended  chan struct{}
}

// bear makes a director with a ledger, which has its first rules in use and runs.
func bear(t *testing.T, text string) *lifetime {
	t.Helper()
	l := &lifetime{ledger: &fakeLedger{}}
	l.rig = newRigWith(t, 2, text, func(c *Config) { c.Ledger = l.ledger })
	l.begin(t)
	return l
}

func (l *lifetime) begin(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l.end, l.ended = cancel, make(chan struct{})
	go func() { l.Run(ctx); close(l.ended) }()
	t.Cleanup(l.die)
	synctest.Wait()
}

// die ends it as a crash does: it closes nothing, and says nothing more.
func (l *lifetime) die() {
	l.end()
	<-l.ended
}

// config is that of a successor: the workers, their memory and the kernel are those that there are.
func (l *lifetime) config() (*rig, Config) {
	r := &rig{workers: l.workers, keeper: &fakeKeeper{}, stack: &fakeStack{}, mirror: newFakeMirror(), table: l.table}
	r.mirror.set(l.mirror.State())
	c := r.config(nil)
	c.Ledger = l.ledger
	return r, c
}

// succeed makes a successor, publishes its rules as main does, and has it run.
func (l *lifetime) succeed(t *testing.T) *lifetime {
	t.Helper()
	r, c := l.config()
	var err error
	if r.Director, r.first, err = New(c); err != nil {
		t.Fatal(err)
	}
	r.workers.Publish(r.first)
	next := &lifetime{rig: r, ledger: l.ledger}
	next.begin(t)
	return next
}

// known is all that a director knows of its objects, a line each.
func (r *rig) known() (lines []string) {
	r.locked(func() {
		o := r.objects
		for i, v := range o.sortedVirtuals() {
			line := fmt.Sprintf("virtual %d %s: slot %d, draining %v, group %s, no real %d, flush %v after %d", i, v.conf.Name, v.slot, v.draining,
				groupOf(v.group), v.noReal, v.flush.on, v.flush.after)
			for _, b := range v.bindings {
				line += fmt.Sprintf("; %d to real %d, named %v, draining %v, base %d", b.slot, b.real.slot, b.named, b.draining, b.base)
				if b.draining {
					line += fmt.Sprint(" since ", b.since)
				}
			}
			lines = append(lines, line)
		}
		for i, x := range o.sortedReals() {
			m := x.machine.Keep()
			if m.State == synretry.Failed {
				m.Since = 0 // its rest begins anew
			}
			lines = append(lines, fmt.Sprintf("real %d %s: slot %d, draining %v, bound %d, tcp %v, file %v, holds %v, flush %v after %d, base %v, %s, told %s, admin %v, ramped %d, run %v, entered %v, added %d",
				i, x.conf.Name, x.slot, x.draining, x.bindings, x.tcp, x.file, x.knobs, x.flush.on, x.flush.after, x.base,
				fmt.Sprintf("%+v", m), x.told, x.admin, x.ramped, x.run, x.entered, x.added))
		}
		lines = append(lines,
			fmt.Sprint("highest slots: ", o.virtualSlots.highest, o.realSlots.highest, o.bindingSlots.highest, o.groupSlots.highest),
			fmt.Sprint("in force: ", r.inForce.conf.Name, string(r.inForce.conf.Text), r.inForce.at.UnixNano(), r.inForce.generation),
			fmt.Sprint("purges: ", r.purges), fmt.Sprint("flushing: ", len(r.flushing)))
		if r.before != nil {
			lines = append(lines, fmt.Sprint("before: ", r.before.conf.Name, string(r.before.conf.Text), r.before.at.UnixNano(), r.before.generation))
		}
	})
	return lines
}

func groupOf(g *group) string {
	if g == nil {
		return "none"
	}
	return fmt.Sprintf("%d of %d", g.slot, g.members)
}

// same fails for each line that differs.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%s:\n got %s\nwant %s", what, g, w)
		}
	}
}

// sameRules fails where the sources of two directors' newest rules differ in more than their generations.
func sameRules(t *testing.T, got, want *rig) {
	t.Helper()
	comparable := func(r *rig) (s ruleset.Source) {
		r.locked(func() { s = *r.source })
		s.Generation, s.RouteGeneration, s.Tables = 0, 0, nil
		s.Virtuals = slices.Clone(s.Virtuals)
		slices.SortFunc(s.Virtuals, func(a, b ruleset.VirtualSource) int { return cmp.Compare(a.Slot, b.Slot) })
		return s
	}
	g, w := comparable(got), comparable(want)
	if len(g.Virtuals) != len(w.Virtuals) {
		t.Fatalf("%d virtuals, want %d", len(g.Virtuals), len(w.Virtuals))
	}
	for i := range g.Virtuals {
		if !reflect.DeepEqual(g.Virtuals[i], w.Virtuals[i]) {
			t.Errorf("virtual:\n got %+v\nwant %+v", g.Virtuals[i], w.Virtuals[i])
		}
	}
	for slot := range w.Reals {
		if g.Reals[slot] != w.Reals[slot] {
			t.Errorf("real %d:\n got %+v\nwant %+v", slot, g.Reals[slot], w.Reals[slot])
		}
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("rules:\n got %+v\nwant %+v", g, w)
	}
}

// distinct fails where two objects have one slot, or one that is free.
func (r *rig) distinct(t *testing.T) {
	t.Helper()
	r.locked(func() {
		o := r.objects
		check := func(s *slots, used []uint32) {
			t.Helper()
			all := append(slices.Clone(s.free), used...)
			slices.Sort(all)
			if len(slices.Compact(slices.Clone(all))) != len(all) || len(all) != int(s.highest) {
				t.Errorf("%s: %v are taken and %v free, of %d", s.what, used, s.free, s.highest)
			}
		}
		var virtuals, reals, bindings, groups []uint32
		for _, v := range o.virtuals {
			virtuals = append(virtuals, uint32(v.slot))
		}
		for _, x := range o.reals {
			reals = append(reals, uint32(x.slot))
		}
		for _, b := range o.bindings {
			bindings = append(bindings, b.slot)
		}
		for _, g := range o.groups {
			groups = append(groups, uint32(g.slot))
		}
		check(&o.virtualSlots, virtuals)
		check(&o.realSlots, reals)
		check(&o.bindingSlots, bindings)
		check(&o.groupSlots, groups)
	})
}

// cut is a text without the lines that begin with some.
func cut(text string, beginnings ...string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(strings.TrimSpace(line), b) }) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}
