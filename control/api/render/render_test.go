package render_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"linedirector/control/api"
	"linedirector/control/api/apitest"
	"linedirector/control/api/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The tables, letter for letter: go test ./control/api/render -update writes them anew.
func TestTables(t *testing.T) {
	b := apitest.New()
	for _, tt := range []struct {
		name  string
		width int // at most; wide tables may be wider than a terminal
		write func(io.Writer) error
	}{
		{"real", 110, func(w io.Writer) error { return render.Reals(w, b.RealList, false, apitest.Now) }},
		{"real-wide", 400, func(w io.Writer) error { return render.Reals(w, b.RealList, true, apitest.Now) }},
		{"virtual", 110, func(w io.Writer) error { return render.Virtuals(w, b.VirtualList, false) }},
		{"virtual-wide", 400, func(w io.Writer) error { return render.Virtuals(w, b.VirtualList, true) }},
		{"worker", 110, func(w io.Writer) error { return render.Workers(w, b.WorkerList, false) }},
		{"worker-wide", 400, func(w io.Writer) error { return render.Workers(w, b.WorkerList, true) }},
		{"flow", 110, func(w io.Writer) error { return render.NewFlows(w, false).Page(b.FlowList) }},
		{"flow-wide", 400, func(w io.Writer) error { return render.NewFlows(w, true).Page(b.FlowList) }},
		{"event", 200, func(w io.Writer) error { return events(w, b, false) }},
		{"event-wide", 200, func(w io.Writer) error { return events(w, b, true) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			if err := tt.write(&got); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for line := range strings.Lines(got.String()) {
				line = strings.TrimSuffix(line, "\n")
				if n := utf8.RuneCountInString(line); n > tt.width {
					t.Errorf("%d columns: %s", n, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("blanks at the end of %q", line)
				}
			}
		})
	}
}

func events(w io.Writer, b *apitest.Backend, wide bool) error {
	for _, e := range b.Log.Since(0) {
		if err := render.Event(w, api.Event{Event: e}, wide, time.UTC); err != nil {
			return err
		}
	}
	return nil
}

// The longest of what there can be still fits an ordinary terminal.
func TestLongestReal(t *testing.T) {
	var b strings.Builder
	r := apitest.New().RealList[0]
	r.Name, r.State, r.Connections, r.DitchedBySilenceTotal, r.DitchedByResetTotal = "application-17", api.ExternallyFailed, 12345678, 1234567, 1234567
	if err := render.Reals(&b, []api.Real{r}, false, apitest.Now); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(b.String(), "\n")
	if n := len(head); n < 80 || n > 110 {
		t.Errorf("%d columns", n)
	}
}

// A name that holds a line break or a terminal's escape does not get out of its cell.
func TestOddNames(t *testing.T) {
	r := api.Real{Name: "a b\n\x1b[31m", Cause: "two words\tx", Virtuals: []string{"v\nw"}}
	var b strings.Builder
	if err := render.Reals(&b, []api.Real{r}, true, apitest.Now); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if strings.Count(text, "\n") != 2 || strings.Contains(text, "\x1b") || !strings.Contains(text, `"a b\n\x1b[31m"`) || !strings.Contains(text, `"two words\tx"`) {
		t.Errorf("%q", text)
	}
	b.Reset()
	if err := render.Event(&b, api.Event{}, false, time.UTC); err != nil || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// Pages continue one table, and one document.
func TestPages(t *testing.T) {
	flows := apitest.New().FlowList
	flows[1].Real = "a<&>b" // nothing is escaped for HTML's sake
	var whole, pieces, document bytes.Buffer
	if err := render.NewFlows(&whole, false).Page(flows); err != nil {
		t.Fatal(err)
	}
	table, list := render.NewFlows(&pieces, false), render.NewList(&document, "flows")
	for _, f := range flows {
		if err := errors.Join(table.Page([]api.Flow{f}), render.Add(list, []api.Flow{f}), table.Page(nil), render.Add(list, []api.Flow{})); err != nil {
			t.Fatal(err)
		}
	}
	if err := list.End(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole.String(), pieces.String()); diff != "" {
		t.Errorf("in pieces (-whole +pieces)\n%s", diff)
	}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(api.FlowPage{Flows: flows}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), document.String()); diff != "" {
		t.Errorf("as JSON (-want +got)\n%s", diff)
	}
}

func TestEmptyList(t *testing.T) {
	var b strings.Builder
	l := render.NewList(&b, "flows")
	if err := errors.Join(render.Add(l, []api.Flow{}), l.End()); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != "{\n  \"flows\": []\n}\n" {
		t.Errorf("%q", got)
	}
}

// Nothing is swallowed.
func TestWriteErrors(t *testing.T) {
	b, w := apitest.New(), &full{}
	l := render.NewList(w, "reals")
	for i, err := range []error{
		render.Reals(w, b.RealList, false, apitest.Now), render.Virtuals(w, b.VirtualList, false), render.Workers(w, nil, true),
		render.NewFlows(w, false).Page(nil), render.Event(w, api.Event{}, false, time.UTC), render.Add(l, b.RealList), l.End(),
	} {
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

type full struct{}

func (*full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
