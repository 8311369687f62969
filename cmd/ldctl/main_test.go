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

	"linedirector/control/api"
	"linedirector/control/api/apitest"
	"linedirector/control/events"
)

var (
	update        = flag.Bool("update", false, "write the golden files anew")
	sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})
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

// ldctl runs a command line.
func ldctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
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
		{"show flow", "flow"},
		{"show flows -o wide", "flow-wide"},
	} {
		golden(t, tt.golden, good(t, strings.Fields(tt.args)...))
	}
}

func TestShowNamed(t *testing.T) {
	director(t)
	for args, want := range map[string][]string{
		"show real web2":    {"web2"},
		"show real ns web1": {"web1", "ns", "web1"},
		"show virtual dns":  {"dns"},
		"show worker 1":     {"1"},
		"show flow dns":     {"198.51.100.8:5353"},
		"show flow --virtual web --phase half-open": {"198.51.100.7:50002"},
		"show flow --real web1":                     {"198.51.100.7:50001"},
		"show flow --client 198.51.100.8/31":        {"198.51.100.8:5353"},
		"show flow --client 198.51.100.7 --limit 1": {"198.51.100.7:50001"},
		"show flow --client 203.0.113.1":            nil,
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
	}
	for _, kind := range []string{"real", "virtual", "worker", "flow"} {
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

func TestSet(t *testing.T) {
	b := director(t)
	out := good(t, "set", "real", "web1", "state", "maintenance")
	if !strings.Contains(out, "web1") || !strings.Contains(out, "maintenance") || strings.Count(out, "\n") != 2 {
		t.Errorf("%s", out)
	}
	if r := b.Reals()[0]; r.State != api.Maintenance {
		t.Errorf("%+v", r)
	}
	out = good(t, "set", "real", "web1", "state", "in-service", "-o", "json")
	var got struct{ Reals []api.Real }
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Reals) != 1 || got.Reals[0].State != api.InService {
		t.Errorf("%s, %v", out, err)
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
	go func() { code <- run(ctx, []string{"events", "-f", "--since", "2"}, out, stderr) }()
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
	go func() { code <- run(t.Context(), []string{"events", "-f", "--socket", server.Path()}, out, stderr) }()
	for range 2 {
		<-out.at
	}
	path := server.Path()
	server.Close()
	if c := <-code; c != exitFailed || stderr.String() != "ldctl: the director at "+path+" stopped\n" {
		t.Errorf("exit code %d, %s", c, stderr)
	}
}

// What went wrong, in one line with its mend, and the exit code.
func TestErrors(t *testing.T) {
	director(t)
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"":                                    {2, "no command; try ldctl show real, or ldctl --help"},
		"shwo real":                           {2, "no command 'shwo'; did you mean 'show'?"},
		"kuchen":                              {2, "no command 'kuchen'; there is show, events, set"},
		"show":                                {2, "show what? Try ldctl show real, or virtual, flow, worker"},
		"show rael":                           {2, "no kind 'rael'; did you mean 'real'?"},
		"show real webb1":                     {1, "no real 'webb1'; did you mean 'web1'?"},
		"show virtual web-tsl":                {1, "no virtual 'web-tsl'; did you mean 'web-tls'?"},
		"show worker 9":                       {1, "no worker '9'; there is 0, 1"},
		"show worker web1":                    {2, "no worker 'web1'; workers have numbers, from 0"},
		"show flow webb":                      {1, "no virtual 'webb'; did you mean 'web'?"},
		"show flow web dns":                   {2, "unexpected argument 'dns'; see ldctl --help"},
		"show flow web --virtual dns":         {2, "two virtuals, 'web' and 'dns'; name one"},
		"show flow --client host":             {2, "no client 'host'; give an address or a prefix, as in 198.51.100.7 or 198.51.100.0/24"},
		"show flow --phase open":              {1, "no phase 'open'; there is half-open, ditched, established, closing, reset, udp"},
		"show flow --limit -1":                {2, "--limit -1: give a number of flows, or 0 for all"},
		"show flow --limit many":              {2, `invalid argument "many" for "--limit" flag: must be an integer; see ldctl --help`},
		"show real --follow":                  {2, "--follow does not go with show real, but with events"},
		"show real --limit 1":                 {2, "--limit does not go with show real, but with show flow"},
		"show real --folow":                   {2, "no flag '--folow'; did you mean '--follow'?"},
		"show real -o yaml":                   {2, "no output 'yaml'; there is table, wide, json"},
		"show real -x":                        {2, "no flag '-x'; list them with ldctl --help"},
		"events now":                          {2, "unexpected argument 'now'; see ldctl --help"},
		"events --since yesterday":            {2, "--since yesterday: give an event's number, or a time to look back, as in 90s, 10m or 2h"},
		"events --since -3m":                  {2, "--since -3m: give an event's number, or a time to look back, as in 90s, 10m or 2h"},
		"events --since 99":                   {1, "no event 99: the last is 2; numbers begin anew when the director starts; leave since away for all that are kept"},
		"set":                                 {2, "set what? write ldctl set real NAME state STATE"},
		"set virtual web state failed":        {2, "no kind 'virtual'; there is real"},
		"set real web1":                       {2, "something is missing; write ldctl set real NAME state STATE"},
		"set real web1 wieght 3":              {2, "no property 'wieght'; there is state"},
		"set real web1 state maintenance now": {2, "unexpected argument 'now'; see ldctl --help"},
		"set real web1 state maintainance":    {1, "no state 'maintainance'; did you mean 'maintenance'?"},
		"set real webb1 state maintenance":    {1, "no real 'webb1'; did you mean 'web1'?"},
		"set real web1 state failed": {
			1, "state 'failed' is the director's own finding; set in-service, maintenance, sticky-only, out-of-service or externally-failed",
		},
		"show real --socket /nowhere/ctl": {1, "cannot reach the director at /nowhere/ctl: is it running? If it listens elsewhere, give --socket PATH"},
	} {
		code, stdout, stderr := ldctl(t, strings.Fields(args)...)
		if code != want.code || stderr != "ldctl: "+want.text+"\n" || stdout != "" {
			t.Errorf("ldctl %s: exit code %d, want %d\n%swant\nldctl: %s\n%s", args, code, want.code, stderr, want.text, stdout)
		}
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
	director(t)
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
		good(t, strings.Fields(args)...)
	}
	if commands != 7 {
		t.Errorf("%d examples", commands)
	}
}
