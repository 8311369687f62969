package control

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linedirector/conf"
	"linedirector/control/api"
)

func TestApply(t *testing.T) {
	inRun(t, shop, func(t *testing.T, r *rig) {
		more := strings.Replace(shop, "weight: 3", "weight: 4", 1)
		_, before := r.workers.last()
		dry, err := r.Apply("next.yaml", []byte(more), api.ApplyOptions{DryRun: true})
		want := api.Change{Kind: "real", Name: "a", Field: "weight", From: "3", To: "4"}
		if err != nil || !dry.DryRun || len(dry.Changes) != 1 || dry.Changes[0] != want {
			t.Fatalf("%+v, %v", dry, err)
		}
		if _, n := r.workers.last(); n != before || r.Reals()[0].Weight != 3 {
			t.Fatal("a dry run changed something")
		}
		if _, ok := r.Previous(); ok {
			t.Error("there is a configuration before the first")
		}
		if _, err := r.Rollback(api.ApplyOptions{}); err == nil {
			t.Error("went back to nothing")
		}
		done, err := r.Apply("next.yaml", []byte(more), api.ApplyOptions{})
		if err != nil || done.DryRun || len(done.Changes) != 1 || r.Reals()[0].Weight != 4 {
			t.Fatalf("%+v, %v", done, err)
		}
		if is := r.Config(); is.File != "next.yaml" || is.Text != more || is.Generation == 0 || is.Applied.IsZero() {
			t.Errorf("in force: %+v", is)
		}
		if was, ok := r.Previous(); !ok || was.File != "dir.yaml" || was.Text != shop {
			t.Errorf("before: %+v", was)
		}
		for _, bad := range []string{"reals: [", strings.Replace(more, "weight: 4", "weight: -4", 1), strings.Replace(more, "net_null1", "net_null2", 1)} {
			var e conf.Errors
			if _, err := r.Apply("bad.yaml", []byte(bad), api.ApplyOptions{}); !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "bad.yaml:") {
				t.Errorf("%v", err)
			}
		}
		if r.Config().File != "next.yaml" {
			t.Error("a bad configuration is in force")
		}
		if changes, err := r.Diff("old.yaml", []byte(shop)); err != nil || len(changes) != 1 || changes[0].To != "3" {
			t.Errorf("%+v, %v", changes, err)
		}
		if back, err := r.Rollback(api.ApplyOptions{}); err != nil || len(back.Changes) != 1 || r.Reals()[0].Weight != 3 || r.Config().File != "dir.yaml" {
			t.Errorf("%+v, %v", back, err)
		}
		if was, _ := r.Previous(); was.File != "next.yaml" {
			t.Errorf("after a rollback the one before is %s", was.File)
		}
	})
}

// Each configuration that took effect is kept in a file, whole.
func TestKeepsTheLastGood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "last-good.yaml")
	kept := func() string {
		text, _ := os.ReadFile(path)
		return string(text)
	}
	r := newRigWith(t, 1, shop, func(c *Config) { c.Keep = path })
	if kept() != shop {
		t.Fatalf("kept %q", kept())
	}
	more := strings.Replace(shop, "weight: 3", "weight: 4", 1)
	if err := r.Reload(parse(t, more)); err != nil || kept() != more {
		t.Errorf("%v, kept %q", err, kept())
	}
	if _, err := r.Apply("bad.yaml", []byte("reals: ["), api.ApplyOptions{}); err == nil || kept() != more {
		t.Errorf("%v, kept %q", err, kept())
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/.*"); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	r.keep = filepath.Join(t.TempDir(), "no", "such", "place")
	r.said()
	if err := r.Reload(parse(t, shop)); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(r.said(), "\n"); !strings.Contains(said, "--last-good") {
		t.Errorf("said %s", said)
	}
}

func TestChangesAreLogged(t *testing.T) {
	r := newRigOf(t, 1, shop)
	r.said()
	if err := r.Reload(parse(t, strings.Replace(shop, "weight: 3", "weight: 4", 1))); err != nil {
		t.Fatal(err)
	}
	said := strings.Join(r.said(), "\n")
	if want := "changed real=a field=weight from=3 to=4"; said != want {
		t.Errorf("said %q, want %q", said, want)
	}
}
