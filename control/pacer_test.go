package control

import (
	"testing"
	"time"
)

// Control looks quickly while something happens, and for a while after.
func TestPacer(t *testing.T) {
	p := newPacer(1)
	changes := 0
	look := func(found bool, want time.Duration) {
		t.Helper()
		if p.looked(found) {
			changes++
		}
		if p.pace != want {
			t.Fatalf("pace %v, want %v", p.pace, want)
		}
	}
	for range patientLooks - 1 {
		look(false, 2*time.Millisecond)
	}
	for range 3 {
		look(false, 10*time.Millisecond)
	}
	look(true, 2*time.Millisecond)
	look(true, 2*time.Millisecond)
	if changes != 2 {
		t.Errorf("%d changes of pace, want 2", changes)
	}
	several := newPacer(2)
	for range 2 * patientLooks {
		if several.looked(false) || several.pace != time.Millisecond {
			t.Fatal("several workers must know of one another's load each millisecond")
		}
	}
}
