package api_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"linedirector/control/api"
)

// example is a command of docs/api.md with what it answers; a text that is cut short ends with whole set to false.
type example struct {
	method, path, body string
	want               string
	whole              bool
}

// examples reads the console blocks of docs/api.md.
func examples(t *testing.T) (all []example) {
	t.Helper()
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```console\n")[1:]
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```\n")
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ curl --unix-socket "+api.DefaultSocket+" "); ok {
				all = append(all, curl(t, strings.TrimSpace(command)))
				continue
			}
			last := &all[len(all)-1]
			if line == "…\n" {
				last.whole = false
				continue
			}
			last.want += line
		}
	}
	return all
}

// curl reads what stands behind the socket: [-d 'BODY'] URL.
func curl(t *testing.T, args string) example {
	t.Helper()
	e := example{method: "GET", whole: true}
	if rest, ok := strings.CutPrefix(args, "-d '"); ok {
		e.method = "POST"
		e.body, args, _ = strings.Cut(rest, "' ")
	}
	path, ok := strings.CutPrefix(strings.Trim(args, "'"), "http://ld")
	if !ok {
		t.Fatalf("cannot read the command: curl %s", args)
	}
	e.path = path
	return e
}

// Every example of docs/api.md is true, and no route goes without one.
func TestDocumented(t *testing.T) {
	s := serve(t)
	var missing []string
	for _, r := range get[api.Index](s, "/v1").Routes {
		missing = append(missing, r.Method+" "+r.Path)
	}
	for _, e := range examples(t) {
		_, got := s.ask(e.method, e.path, e.body)
		if got != e.want && (e.whole || !strings.HasPrefix(got, e.want)) {
			t.Errorf("%s %s %s\ngot  %s\nwant %s", e.method, e.path, e.body, got, e.want)
		}
		path, _, _ := strings.Cut(e.path, "?")
		if name, ok := strings.CutPrefix(path, "/v1/reals/"); ok && name != "" {
			path = "/v1/reals/{name}"
		}
		missing = slices.DeleteFunc(missing, func(r string) bool { return r == e.method+" "+path })
	}
	if len(missing) > 0 {
		t.Errorf("docs/api.md has no example of %v", missing)
	}
}
