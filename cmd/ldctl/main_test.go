package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v4"

	"linedirector/control/api"
	"linedirector/control/api/apitest"
	"linedirector/control/events"
)

var (
	update        = flag.Bool("update", false, "write the golden files anew")
	sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})
)

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// director serves the example, and has ldctl look there.
func director(t *testing.T) *apitest.Backend {
	t.Helper()
	backend := apitest.New()
	server, err := api.Serve(filepath.Join(t.TempDir(), "ctl"), backend, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	t.Setenv(socketVariable, server.Path())
	return backend
}

// stdin is what a command line may read.
const stdin = goodConfig

// ldctl runs a command line.
func ldctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(stdin), &out, &err, false})
	return code, out.String(), err.String()
}

// good runs a command line that must do.
func good(t *testing.T, args ...string) string {
	t.Helper()
	code, out, err := ldctl(t, args...)
	if code != 0 || err != "" {
		t.Fatalf("ldctl %v: exit code %d, %s", args, code, err)
	}
	return out
}

// golden compares with a table of control/api/render, but for how long ago things are.
func golden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("..", "..", "control", "api", "render", "testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cells(string(want)), cells(got)); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", name, diff)
	}
}

var aged = regexp.MustCompile(`\b\d+[smhd]\b`)

// cells are the words of each line.
func cells(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(aged.ReplaceAllString(line, "*")), " "))
	}
	return lines
}

func TestShow(t *testing.T) {
	director(t)
	for _, tt := range []struct{ args, golden string }{
		{"show real", "real"},
		{"show reals", "real"},
		{"show real -o table", "real"},
		{"show real -o wide", "real-wide"},
		{"-o wide show real", "real-wide"},
		{"show virtual", "virtual"},
		{"show virtuals --output wide", "virtual-wide"},
		{"show worker", "worker"},
		{"show workers -owide", "worker-wide"},
		{"show port", "port"},
		{"show ports -o wide", "port-wide"},
		{"show neighbour", "neighbour"},
		{"show neighbours -o wide", "neighbour"},
		{"show sticky", "sticky"},
		{"show sticky web", "sticky"},
		{"explain 203.0.113.9:50001 192.0.2.10:80", "explanation"},
		{"explain 203.0.113.9:50001 192.0.2.10:80/tcp -o wide", "explanation"},
		{"explain 203.0.113.9:50001 web", "explanation"},
		{"show flow", "flow"},
		{"show flows -o wide", "flow-wide"},
	} {
		golden(t, tt.golden, good(t, strings.Fields(tt.args)...))
	}
}

func TestShowNamed(t *testing.T) {
	director(t)
	for args, want := range map[string][]string{
		"show real web2":                                    {"web2"},
		"show real ns web1":                                 {"web1", "ns", "web1"},
		"show real --state failed":                          {"web2"},
		"show real --state draining":                        {"web1"},
		"show real --virtual web-tls":                       {"web1", "web2"},
		"show real web1 --virtual web":                      {"web1"},
		"show real --virtual dns --state testing":           nil,
		"show virtual --real web2":                          {"web", "web-tls"},
		"show virtual web dns --real ns":                    {"dns"},
		"show port inside":                                  {"inside"},
		"show neighbour 10.0.0.12 192.0.2.77":               {"10.0.0.12", "192.0.2.77"},
		"show sticky --group shop --real web1":              {"shop"},
		"show sticky --virtual web --client 203.0.113.0/24": {"shop"},
		"show sticky web-tls --limit 2":                     {"shop", "shop"},
		"show sticky --real ns":                             nil,
		"show virtual dns":                                  {"dns"},
		"show worker 1":                                     {"1"},
		"show flow dns":                                     {"198.51.100.8:5353"},
		"show flow --virtual web --phase half-open":         {"198.51.100.7:50002"},
		"show flow --real web1":                             {"198.51.100.7:50001"},
		"show flow --client 198.51.100.8/31":                {"198.51.100.8:5353"},
		"show flow --client 198.51.100.7 --limit 1":         {"198.51.100.7:50001"},
		"show flow --client 203.0.113.1":                    nil,
	} {
		var got []string
		for line := range strings.Lines(good(t, strings.Fields(args)...)) {
			got = append(got, strings.Fields(line)[0])
		}
		if !slices.Equal(got[1:], want) {
			t.Errorf("ldctl %s shows %v, want %v", args, got[1:], want)
		}
	}
}

func TestJSON(t *testing.T) {
	b := director(t)
	var got struct {
		Reals    []api.Real
		Virtuals []api.Virtual
		Workers  []api.Worker
		Flows    []api.Flow

		Sticky     []api.Sticky
		Ports      []api.Port
		Neighbours []api.Neighbour
	}
	for _, kind := range []string{"real", "virtual", "worker", "flow", "sticky", "port", "neighbour"} {
		text := good(t, "show", kind, "-o", "json")
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil || d.More() {
			t.Errorf("%s: %v in\n%s", kind, err, text)
		}
	}
	for _, diff := range []string{
		cmp.Diff(b.RealList, got.Reals, sameAddresses), cmp.Diff(b.VirtualList, got.Virtuals, sameAddresses),
		cmp.Diff(b.WorkerList, got.Workers), cmp.Diff(b.FlowList, got.Flows, sameAddresses),
		cmp.Diff(b.StickyList, got.Sticky, sameAddresses), cmp.Diff(b.PortList, got.Ports, sameAddresses),
		cmp.Diff(b.NeighbourList, got.Neighbours, sameAddresses),
	} {
		if diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	b.FlowList = nil
	if text := good(t, "show", "flow", "-o", "json"); text != "{\n  \"flows\": []\n}\n" {
		t.Errorf("no flows: %q", text)
	}
}

// More flows than a page holds come in pages, each flow once.
func TestFlowPages(t *testing.T) {
	b := director(t)
	template := b.FlowList[0]
	b.FlowList = nil
	const n = 2*api.DefaultPage + 7
	for i := range n {
		template.Client = netip.AddrPortFrom(template.Client.Addr(), uint16(i+1))
		b.FlowList = append(b.FlowList, template)
	}
	for limit, want := range map[int]int{0: n, 1: 1, api.DefaultPage: api.DefaultPage, api.DefaultPage + 1: api.DefaultPage + 1, n + 5: n} {
		var got struct{ Flows []api.Flow }
		text := good(t, "show", "flow", "-o", "json", "--limit", strconv.Itoa(limit))
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b.FlowList[:want], got.Flows, sameAddresses); diff != "" {
			t.Errorf("--limit %d (-want +got)\n%s", limit, diff)
		}
		if lines := strings.Count(good(t, "show", "flow", "--limit", strconv.Itoa(limit)), "\n"); lines != want+1 {
			t.Errorf("--limit %d: %d lines, want %d and a head", limit, lines, want)
		}
	}
}

func TestEvents(t *testing.T) {
	b := director(t)
	all, err := os.ReadFile("../../control/api/render/testdata/event.txt")
	if err != nil {
		t.Fatal(err)
	}
	first, second, _ := strings.Cut(string(all), "\n")
	second = strings.TrimSuffix(second, "\n")
	b.Log.Add(events.Event{Time: time.Now(), Kind: events.State, Real: "spare", From: api.InService, To: api.MaxCapacity})
	for args, want := range map[string][]string{
		"events":             {first, second, "spare"},
		"events --since 0":   {first, second, "spare"},
		"events --since 1":   {second, "spare"},
		"events --since 3":   nil,
		"events --since 10m": {"spare"},
	} {
		got := strings.Split(strings.TrimSuffix(good(t, strings.Fields(args)...), "\n"), "\n")
		if len(want) == 0 {
			want = []string{""}
		}
		if !slices.EqualFunc(got, want, strings.Contains) {
			t.Errorf("ldctl %s:\n%s\nwant\n%s", args, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	documents := strings.Split(good(t, "events", "-o", "yaml"), "---\n")[1:]
	for i, text := range documents {
		var seq struct{ Seq int }
		if err := yaml.Unmarshal([]byte(text), &seq); err != nil || seq.Seq != i+1 {
			t.Errorf("event %d: %v\n%s", i+1, err, text)
		}
	}
	if len(documents) != 3 {
		t.Errorf("%d events in YAML", len(documents))
	}
	if out := good(t, "events", "-o", "wide", "--since", "1"); !strings.HasPrefix(out, "     2  2025-11-25 03:59:57.000  ns ") {
		t.Errorf("%s", out)
	}
	var e api.Event
	if out := good(t, "events", "--since", "2", "-o", "json"); json.Unmarshal([]byte(out), &e) != nil || e.Seq != 3 || strings.Count(out, "\n") != 1 {
		t.Errorf("%s", out)
	}
}

// lines is a writer that tells how many lines it has.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
	at chan int
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.b.Write(p)
	l.at <- bytes.Count(l.b.Bytes(), []byte("\n"))
	return n, err
}

// Events are shown as they come, until the operator has seen enough, which is no failure.
func TestFollow(t *testing.T) {
	b := director(t)
	ctx, cancel := context.WithCancel(t.Context())
	out, stderr := &lines{at: make(chan int, 100)}, &bytes.Buffer{}
	code := make(chan int)
	go func() { code <- run(ctx, []string{"events", "-f", "--since", "2"}, streams{nil, out, stderr, false}) }()
	for i := range 5 {
		b.Log.Add(events.Event{Time: apitest.Now, Kind: events.State, Real: "n" + strconv.Itoa(i), From: api.Failed, To: api.Testing})
		if i == 0 {
			continue // ldctl may not follow yet; the journal keeps it
		}
		for n := range out.at {
			if n == i+1 {
				break
			}
		}
	}
	cancel()
	if c := <-code; c != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d, %s", c, stderr)
	}
	for i := range 5 {
		if !strings.Contains(out.b.String(), " n"+strconv.Itoa(i)+" ") {
			t.Errorf("no event %d in\n%s", i, &out.b)
		}
	}
}

func TestFollowToTheEnd(t *testing.T) {
	server, err := api.Serve(filepath.Join(t.TempDir(), "ctl"), apitest.New(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	out, stderr := &lines{at: make(chan int, 100)}, &bytes.Buffer{}
	code := make(chan int)
	go func() {
		code <- run(t.Context(), []string{"events", "-f", "--socket", server.Path()}, streams{nil, out, stderr, false})
	}()
	for range 2 {
		<-out.at
	}
	path := server.Path()
	server.Close()
	if c := <-code; c != exitFailed || stderr.String() != "ldctl: the director at "+path+" stopped\n" {
		t.Errorf("exit code %d, %s", c, stderr)
	}
}

func TestVersion(t *testing.T) {
	if out := good(t, "--version"); out != "ldctl "+version+"\n" {
		t.Errorf("%q", out)
	}
}

// The help, word for word: go test ./cmd/ldctl -run Help -update writes it anew.
func TestHelp(t *testing.T) {
	t.Setenv(socketVariable, "")
	const file = "testdata/help.txt"
	for _, args := range []string{"--help", "-h", "show real --help"} {
		got := good(t, strings.Fields(args)...)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", args, diff)
		}
		for line := range strings.Lines(got) {
			if len(line) > 81 {
				t.Errorf("longer than 80 columns: %s", line)
			}
		}
	}
}

// What the help shows works.
func TestHelpExamples(t *testing.T) {
	b := director(t)
	b.Open("web1", 0)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("new.yaml", []byte(goodConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	_, examples, _ := strings.Cut(newFlags().text(), "Examples:")
	commands := 0
	for line := range strings.Lines(examples) {
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "ldctl ")
		if !ok {
			continue
		}
		commands++
		args, _, _ = strings.Cut(args, "|")
		if rest, ok := strings.CutSuffix(args, " --follow"); ok {
			args = rest // or it would not end
		}
		want := 0
		if strings.HasPrefix(args, "diff ") {
			want = exitDiffers
		}
		if code, _, err := ldctl(t, strings.Fields(args)...); code != want {
			t.Errorf("ldctl %s: exit code %d, %s", args, code, err)
		}
	}
	if commands != 12 {
		t.Errorf("%d examples", commands)
	}
}
