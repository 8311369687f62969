package ruleset

import (
	"reflect"
	"testing"

	"linedirector/lcore/memory"
)

// A copy says what the snapshot says, and shares nothing with it.
func TestCopy(t *testing.T) {
	src := &Source{
		Generation: 7, RouteGeneration: 3, TransitRoute: true, Secure: true, Local: []uint32{1, 2},
		Classes: []Class{{Prefix: 0x0a000000, Bits: 8, Class: 1}},
		Routes:  []Route{{Prefix: 0x0a000000, Bits: 24, Port: 1}, {Bits: 0, Hop: 5, Port: 2}},
		Reals:   map[uint16]Real{1: {Address: 11, Port: 80, MaxConns: 5}, 2: {Address: 12, Port: 80, Ramp: 9}, 3: {Address: 13, Port: 80, Load: 4}},
	}
	src.Ports[2] = Port{MAC: 99, Address: 98}
	members := []Member{{Binding: 1, Real: 1, Weight: 1}, {Binding: 2, Real: 2, Weight: 2}, {Binding: 3, Real: 3, Weight: 3}}
	for i, p := range []Predictor{Hash, Hash, Weighted, Loaded} {
		src.Virtuals = append(src.Virtuals, VirtualSource{
			Slot: uint16(i + 1), Address: 100, Port: uint16(80 + i), Protocol: 6, Class: uint16(i & 1), Predictor: p,
			Sticky: Sticky{Group: 1, Bits: 32, Timer: 5}, Members: members, Keepers: members, Trials: members[:1],
		})
	}
	s := Build(src)
	area := memory.Over(lines(1 << 20))
	c := s.Copy(area)
	if !reflect.DeepEqual(s, c) {
		t.Errorf("the copy differs:\n%+v\n%+v", s, c)
	}
	if len(c.tables) < 4 || &c.tables[1][0] == &s.tables[1][0] {
		t.Errorf("%d tables", len(c.tables))
	}
	small := area.Used()
	area.Reset()
	again := s.Copy(area)
	if area.Used() != small || !reflect.DeepEqual(s, again) {
		t.Error("a second copy in the same place differs")
	}
	// A slice that Copy forgets would be the same memory.
	a, b := reflect.ValueOf(*s), reflect.ValueOf(*c)
	for i := range a.NumField() {
		if f := a.Field(i); f.Kind() == reflect.Slice && f.Len() > 0 && f.Pointer() == b.Field(i).Pointer() {
			t.Errorf("%s is shared", a.Type().Field(i).Name)
		}
	}
	if &s.endpoints.table[0] == &c.endpoints.table[0] {
		t.Error("endpoints are shared")
	}
}

// What lies in slices of a snapshot holds no pointer: it is copied byte by byte.
func TestNoPointers(t *testing.T) {
	var walk func(name string, of reflect.Type)
	walk = func(name string, of reflect.Type) {
		switch of.Kind() {
		case reflect.Struct:
			for i := range of.NumField() {
				walk(name+"."+of.Field(i).Name, of.Field(i).Type)
			}
		case reflect.Array:
			walk(name, of.Elem())
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.String, reflect.UnsafePointer:
			t.Errorf("%s is a %v", name, of)
		}
	}
	s := reflect.TypeFor[Snapshot]()
	for i := range s.NumField() {
		f := s.Field(i)
		switch {
		case f.Name == "tables":
			walk(f.Name, f.Type.Elem().Elem())
		case f.Name == "endpoints":
			walk(f.Name, reflect.TypeFor[entry]())
		case f.Type.Kind() == reflect.Slice:
			walk(f.Name, f.Type.Elem())
		default:
			walk(f.Name, f.Type)
		}
	}
}
