package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestControlSocket wants the socket closed to strangers, and not taken from a director by another one.
//
// It is the usual network twice, side by side.
func TestControlSocket(t *testing.T) {
	s := newSite(t)
	s.serve(t)
	d := s.start(t, oneWorker, ports(1)+webAndEcho)
	info, err := os.Stat(d.socket)
	if err != nil {
		t.Fatal(err)
	}
	if want := fs.ModeSocket | 0o660; info.Mode() != want {
		t.Errorf("the socket's mode is %v, want %v", info.Mode(), want)
	}
	// Strangers are told so, in a line.
	stranger := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ldctl, "show", "real", "--socket", d.socket}
	if out, err := s.director.Try(stranger...); err == nil || !strings.Contains(out, "no permission") || strings.Count(strings.TrimSpace(out), "\n") != 0 {
		t.Errorf("nobody asks: %q, %v", out, err)
	}

	second := newSite(t)
	second.refuses(t, refusal{
		file:  second.WriteFile("linedirector.yaml", ports(1)+webAndEcho),
		flags: []string{"--control-socket", d.socket},
		names: []string{d.socket}, mend: "--control-socket",
	})
	if got := len(d.showReals()); got != len(threeReals) {
		t.Errorf("after another director was refused, the first one shows %d reals", got)
	}
	d.stop()
	if _, err := d.tryLdctl("show", "real"); err == nil || !strings.Contains(err.Error(), "is it running?") {
		t.Errorf("asking a director that ended: %v", err)
	}
}

// TestShow holds 50 connections and wants ldctl to show exactly these, on reals, virtuals, workers, and one by one.
func TestShow(t *testing.T) {
	setup := widest()
	s := newSite(t)
	s.serve(t)
	d := s.start(t, setup, ports(setup.queues)+webAndEcho)
	const n = 50
	all := s.hold(t, n, "192.0.2.10:80")
	want := map[string]string{} // real by client
	for _, h := range all {
		want[h.LocalAddr().String()] = h.real
	}
	flows := show[shownFlow](d, "flow")
	if len(flows) != n {
		t.Errorf("ldctl shows %d flows, want %d", len(flows), n)
	}
	perWorker := map[int]int{}
	for _, f := range flows {
		if want[f.Client] != f.Real || f.Virtual != "web" || f.Phase != "established" {
			t.Errorf("it shows %+v; this client's real is %q", f, want[f.Client])
		}
		if f.Idle < 0 || f.Idle > 60 {
			t.Errorf("it was idle for %v s", f.Idle)
		}
		delete(want, f.Client)
		perWorker[f.Worker]++
	}
	if len(want) > 0 {
		t.Errorf("it does not show %v", want)
	}
	workers := show[shownWorker](d, "worker")
	if len(workers) != setup.queues {
		t.Errorf("it shows %d workers, want %d", len(workers), setup.queues)
	}
	for _, w := range workers {
		if w.Flows != perWorker[w.Number] {
			t.Errorf("worker %d has %d flows, %d are listed", w.Number, w.Flows, perWorker[w.Number])
		}
	}
	if v := d.showVirtual("web"); v.Connections != n || v.HalfOpen != 0 || v.Active.Tier != "own" {
		t.Errorf("it shows the virtual as %+v", v)
	}
	for name, r := range d.showReals() {
		if held := len(of(all, name)); r.Connections != held || r.Opened != held || r.State != "in-service" || r.Response == nil || *r.Response > 1 {
			t.Errorf("it shows real %s as %+v, %d connections are held", name, r, held)
		}
	}
	// Parts of the list, by filters.
	if got := show[shownFlow](d, "flow", "--real", "a", "--client", clientAddress, "--phase", "established"); len(got) != len(of(all, "a")) {
		t.Errorf("it shows %d flows of real a, want %d", len(got), len(of(all, "a")))
	}
	if got := show[shownFlow](d, "flow", "--limit", "7"); len(got) != 7 {
		t.Errorf("it shows %d flows of 7", len(got))
	}
	// Tables: a head, and a line each.
	for _, c := range []struct {
		kind string
		rows int
		head string
	}{{"real", 3, "REAL"}, {"virtual", 2, "VIRTUAL"}, {"worker", setup.queues, "WORKER"}, {"flow", n, "CLIENT"}} {
		lines := slices.Collect(strings.Lines(d.ldctl("show", c.kind)))
		if len(lines) != c.rows+1 || !strings.HasPrefix(lines[0], c.head) {
			t.Errorf("ldctl show %s prints %d lines below this head, want %d:\n%s", c.kind, len(lines)-1, c.rows, fmt.Sprint(lines))
		}
	}
	for _, h := range all {
		_ = h.Close()
	}
	begin := time.Now()
	d.drained(webVirtuals...)
	if flows := show[shownFlow](d, "flow"); len(flows) != 0 {
		t.Errorf("%v after all were closed it shows %v", time.Since(begin), flows)
	}
}
