package conf

import (
	"fmt"
	"testing"
)

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

func TestNearestNames(t *testing.T) {
	names := []string{"web1", "web2", "database", "", "x"}
	for text, want := range map[string]string{
		"web3": "web1", "wbe2": "web2", "databse": "database", "databaes": "database", "kuchen": "", "": "", "y": "", "wxyz": "", "WEB2": "",
	} {
		if got, ok := Nearest(text, names); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, ok, want)
		}
	}
	many := make([]string, 70000)
	for i := range many {
		many[i] = fmt.Sprintf("application-server-%05d-of-the-cluster", i)
	}
	if got, _ := Nearest("application-server-00007-of-teh-cluster", many); got != many[7] {
		t.Errorf("of many: %s", got)
	}
}

// The costliest wrong name takes little of the director's time.
func BenchmarkNearest(b *testing.B) {
	many := make([]string, maxGuesses)
	for i := range many {
		many[i] = fmt.Sprintf("application-server-%05d-of-the-cluster", i)
	}
	for b.Loop() {
		Nearest("application-sevrer-xxxxx-of-the-cluster", many)
	}
}
