package conf

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"a", "", 1},
		{"", "abc", 3},
		{"same", "same", 0},
		{"adress", "address", 1},
		{"prot", "port", 1},
		{"kitten", "sitting", 3},
		{"idle", "idel", 1},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"name", "address", "port", "weight"}
	for _, c := range []struct{ text, want string }{
		{"adress", "address"},
		{"prot", "port"},
		{"wieght", "weight"},
		{"nam", "name"},
		{"maxconns", ""},
		{"x", ""},
		{"", ""},
	} {
		var g guesser
		if got, ok := g.nearest(c.text, keys); got != c.want || ok != (c.want != "") {
			t.Errorf("nearest(%q) = %q, %v, want %q", c.text, got, ok, c.want)
		}
	}
}
