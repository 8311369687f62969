package api_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"linedirector/control/api"
)

var update = flag.Bool("update", false, "write the answers in docs/api.md anew")

const (
	document = "../../docs/api.md"
	command  = "$ curl --unix-socket " + api.DefaultSocket + " "
)

// example is a command of docs/api.md with what it answers; a text that is cut short ends with whole set to false.
type example struct {
	line               string
	method, path, body string
	want               string
	whole              bool
}

// examples reads the console blocks of docs/api.md.
func examples(t *testing.T, text string) (all []example) {
	t.Helper()
	files := map[string]string{"new.yaml": block(text, "yaml")}
	for _, block := range strings.Split(text, "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```\n")
		for line := range strings.Lines(block) {
			if args, ok := strings.CutPrefix(line, command); ok {
				e := curl(t, strings.TrimSpace(args), files)
				e.line = line
				all = append(all, e)
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

// block is the first block of code in a language.
func block(text, language string) string {
	_, text, _ = strings.Cut(text, "```"+language+"\n")
	text, _, _ = strings.Cut(text, "```\n")
	return text
}

// curl reads what stands behind the socket: [-X METHOD] [-d 'BODY'|--data-binary @FILE] URL.
func curl(t *testing.T, args string, files map[string]string) example {
	t.Helper()
	e := example{method: "GET", whole: true}
	if rest, ok := strings.CutPrefix(args, "-X "); ok {
		e.method, args, _ = strings.Cut(rest, " ")
	}
	if rest, ok := strings.CutPrefix(args, "-d '"); ok {
		e.method = "POST"
		e.body, args, _ = strings.Cut(rest, "' ")
	}
	if rest, ok := strings.CutPrefix(args, "--data-binary @"); ok {
		e.method = "POST"
		var name string
		name, args, _ = strings.Cut(rest, " ")
		if e.body = files[name]; e.body == "" {
			t.Fatalf("no file '%s'", name)
		}
	}
	path, ok := strings.CutPrefix(strings.Trim(args, "'"), "http://ld")
	if !ok {
		t.Fatalf("cannot read the command: curl %s", args)
	}
	e.path = path
	return e
}

// routeOf is the route that serves the example.
func (e *example) routeOf() string {
	path, _, _ := strings.Cut(e.path, "?")
	parts := strings.Split(path, "/")
	if len(parts) > 3 && (parts[2] == "reals" || parts[2] == "virtuals") {
		parts[3] = "{name}"
	}
	return e.method + " " + strings.Join(parts, "/")
}

// Every example of docs/api.md is true, and no route goes without one.
func TestDocumented(t *testing.T) {
	s := serve(t)
	read, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	text := string(read)
	var missing []string
	for _, r := range get[api.Index](s, "/v1").Routes {
		missing = append(missing, r.Method+" "+r.Path)
	}
	for _, e := range examples(t, text) {
		_, got := s.ask(e.method, e.path, e.body)
		if *update {
			text = e.written(text, got)
		} else if got != e.want && (e.whole || !strings.HasPrefix(got, e.want)) {
			t.Errorf("%s %s %s\ngot  %s\nwant %s", e.method, e.path, e.body, got, e.want)
		}
		route := e.routeOf()
		missing = slices.DeleteFunc(missing, func(r string) bool { return r == route })
	}
	if len(missing) > 0 {
		t.Errorf("docs/api.md has no example of %v", missing)
	}
	if *update {
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// written puts the answer behind the example's command, as many lines of it as there were where it is cut short.
func (e *example) written(text, got string) string {
	if !e.whole {
		lines := slices.Collect(strings.Lines(got))
		got = strings.Join(lines[:min(len(lines), strings.Count(e.want, "\n"))], "")
	}
	return strings.Replace(text, e.line+e.want, e.line+got, 1)
}
