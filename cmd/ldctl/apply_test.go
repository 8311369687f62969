package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"linedirector/control/api"
)

// goodConfig differs from the example's in three reals.
const goodConfig = `ports:
  - {name: outside, device: "net_af_packet0,iface=eth1", addresses: [192.0.2.1/24]}
  - {name: inside, device: "net_af_packet1,iface=eth2", addresses: [10.0.0.1/24]}
reals:
  - {name: web1, address: 10.0.0.11, port: 8080, weight: 1}
  - {name: web3, address: 10.0.0.13, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [web1, web3]}
`

const goodChanges = `~ real web1 weight 3 → 1
+ real web3 10.0.0.13
- real web2 10.0.0.12
`

// written makes a file in a directory of its own, and returns its path.
func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	t.Setenv(socketVariable, "/nowhere") // it asks no director
	path := written(t, goodConfig)
	if out := good(t, "check", path); out != path+": good: 2 ports, 1 virtuals, 2 reals\n" {
		t.Errorf("%s", out)
	}
	if out := good(t, "check", "-"); out != "<stdin>: good: 2 ports, 1 virtuals, 2 reals\n" {
		t.Errorf("%s", out)
	}
	path = written(t, strings.NewReplacer("weight: 1", "weight: -1", "port: 80,", "port: x,").Replace(goodConfig))
	code, out, err := ldctl(t, "check", path)
	if code != exitFailed || out != "" || !strings.HasPrefix(err, "ldctl: "+path+":5:") || strings.Count(err, "\n") != 2 {
		t.Errorf("%d %s%s", code, out, err)
	}
}

// As of diff(1): 0 where nothing differs, 1 where something does, 2 where that cannot be told.
func TestDiff(t *testing.T) {
	b := director(t)
	was := b.Config()
	code, out, err := ldctl(t, "diff", written(t, goodConfig))
	if code != 1 || out != goodChanges || err != "" {
		t.Errorf("%d %s%s", code, out, err)
	}
	code, out, err = ldctl(t, "diff", "-", "-o", "json")
	var got struct{ Changes []api.Change }
	if json.Unmarshal([]byte(out), &got) != nil || code != 1 || err != "" || len(got.Changes) != 3 {
		t.Errorf("%d %s%s", code, out, err)
	}
	code, out, err = ldctl(t, "diff", written(t, was.Text))
	if code != 0 || out != "nothing changes\n" || err != "" {
		t.Errorf("%d %s%s", code, out, err)
	}
	code, out, err = ldctl(t, "diff", written(t, "reals: []"))
	if code != 2 || out != "" || !strings.Contains(err, "new.yaml:1:") {
		t.Errorf("%d %s%s", code, out, err)
	}
	if is := b.Config(); is != was {
		t.Errorf("it changed %+v", is)
	}
}

func TestApply(t *testing.T) {
	b := director(t)
	was, path := b.Config(), written(t, goodConfig)
	if out := good(t, "apply", path, "--dry-run"); out != goodChanges+"3 changes not applied\n" {
		t.Errorf("%s", out)
	}
	if is := b.Config(); is != was {
		t.Errorf("it changed %+v", is)
	}
	if out := good(t, "apply", path); out != goodChanges+"3 changes applied\n" {
		t.Errorf("%s", out)
	}
	if is := b.Config(); is.File != path || is.Text != goodConfig {
		t.Errorf("%+v", is)
	}
	if out := good(t, "apply", "-"); out != "nothing changes\n" {
		t.Errorf("%s", out)
	}
	if is := b.Config(); is.File != "<stdin>" {
		t.Errorf("%+v", is)
	}
	b.Before = &was
	if out := good(t, "apply", "--previous", "--dry-run"); !strings.HasSuffix(out, "3 changes not applied\n") || b.Config().Text == was.Text {
		t.Errorf("%s", out)
	}
	out := good(t, "apply", "--previous", "-o", "yaml")
	var got struct {
		Changes []map[string]string
		DryRun  bool `yaml:"dry_run"`
	}
	if err := yaml.Unmarshal([]byte(out), &got); err != nil || len(got.Changes) != 3 || got.DryRun || b.Config().Text != was.Text {
		t.Errorf("%s%v", out, err)
	}
}

// A wrong file is told line by line, and that it did nothing comes last.
func TestApplyWrong(t *testing.T) {
	b := director(t)
	was := b.Config()
	path := written(t, strings.NewReplacer("weight: 1", "weight: -1", "port: 80,", "port: x,").Replace(goodConfig))
	code, out, err := ldctl(t, "apply", path)
	lines := strings.Split(err, "\n")
	if code != exitFailed || out != "" || len(lines) != 4 || !strings.HasPrefix(lines[0], "ldctl: "+path+":5:") ||
		!strings.HasPrefix(lines[1], path+":8:") || lines[2] != "nothing was changed" {
		t.Errorf("%d %s%q", code, out, lines)
	}
	if is := b.Config(); is != was {
		t.Errorf("it changed %+v", is)
	}
}

func TestShowConfig(t *testing.T) {
	b := director(t)
	if out := good(t, "show", "config"); out != b.InForce.Text {
		t.Errorf("%s", out)
	}
	if out := good(t, "show", "config", "--previous"); out != b.Before.Text {
		t.Errorf("%s", out)
	}
	b.InForce.Text = "ports: []" // whoever wrote it left the last line's end away
	const head = `# "/etc/linedirector.yaml", applied 2025-11-25 03:55:00, generation 7` + "\n"
	if out := good(t, "show", "config", "-o", "wide"); out != head+"ports: []\n" {
		t.Errorf("%s", out)
	}
	var got api.Config
	if out := good(t, "show", "config", "-o", "json"); json.Unmarshal([]byte(out), &got) != nil || got != b.InForce {
		t.Errorf("%s", out)
	}
	b.Before = nil
	code, _, err := ldctl(t, "show", "config", "--previous")
	if code != exitFailed || err != "ldctl: there is no configuration before; none was applied since the director's start\n" {
		t.Errorf("%d %s", code, err)
	}
}

func TestSet(t *testing.T) {
	b := director(t)
	out := good(t, "set", "real", "web1", "state", "maintenance")
	if !strings.Contains(out, "web1") || !strings.Contains(out, "maintenance") || strings.Count(out, "\n") != 2 || strings.Contains(out, "WEIGHT") {
		t.Errorf("%s", out)
	}
	if r := b.Reals()[0]; r.State != api.Maintenance || r.Weight != 3 {
		t.Errorf("%+v", r)
	}
	out = good(t, "set", "real", "web1", "state", "in-service", "-o", "json")
	var got struct{ Reals []api.Real }
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Reals) != 1 || got.Reals[0].State != api.InService {
		t.Errorf("%s, %v", out, err)
	}
	out = good(t, "set", "real", "web1", "weight", "7", "load", "5", "maxconns", "0", "state", "sticky-only")
	if !strings.Contains(out, "WEIGHT") { // as what was set is only there
		t.Errorf("%s", out)
	}
	if r := b.Reals()[0]; r.State != api.StickyOnly || r.Weight != 7 || r.Load != 5 || r.MaxConns != 0 || !slices.Contains(r.Overrides, "load") {
		t.Errorf("%+v", r)
	}
}

func TestFlush(t *testing.T) {
	b := director(t)
	for args, want := range map[string]string{
		"flush real spare":                            "real spare: 40 connections cut\n",
		"flush reals ns":                              "real ns: 0 connections cut\n",
		"flush virtual web":                           "virtual web: 1249 connections cut\n",
		"flush real web2 -o json":                     "{\n  \"connections\": 12\n}\n",
		"flush virtual dns -o yaml":                   "connections: 0\n",
		"flush sticky --real web1 --client 1.2.3.4":   "0 sticky entries forgotten\n",
		"flush sticky --real web2":                    "1 sticky entry forgotten\n",
		"flush sticky --virtual web --real spare":     "1 sticky entry forgotten\n",
		"flush sticky --group shop --real ns -o yaml": "entries: 0\n",
	} {
		if out := good(t, strings.Fields(args)...); out != want {
			t.Errorf("ldctl %s: %q, want %q", args, out, want)
		}
	}
	if len(b.StickyList) != 1 || b.StickyList[0].Real != "web1" {
		t.Errorf("%+v", b.StickyList)
	}
}
