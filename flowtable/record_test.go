package flowtable

import (
	"reflect"
	"testing"
)

// The byte layout that docs/design/0001-flow-table.md publishes.
func TestRecordLayout(t *testing.T) {
	want := []struct {
		field  string
		offset uintptr
	}{
		{"Real", 0},
		{"Client", 4},
		{"Virtual", 8},
		{"RealPort", 12},
		{"ClientPort", 14},
		{"VirtualPort", 16},
		{"Protocol", 18},
		{"Phase", 19},
		{"L3Diff", 20},
		{"L4Diff", 22},
		{"Last", 24},
		{"Binding", 28},
		{"RealSlot", 32},
		{"VirtualSlot", 34},
		{"RouteGeneration", 36},
		{"ToReal", 38},
		{"ToClient", 40},
		{"Flags", 42},
		{"SYNs", 43},
		{"Extension", 44},
		{"union", 48},
	}
	record := reflect.TypeFor[Record]()
	if record.NumField() != len(want) {
		t.Errorf("%d fields, want %d", record.NumField(), len(want))
	}
	for _, w := range want {
		if f, ok := record.FieldByName(w.field); !ok || f.Offset != w.offset {
			t.Errorf("%s at byte %d, want %d", w.field, f.Offset, w.offset)
		}
	}
	if f, _ := reflect.TypeFor[bucket]().FieldByName("ref"); f.Offset != 32 {
		t.Errorf("refs at byte %d of a bucket", f.Offset)
	}
}

func TestMatchesIsTheKeysOfBothDirections(t *testing.T) {
	r := flow(3)
	for _, d := range []Direction{Forward, Reply} {
		for _, other := range []Direction{Forward, Reply} {
			k := key(&r, other)
			if got, want := r.Matches(&k, d), d == other; got != want {
				t.Errorf("key of direction %d matches direction %d: %v", other, d, got)
			}
		}
		for bit := range 104 {
			k := key(&r, d)
			flip(&k, bit)
			if r.Matches(&k, d) {
				t.Errorf("direction %d: matches with bit %d of the key flipped", d, bit)
			}
		}
	}
}

// TestTranslated: the real's packets show another port of the client's, the client's their own.
func TestTranslated(t *testing.T) {
	r := flow(3)
	plain := r
	if r.ShownPort() != r.ClientPort {
		t.Errorf("port %d is shown, want %d", r.ShownPort(), r.ClientPort)
	}
	r.Translate(65535)
	want := plain.ReplyKey()
	want.DstPort = 65535
	if r.ForwardKey() != plain.ForwardKey() || r.ReplyKey() != want || r.ShownPort() != 65535 || r.ClientPort != plain.ClientPort {
		t.Errorf("keys %+v and %+v, want %+v and %+v", r.ForwardKey(), r.ReplyKey(), plain.ForwardKey(), want)
	}
	for _, r := range []Record{plain, r} {
		for _, d := range []Direction{Forward, Reply} {
			k := key(&r, d)
			if !r.Shows(&k, d) || r.Shows(&k, 1-d) {
				t.Errorf("%+v is not of %+v going the way %d alone", k, r, d)
			}
			for bit := range 104 {
				k := key(&r, d)
				flip(&k, bit)
				if r.Shows(&k, d) {
					t.Errorf("direction %d: shows with bit %d of the key flipped", d, bit)
				}
			}
		}
	}
	if k := plain.ReplyKey(); r.Shows(&k, Reply) {
		t.Error("the real's packets to the client's own port are of the translated flow")
	}
}

// flip turns one of the 104 bits of a five-tuple.
func flip(k *Key, bit int) {
	switch {
	case bit < 32:
		k.Src ^= 1 << bit
	case bit < 64:
		k.Dst ^= 1 << (bit - 32)
	case bit < 80:
		k.SrcPort ^= 1 << (bit - 64)
	case bit < 96:
		k.DstPort ^= 1 << (bit - 80)
	default:
		k.Protocol ^= 1 << (bit - 96)
	}
}

func TestUnionHoldsSYNThenCounters(t *testing.T) {
	r := flow(1)
	r.Phase, r.SYNs = HalfOpen, 1
	r.SetSYN(0xFFFFFFFE, 0xFFFFFFFD)
	r.SetNeighbours(0xFFFFFFFC, 0xFFFFFFFB)
	if older, newer := r.Neighbours(); r.ISN() != 0xFFFFFFFE || r.FirstSYN() != 0xFFFFFFFD || older != 0xFFFFFFFC || newer != 0xFFFFFFFB {
		t.Errorf("ISN %#x, first SYN %#x, neighbours %#x and %#x", r.ISN(), r.FirstSYN(), older, newer)
	}
	r.SetSYN(1, 2)
	if older, newer := r.Neighbours(); r.ISN() != 1 || r.FirstSYN() != 2 || older != 0xFFFFFFFC || newer != 0xFFFFFFFB {
		t.Errorf("another attempt: ISN %#x, first SYN %#x, neighbours %#x and %#x", r.ISN(), r.FirstSYN(), older, newer)
	}
	r.Establish(Established)
	if r.Phase != Established || r.Bytes(Forward) != 0 || r.Bytes(Reply) != 0 {
		t.Errorf("established as %v with %d and %d bytes", r.Phase, r.Bytes(Forward), r.Bytes(Reply))
	}
	r.Count(Forward, 60)
	r.Count(Reply, 1514)
	r.Count(Reply, 65535)
	if r.Bytes(Forward) != 60 || r.Bytes(Reply) != 67049 {
		t.Errorf("%d and %d bytes", r.Bytes(Forward), r.Bytes(Reply))
	}
}

func TestPhases(t *testing.T) {
	for _, c := range []struct {
		phase                    Phase
		word                     string
		counted, steady, opening bool
	}{
		{Free, "free", false, false, false},
		{HalfOpen, "half-open", true, false, true},
		{Established, "established", true, true, false},
		{Closing, "closing", false, false, false},
		{Reset, "reset", false, false, false},
		{UDP, "udp", true, true, false},
		{Ditched, "ditched", false, false, true},
	} {
		if r := (Record{Phase: c.phase}); r.Steady() != c.steady || c.phase.Opening() != c.opening {
			t.Errorf("%v is steady: %v, opening: %v", c.phase, r.Steady(), c.phase.Opening())
		}
		for _, flag := range []uint8{Watched, Translated} {
			if r := (Record{Phase: c.phase, Flags: flag}); r.Steady() {
				t.Errorf("%v is steady although its flags are %#x", c.phase, flag)
			}
		}
		if c.phase.String() != c.word || c.phase.Counted() != c.counted {
			t.Errorf("%v counts: %v; want %s, %v", c.phase, c.phase.Counted(), c.word, c.counted)
		}
	}
}

// What the datapath reads by direction without a branch is what the fields say.
func TestTargetAndNextHop(t *testing.T) {
	r := flow(3)
	r.L3Diff, r.L4Diff, r.ToReal, r.ToClient = 0x1234, 0xFEDC, 7, 9
	if a, p, l3, l4 := r.Target(Forward); a != r.Real || p != r.RealPort || l3 != 0x1234 || l4 != 0xFEDC || r.NextHop(Forward) != 7 {
		t.Errorf("forward: %#x:%d, sums %#x %#x, next hop %d", a, p, l3, l4, r.NextHop(Forward))
	}
	if a, p, l3, l4 := r.Target(Reply); a != r.Virtual || p != r.VirtualPort || l3 != 0xEDCB || l4 != 0x0123 || r.NextHop(Reply) != 9 {
		t.Errorf("reply: %#x:%d, sums %#x %#x, next hop %d", a, p, l3, l4, r.NextHop(Reply))
	}
}
