package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOutput writes a trial and a publication, and reads both.
func TestOutput(t *testing.T) {
	dir := t.TempDir()
	o := Output{
		Page: Page{File: filepath.Join(dir, "page.md"), Target: "some"}, Results: filepath.Join(dir, "results"),
		Images: filepath.Join(dir, "images"), Trials: filepath.Join(dir, "trials"),
	}
	begin := "head\n" + o.Page.Begin() + o.Page.End()
	if err := os.WriteFile(o.Page.File, []byte(begin), 0o600); err != nil {
		t.Fatal(err)
	}
	m := Machine{Date: time.Date(2000, 1, 2, 3, 4, 0, 0, time.UTC), Commit: "abc"}
	for _, c := range []struct {
		publish bool
		want    map[string]string
	}{
		{false, map[string]string{"page.md": begin, "trials/2000-01-02T0304-abc.json": "[\n\t7\n]\n", "trials/a.svg": "<svg>", "trials/some.md": "said\n"}},
		{true, map[string]string{"page.md": "\nsaid\n\n", "results/2000-01-02T0304-abc.json": "[\n\t7\n]\n", "images/a.svg": "<svg>"}},
	} {
		if err := o.Write(c.publish, &m, []int{7}, []Picture{{"a.svg", []byte("<svg>")}}, "said\n"); err != nil {
			t.Fatal(err)
		}
		for name, want := range c.want {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), want) {
				t.Errorf("publish %v: %s is %q, %v; want %q", c.publish, name, text, err, want)
			}
		}
	}
}

// TestTurn has two take turns.
func TestTurn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	done, err := Turn(file)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		done, err := Turn(file)
		if err == nil {
			done()
		}
		second <- err
	}()
	select {
	case <-second:
		t.Fatal("two turns at a time")
	case <-time.After(20 * time.Millisecond):
	}
	done()
	if err := <-second; err != nil {
		t.Error(err)
	}
	if _, err := Turn(filepath.Join(file, "no", "folder")); err == nil {
		t.Error("a lock in no folder, no error")
	}
}

func TestCommand(t *testing.T) {
	want := "go run ./perf/some --rounds 3 --publish"
	for _, args := range [][]string{
		{"--rounds", "3", "--publish"},
		{"--rounds", "3", "--lock", "a", "--publish"},
		{"--lock=a", "--rounds", "3", "--publish"},
		{"--rounds", "3", "--publish", "--lock"},
	} {
		if got := Command("go run ./perf/some", args); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
}

func TestMedian(t *testing.T) {
	if got := Median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median %v, want 2", got)
	}
	if got := Median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("median %v, want 2.5", got)
	}
}
