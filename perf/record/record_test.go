package record

import (
	"strings"
	"testing"
)

func TestSplice(t *testing.T) {
	page := Page{File: "docs/some.md", Target: "some"}
	text, err := page.Splice("head\n"+page.Begin()+"old\n"+page.End()+"tail\n", "new")
	if want := "head\n" + page.Begin() + "\nnew\n" + page.End() + "tail\n"; err != nil || text != want {
		t.Errorf("%q, %v; want %q", text, err, want)
	}
	for _, bad := range []string{"", page.Begin(), page.End() + page.Begin()} {
		if _, err := page.Splice(bad, "new"); err == nil || !strings.Contains(err.Error(), "docs/some.md") {
			t.Errorf("marks %q: %v, want an error with the file's name", bad, err)
		}
	}
}

func TestInspect(t *testing.T) {
	m, err := Inspect("make some", map[string][]string{"echo": {"echo", "1.2"}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Versions["echo"] != "1.2" || m.Versions["go"] == "" || m.CPUs < 1 || m.Kernel == "" || m.MemoryMB == 0 || m.LoadBefore == "" {
		t.Errorf("%+v", m)
	}
	if place := m.Place(); !strings.Contains(place, "echo 1.2, go1.") || !strings.Contains(place, m.Kernel) {
		t.Errorf("%q", place)
	}
	if !strings.Contains(m.Markdown(), "make some") || !strings.HasSuffix(m.Name(), m.Commit) {
		t.Errorf("%q, %q", m.Markdown(), m.Name())
	}
	if _, err := Inspect("", map[string][]string{"none": {"/no/such/program"}}); err == nil {
		t.Error("a program that is not there, no error")
	}
}
