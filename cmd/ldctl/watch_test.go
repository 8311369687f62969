package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"

	"linedirector/control/api"
	"linedirector/control/api/apitest"
)

// rounds is a writer that hands on what is written at once.
type rounds chan string

func (r rounds) Write(p []byte) (int, error) {
	r <- string(p)
	return len(p), nil
}

// running is a command line that is being carried out.
type running struct {
	out       rounds
	interrupt context.CancelFunc
	code      chan int
	stderr    bytes.Buffer // once there is a code
}

func start(t *testing.T, terminal bool, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{out: make(rounds, 1000), interrupt: cancel, code: make(chan int, 1)}
	go func() { r.code <- run(ctx, args, streams{nil, r.out, &r.stderr, terminal}) }()
	return r
}

// ends waits for its end and tells whether it is the one that is wanted.
func (r *running) ends(t *testing.T, code int, stderr string) {
	t.Helper()
	if c := <-r.code; c != code || r.stderr.String() != stderr {
		t.Errorf("exit code %d, want %d; %s", c, code, &r.stderr)
	}
}

// Each round shows how things are then, at once, until the operator has seen enough, which is no failure.
func TestWatch(t *testing.T) {
	const moment = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`
	table := func(text string) bool { return strings.HasPrefix(text, "REAL ") && strings.Count(text, "\n") == 2 }
	for _, tt := range []struct {
		name     string
		terminal bool
		args     string
		head     string // of a round
		shows    func(body string) bool
	}{
		{"terminal", true, "show real web1 --watch=100ms --state in-service", `\x1b\[H\x1b\[2J` + moment + `, every 100ms; interrupt to end\n\n`, table},
		{"file", false, "show real web1 --watch=100ms --state in-service -o wide", "--- " + moment + `\n`, table},
		{"json", true, "show real web1 --watch=100ms -o json", "", func(text string) bool { return json.Valid([]byte(text)) }},
		{"yaml", false, "show real web1 --watch=100ms -o yaml", "---\n", func(text string) bool { return strings.HasPrefix(text, "reals:\n") }},
		{"flows", false, "show flow --watch=100ms", "--- " + moment + `\n`, func(text string) bool { return strings.Count(text, "\n") == 4 }},
		{"sticky", false, "show sticky --watch=100ms", "--- " + moment + `\n`, func(text string) bool { return strings.Count(text, "\n") == 4 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := director(t)
			head := regexp.MustCompile("^" + tt.head)
			r := start(t, tt.terminal, strings.Fields(tt.args)...)
			for _, connections := range []uint64{17, 18, 19} {
				round := <-r.out
				at := head.FindStringIndex(round)
				if at == nil || !tt.shows(round[at[1]:]) {
					t.Fatalf("%q", round)
				}
				b.Open("web1", connections)
			}
			if strings.Contains(tt.args, "real") {
				for round := range r.out {
					if strings.Contains(round, "19") && strings.Contains(round, "web1") {
						break
					}
				}
			}
			r.interrupt()
			r.ends(t, 0, "")
		})
	}
}

// A director that goes away ends it.
func TestWatchToTheEnd(t *testing.T) {
	server, err := api.Serve(filepath.Join(t.TempDir(), "ctl"), apitest.New(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	path := server.Path()
	r := start(t, false, "show", "worker", "--watch=100ms", "--socket", path)
	<-r.out
	server.Close()
	r.ends(t, exitFailed, "ldctl: cannot reach the director at "+path+": is it running? If it listens elsewhere, give --socket PATH\n")
}

func TestDrain(t *testing.T) {
	b := director(t)
	if out := good(t, "drain", "real", "web2"); out != "real web2: maintenance, 12 connections left\n" {
		t.Errorf("%s", out)
	}
	b.Open("web2", 1)
	if out := good(t, "drain", "reals", "web2"); out != "real web2: maintenance, 1 connection left\n" {
		t.Errorf("%s", out)
	}
	if r := b.Reals()[1]; r.State != api.Maintenance {
		t.Errorf("%+v", r)
	}
	if out := good(t, "drain", "real", "ns", "--wait"); out != "real ns: drained, no connection is left\n" {
		t.Errorf("%s", out)
	}
}

// It waits for the last connection's end, whatever else drains under the name, and says how many are left.
func TestDrainWaits(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		b := director(t)
		b.RealList[4].Name = "web2" // drains, with a connection of its own
		r := start(t, terminal, "drain", "real", "web2", "--wait=1h")
		want := "real web2: 12 connections left, waiting for another 1h0m0s"
		if terminal {
			want = rewriteLine + want
		} else {
			want += "\n"
		}
		if first := <-r.out; first != want {
			t.Errorf("%q, want %q", first, want)
		}
		b.Open("web2", 3)
		if terminal {
			r.until(rewriteLine + "real web2: 3 connections left")
		}
		b.Open("web2", 0)
		if last := r.until("real web2: drained"); last != "real web2: drained, no connection is left\n" {
			t.Errorf("%q", last)
		}
		r.ends(t, 0, "")
	}
}

// until waits for what begins so.
func (r *running) until(begin string) string {
	for text := range r.out {
		if strings.HasPrefix(text, begin) {
			return text
		}
	}
	return ""
}

// What keeps it from its end: time is over, the operator has waited enough, somebody else wants the real.
func TestDrainFails(t *testing.T) {
	b := director(t)
	r := start(t, false, "drain", "real", "web2", "--wait=1ms")
	r.ends(t, exitFailed, "ldctl: real 'web2' still has 12 connections after 1ms; wait longer, or cut with ldctl flush real web2\n")

	r = start(t, true, "drain", "real", "web1", "--wait")
	<-r.out
	r.interrupt()
	r.ends(t, exitFailed, "ldctl: interrupted; real 'web1' stays in maintenance, with 1204 connections left\n")

	r = start(t, false, "drain", "real", "spare", "--wait")
	<-r.out
	if err := b.SetReal("spare", api.RealSettings{State: new(api.InService)}); err != nil {
		t.Fatal(err)
	}
	r.ends(t, exitFailed, "ldctl: real 'spare' is in-service now, with 40 connections left: somebody else set it\n")
}
