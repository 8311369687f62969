package ruleset

import (
	"runtime"
	"testing"
)

// open counts a connection.
func open(c *Counts, binding uint32, real uint16) {
	c.Reserve(real, 0)
	c.Begin(binding)
}

func TestCounts(t *testing.T) {
	c := NewCounts(nil, Slots{Bindings: 5, Reals: 3, Virtuals: 1}, NewShared(nil, 3))
	c.Insert(5)
	open(c, 5, 3)
	c.Insert(5)
	open(c, 5, 3)
	c.Insert(1)
	open(c, 1, 3)
	c.Reserve(3, 0)
	c.Release(3)
	c.Reals[3].Others = 10
	if got := c.Load(3); got != 13 {
		t.Errorf("load %d, want 13", got)
	}
	c.Close(5, 3)
	if got := c.Binding(5); got != (BindingCount{Opened: 2, Closed: 1, Inserted: 2}) {
		t.Errorf("%+v", got)
	}
	c.Restore(5, 3)
	if got := c.Binding(5); got != (BindingCount{Opened: 2, Inserted: 2}) || c.Load(3) != 13 {
		t.Errorf("restored: %+v, load %d", got, c.Load(3))
	}
	for range 2 {
		c.Close(5, 3)
		c.Remove(5)
	}
	c.Close(1, 3)
	c.Remove(1)
	if got := c.Binding(5); got != (BindingCount{2, 2, 2, 2}) || c.Reals[3].Open != 0 || c.Load(3) != 10 || c.Load(1) != 0 || c.Shared.Connections(3) != 0 {
		t.Errorf("at the end: %+v, load %d, shared %d", got, c.Load(3), c.Shared.Connections(3))
	}
	if n := testing.AllocsPerRun(100, func() { open(c, 1, 1); c.Load(1); c.Close(1, 1); c.Binding(1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCountsConcurrently: a reader never sees more ends than beginnings, though the worker goes on.
func TestCountsConcurrently(t *testing.T) {
	c := NewCounts(nil, Slots{Bindings: 1, Reals: 1, Virtuals: 1}, NewShared(nil, 1))
	const n = 20_000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			c.Insert(1)
			open(c, 1, 1)
			if i%100 == 0 {
				runtime.Gosched()
			}
			c.Close(1, 1)
			c.Remove(1)
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if b := c.Binding(1); b.Closed > b.Opened || b.Removed > b.Inserted {
			t.Fatalf("%+v", b)
		}
	}
	if b := c.Binding(1); b != (BindingCount{n, n, n, n}) || c.Reals[1].Open != 0 {
		t.Errorf("%+v, %d open", b, c.Reals[1].Open)
	}
}
