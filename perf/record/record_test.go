package record

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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

// TestCommit: what measurements publish makes a commit no other one, what they measure does.
func TestCommit(t *testing.T) {
	t.Chdir(t.TempDir())
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	files := []string{"docs/performance.md", "perf/device/results/a.json", "lcore/worker.go"}
	for _, name := range files {
		write(name, "before")
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "all")
	clean, err := commit()
	if err != nil || clean == "" {
		t.Fatalf("%q, %v", clean, err)
	}
	for i, name := range files {
		want := clean
		if i == len(files)-1 {
			want += "-dirty"
		}
		write(name, "after")
		if got, err := commit(); err != nil || got != want {
			t.Errorf("with %s changed: %q, %v, want %q", name, got, err, want)
		}
	}
}
