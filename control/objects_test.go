package control

import (
	"fmt"
	"strings"
	"testing"

	"linedirector/conf"
	"linedirector/lcore/ruleset"
)

// world is objects with a worker that counts.
type world struct {
	*objects
	t          *testing.T
	counts     []*ruleset.Counts
	generation uint32
}

func newWorld(t *testing.T) *world {
	return &world{newObjects(), t, newFakeWorkers(2).counts, 0}
}

// adopt takes reals, as "name address:port", and a virtual for each list of names, on ports from 80 on.
func (w *world) adopt(reals []string, virtuals ...string) {
	w.t.Helper()
	c := &conf.Config{Name: "dir.yaml"}
	for _, text := range reals {
		name, at, _ := strings.Cut(text, " ")
		var r conf.Real
		host, port, _ := strings.Cut(at, ":")
		r.Name, r.Address, r.Weight = name, addr(host), 1
		if _, err := fmt.Sscan(port, &r.Port); err != nil {
			w.t.Fatal(err)
		}
		c.Reals = append(c.Reals, r)
	}
	for i, names := range virtuals {
		c.Virtuals = append(c.Virtuals, conf.Virtual{
			Name: fmt.Sprintf("v%d", i), Address: addr("192.0.2.10"), Port: uint16(80 + i), Protocol: conf.TCP,
			Reals: strings.Fields(names),
		})
	}
	w.generation++
	if err := w.fits(c); err != nil {
		w.t.Fatal(err)
	}
	if err := w.objects.adopt(c, w.counts, w.generation); err != nil {
		w.t.Fatal(err)
	}
}

// binding finds one by names; a live one first.
func (w *world) binding(virtual, real string) *binding {
	w.t.Helper()
	var found *binding
	for _, b := range w.bindings {
		if b.names() == (names{virtual, real}) && (found == nil || found.draining) {
			found = b
		}
	}
	if found == nil {
		w.t.Fatalf("no binding of %s to %s", real, virtual)
	}
	return found
}

func (w *world) open(worker int, b *binding) {
	w.counts[worker].Insert(b.slot)
	open(w.counts[worker], b.slot, b.real.slot)
}

func (w *world) close(worker int, b *binding) {
	w.counts[worker].Close(b.slot, b.real.slot)
	w.counts[worker].Remove(b.slot)
}

// total is what metrics show as the binding's connections.
func (w *world) total(virtual, real string) (opened uint64) {
	for _, b := range w.bindings {
		if b.names() == (names{virtual, real}) {
			opened += sum(w.counts, b.slot).Opened - b.base
		}
	}
	return opened
}

func TestRemovedRealDrainsToItsLastRecord(t *testing.T) {
	w := newWorld(t)
	w.adopt([]string{"a 10.0.0.1:80", "b 10.0.0.2:80"}, "a b")
	a := w.binding("v0", "a")
	w.open(1, a)
	w.adopt([]string{"b 10.0.0.2:80"}, "b")
	if !a.draining || !a.real.draining || a.virtual.draining {
		t.Fatalf("binding draining %v, real %v, virtual %v; want the first two", a.draining, a.real.draining, a.virtual.draining)
	}

	// Connection closed, record still there: as after both FINs.
	w.counts[1].Close(a.slot, a.real.slot)
	if n := w.reap(w.counts, &fakeSticky{}, w.generation); n != 0 {
		t.Error("reaped while a record refers to it")
	}
	w.counts[1].Remove(a.slot)
	if n := w.reap(w.counts, &fakeSticky{}, w.generation-1); n != 0 {
		t.Error("reaped before all workers used rules without it")
	}
	if n := w.reap(w.counts, &fakeSticky{}, w.generation); n != 2 {
		t.Errorf("%d objects are gone, want binding and real", n)
	}
	if len(w.reals) != 1 || len(w.bindings) != 1 || len(w.virtuals) != 1 {
		t.Errorf("left are %d reals, %d bindings, %d virtuals", len(w.reals), len(w.bindings), len(w.virtuals))
	}
}

func TestSlotIsReusedAndCountsFromZero(t *testing.T) {
	w := newWorld(t)
	w.adopt([]string{"a 10.0.0.1:80", "b 10.0.0.2:80"}, "a b")
	a := w.binding("v0", "a")
	for range 5 {
		w.open(0, a)
		w.close(0, a)
	}
	w.adopt([]string{"b 10.0.0.2:80"}, "b")
	w.adopt([]string{"b 10.0.0.2:80", "c 10.0.0.3:80"}, "b c")
	if c := w.binding("v0", "c"); c.slot == a.slot || c.real.slot == a.real.slot {
		t.Error("slots were given again before anybody let go of them")
	}
	w.reap(w.counts, &fakeSticky{}, w.generation)
	w.adopt([]string{"b 10.0.0.2:80", "c 10.0.0.3:80", "d 10.0.0.4:80"}, "b c d")
	d := w.binding("v0", "d")
	if d.slot != a.slot || d.real.slot != a.real.slot {
		t.Errorf("binding and real got slots %d and %d, want %d and %d again", d.slot, d.real.slot, a.slot, a.real.slot)
	}
	if n := w.total("v0", "d"); n != 0 {
		t.Errorf("the reused slot begins at %d connections", n)
	}
	w.open(0, d)
	if n := w.total("v0", "d"); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestRealComesBackWhileItDrains(t *testing.T) {
	w := newWorld(t)
	w.adopt([]string{"a 10.0.0.1:80", "b 10.0.0.2:80"}, "a b")
	a := w.binding("v0", "a")
	w.open(0, a)
	w.adopt([]string{"b 10.0.0.2:80"}, "b")
	w.adopt([]string{"a 10.0.0.1:80", "b 10.0.0.2:80"}, "a b")
	if w.binding("v0", "a") != a || a.draining || a.real.draining {
		t.Fatal("it did not come back as the same")
	}
	w.close(0, a)
	if w.reap(w.counts, &fakeSticky{}, w.generation) != 0 {
		t.Error("reaped though it is back")
	}
	// It leaves again: what counts is the generation of that.
	before := w.generation
	w.adopt([]string{"b 10.0.0.2:80"}, "b")
	if w.reap(w.counts, &fakeSticky{}, before) != 0 {
		t.Error("reaped by an acknowledgement of rules that had it")
	}
	// And while it drains, other changes do not put its end off.
	w.adopt([]string{"b 10.0.0.2:80"}, "b", "b")
	if w.reap(w.counts, &fakeSticky{}, w.generation-1) != 2 {
		t.Error("a later change put its end off")
	}
}

func TestRenamedRealStaysTheSame(t *testing.T) {
	w := newWorld(t)
	w.adopt([]string{"a 10.0.0.1:80"}, "a")
	a := w.binding("v0", "a")
	w.open(0, a)
	w.adopt([]string{"z 10.0.0.1:80"}, "z")
	if z := w.binding("v0", "z"); z != a || z.draining {
		t.Error("a new name made it another real")
	}
	if len(w.bindings) != 1 || len(w.reals) != 1 {
		t.Error("the old name is still there")
	}
}

func TestChangedEndpointDrains(t *testing.T) {
	w := newWorld(t)
	w.adopt([]string{"a 10.0.0.1:80"}, "a")
	old := w.binding("v0", "a")
	for range 3 {
		w.open(0, old)
	}
	w.adopt([]string{"a 10.0.0.1:8080"}, "a")
	now := w.binding("v0", "a")
	if now == old || !old.draining || !old.real.draining || now.real.slot == old.real.slot {
		t.Fatal("another port did not make another real")
	}
	w.open(1, now)
	if n := w.total("v0", "a"); n != 4 {
		t.Errorf("old and new count %d connections, want 4", n)
	}
	for range 3 {
		w.close(0, old)
	}
	w.reap(w.counts, &fakeSticky{}, w.generation)
	if len(w.bindings) != 1 {
		t.Fatal("the old binding is still there")
	}
	if n := w.total("v0", "a"); n != 4 {
		t.Errorf("without the old one it counts %d connections: a total must not fall", n)
	}
}

func TestRemovedVirtualDrains(t *testing.T) {
	w := newWorld(t)
	w.adopt([]string{"a 10.0.0.1:80"}, "a", "a", "")
	gone, empty := w.binding("v1", "a"), len(w.virtuals)
	w.open(0, gone)
	w.adopt([]string{"a 10.0.0.1:80"}, "a")
	if w.reap(w.counts, &fakeSticky{}, w.generation) != 1 || len(w.virtuals) != empty-1 {
		t.Error("the virtual without reals has no reason to stay")
	}
	if !gone.virtual.draining || gone.real.draining {
		t.Error("the virtual does not drain, or its real does")
	}
	w.close(0, gone)
	if w.reap(w.counts, &fakeSticky{}, w.generation) != 2 || len(w.virtuals) != 1 {
		t.Error("the virtual does not go with its last binding")
	}
}

func TestFitsBeforeAnythingChanges(t *testing.T) {
	w := newWorld(t)
	w.realSlots.limit, w.virtualSlots.limit, w.bindingSlots.limit = 3, 3, 4
	w.adopt([]string{"a 10.0.0.1:80", "b 10.0.0.2:80"}, "a b")
	try := func(what string, reals, virtuals int) {
		t.Helper()
		c := &conf.Config{Name: "dir.yaml"}
		var all []string
		for i := range reals {
			name := fmt.Sprint("r", i)
			all = append(all, name)
			c.Reals = append(c.Reals, conf.Real{Name: name, Address: addr(fmt.Sprintf("10.0.1.%d", i)), Port: 80})
		}
		for i := range virtuals {
			c.Virtuals = append(c.Virtuals, conf.Virtual{Name: fmt.Sprint("v", i), Address: addr("192.0.2.10"), Port: uint16(80 + i), Protocol: conf.TCP, Reals: all})
		}
		err := w.fits(c)
		if what == "" {
			if err != nil {
				t.Errorf("%d reals and %d virtuals do not fit: %v", reals, virtuals, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), what) || !strings.HasPrefix(err.Error(), "dir.yaml: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d reals and %d virtuals: %v, want one line about %s", reals, virtuals, err, what)
		}
	}
	try("reals", 2, 1) // 2 drain, 3 fit
	try("virtuals", 1, 4)
	try("bindings", 1, 3)
	try("", 1, 2)
	if a := w.binding("v0", "a"); a.draining || len(w.reals) != 2 {
		t.Error("a refused configuration changed something")
	}
}

func TestSlots(t *testing.T) {
	s := slots{what: "things", limit: 3}
	for want := uint32(1); want <= 3; want++ {
		if got, err := s.take(); err != nil || got != want {
			t.Fatalf("slot %d, %v; want %d", got, err, want)
		}
	}
	if _, err := s.take(); err == nil || !strings.Contains(err.Error(), "things") || !s.exhausted() {
		t.Errorf("a fourth: %v", err)
	}
	s.release(2)
	if got, err := s.take(); err != nil || got != 2 {
		t.Errorf("slot %d, %v; want 2 again", got, err)
	}
}
