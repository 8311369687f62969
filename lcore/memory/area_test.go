package memory

import (
	"slices"
	"testing"
)

type thing struct {
	a uint64
	b uint16
}

// What is given out lies apart, aligned, and holds what is written to it.
func TestArea(t *testing.T) {
	for _, a := range []*Area{nil, Over(aligned(4096))} {
		one, many, none := New[thing](a), Make[thing](a, 5), Make[thing](a, 0)
		text := Copy(a, []byte("a real and its virtuals"))
		one.a, one.b = 1, 2
		for i := range many {
			many[i] = thing{uint64(10 + i), uint16(20 + i)}
		}
		if *one != (thing{1, 2}) || many[4] != (thing{14, 24}) || len(none) != 0 || string(text) != "a real and its virtuals" {
			t.Errorf("%v, %v, %q", *one, many, text)
		}
		if Copy[int](a, nil) != nil {
			t.Error("nil does not stay nil")
		}
	}
}

func TestReset(t *testing.T) {
	a := Over(aligned(1024))
	first := Make[uint32](a, 3)
	if a.Used() != 12 {
		t.Errorf("%d bytes in use", a.Used())
	}
	if New[uint64](a); a.Used() != line+8 {
		t.Errorf("%d bytes in use", a.Used())
	}
	a.Reset()
	if again := Copy(a, []uint32{7, 8, 9}); &again[0] != &first[0] || !slices.Equal(first, []uint32{7, 8, 9}) {
		t.Error("not given out anew")
	}
}

// An area that is too small is found out at once, not when something is written behind it.
func TestTooSmall(t *testing.T) {
	a := Over(aligned(256))
	Make[byte](a, 100)
	defer func() {
		if recover() == nil {
			t.Error("129 bytes behind 100 of 256")
		}
	}()
	Make[byte](a, 129)
}
