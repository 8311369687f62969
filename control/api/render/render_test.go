package render_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"linedirector/control/api"
	"linedirector/control/api/apitest"
	"linedirector/control/api/render"
	journal "linedirector/control/events"
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
		{"sticky", 110, func(w io.Writer) error { return render.NewSticky(w).Page(b.StickyList) }},
		{"port", 110, func(w io.Writer) error { return render.Ports(w, b.PortList, false) }},
		{"port-wide", 400, func(w io.Writer) error { return render.Ports(w, b.PortList, true) }},
		{"neighbour", 110, func(w io.Writer) error { return render.Neighbours(w, b.NeighbourList) }},
		{"change", 110, func(w io.Writer) error { return render.Changes(w, changes) }},
		{"no-change", 110, func(w io.Writer) error { return render.Changes(w, nil) }},
		{"explanation", 110, func(w io.Writer) error { return render.Explanation(w, explained(b)) }},
		{"explanation-flow", 110, func(w io.Writer) error { return render.Explanation(w, known(b)) }},
		{"explanation-none", 110, func(w io.Writer) error { return render.Explanation(w, unknown(b)) }},
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

// changes has one of each kind.
var changes = []api.Change{
	{Kind: "real", Name: "web1", Field: "weight", From: "1", To: "3"},
	{Kind: "real", Name: "web1", Field: "backup", To: "spare"},
	{Kind: "virtual", Name: "shop", To: "192.0.2.10:80/tcp"},
	{Kind: "real", Name: "old", From: "10.0.0.9:80"},
	{Kind: "class", Name: "back office", Field: "prefixes", From: "10.0.0.0/8", To: "10.0.0.0/8, 172.16.0.0/12"},
	{Kind: "transit", From: "drop", To: "route"},
	{Kind: "probe", Name: "health"},
}

// explained is of a client that chooses anew.
func explained(b *apitest.Backend) *api.Explanation {
	e := b.Explained
	e.Client, e.To, e.Protocol = netip.MustParseAddrPort("203.0.113.9:50001"), netip.MustParseAddrPort("192.0.2.10:80"), "tcp"
	return &e
}

// known is of a client whose flow is there, and whose sticky entry is in use.
func known(b *apitest.Backend) *api.Explanation {
	e := explained(b)
	e.Class, e.Flow, e.Sticky, e.Real, e.Why, e.Reals = "staff", &b.FlowList[0], &b.StickyList[0], "web1", "its flow goes there", nil
	return e
}

// unknown is of one that is for no virtual.
func unknown(b *apitest.Backend) *api.Explanation {
	e := explained(b)
	e.Rule, e.Virtual, e.Sticky, e.Real, e.Why, e.Reals = "no virtual has port 80 of 192.0.2.10", "", nil, "", "no virtual takes it", nil
	return e
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

// An event that is of no real is its cause.
func TestEventOfNoReal(t *testing.T) {
	var b strings.Builder
	e := api.Event{Event: journal.Event{Seq: 7, Kind: journal.TakeOver, Time: apitest.Now, Cause: "control took over"}}
	if err := render.Event(&b, e, true, time.UTC); err != nil || !strings.HasPrefix(b.String(), "     7  ") || !strings.HasSuffix(b.String(), "  control took over\n") {
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

// YAML says what JSON says, under the same names and in the same order, whatever the text.
func TestYAML(t *testing.T) {
	b := apitest.New()
	for _, odd := range []string{
		"yes", "null", "1.5", "0x10", "2025-11-25", "", " ", "a: b", "- a", "#", "'", `"`, "a\nb\n", "\t", "é→😀", "<a>&b", "\u2028", "\x1b[31m", "{", "~",
	} {
		b.RealList = append(b.RealList, api.Real{Name: odd, Virtuals: []string{odd}})
	}
	for name, document := range map[string]any{
		"reals": b.RealList, "virtuals": b.VirtualList, "flows": b.FlowList, "ports": b.PortList, "explanation": explained(b), "config": b.InForce,
	} {
		var asYAML, asJSON bytes.Buffer
		if err := errors.Join(render.YAML(&asYAML, document), render.JSON(&asJSON, document)); err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := errors.Join(yaml.Unmarshal(asYAML.Bytes(), &got), yaml.Unmarshal(asJSON.Bytes(), &want)); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &asYAML)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-JSON +YAML)\n%s", name, diff)
		}
		if name == "config" && !strings.Contains(asYAML.String(), "text: |\n  ports:\n") {
			t.Errorf("a text of several lines is no block:\n%s", &asYAML)
		}
	}
	var first strings.Builder
	if err := render.YAML(&first, b.WorkerList[1:]); err != nil {
		t.Fatal(err)
	}
	const want = `- number: 1
  cpu: 3
  flows: 560
  capacity: 1048576
  guests: 0
  forward_packets_total: 0
  reply_packets_total: 0
  forward_bytes_total: 0
  reply_bytes_total: 0
  handed_over_total: 0
  drops_total: 0
  busy_share: 0
  longest_stall_seconds: 0.0121
`
	if first.String() != want {
		t.Errorf("%s\nwant %s", &first, want)
	}
}

// A list comes in pieces as YAML, too.
func TestYAMLPages(t *testing.T) {
	flows := apitest.New().FlowList
	var whole, pieces, none strings.Builder
	list, empty := render.NewYAMLList(&pieces, "flows"), render.NewYAMLList(&none, "flows")
	for _, f := range flows {
		if err := errors.Join(render.Add(list, []api.Flow{f}), render.Add(list, []api.Flow{})); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(list.End(), render.YAML(&whole, api.FlowPage{Flows: flows}), render.Add(empty, []api.Flow{}), empty.End()); err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := errors.Join(yaml.Unmarshal([]byte(whole.String()), &want), yaml.Unmarshal([]byte(pieces.String()), &got)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || none.String() != "flows: []\n" {
		t.Errorf("(-whole +pieces)\n%s\nnone: %q", diff, &none)
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
	y := render.NewYAMLList(w, "reals")
	for i, err := range []error{
		render.NewSticky(w).Page(nil), render.Ports(w, nil, false), render.Neighbours(w, nil), render.Changes(w, nil),
		render.Explanation(w, explained(b)), render.YAML(w, 1), render.JSON(w, 1), render.Add(y, b.RealList), render.NewYAMLList(w, "x").End(),
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
