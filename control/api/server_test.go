package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"linedirector/control/api"
)

func TestSetReal(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	s := serveWith(t, zap.New(core), api.Production)
	status, text := s.ask("POST", "/v1/reals/web1", `{"state": "maintenance", "weight": 0, "maxconns": 10, "load": 5}`)
	if status != http.StatusOK || !strings.Contains(text, `"state": "maintenance"`) || !strings.Contains(text, `"address": "10.0.0.11"`) {
		t.Errorf("%d %s", status, text)
	}
	r := get[api.Real](s, "/v1/reals/web1")
	if r.State != api.Maintenance || r.Cause != "operator" || r.Weight != 0 || r.MaxConns != 10 || r.Load != 5 ||
		!slices.Equal(r.Overrides, []string{"load", "maxconns", "state", "weight"}) {
		t.Errorf("%+v", r)
	}
	want := map[string]any{
		"real": "web1", "state": "in-service → maintenance", "weight": "3 → 0", "maxconns": "5000 → 10", "load": "0 → 5",
		"uid": uint32(os.Getuid()), "pid": int32(os.Getpid()),
	}
	if diff := cmp.Diff([]map[string]any{want}, said(logged, "real set over the control socket")); diff != "" {
		t.Errorf("log (-want +got)\n%s", diff)
	}
	s.ask("POST", "/v1/reals/web2", `{"weight": 2}`)
	if r := get[api.Real](s, "/v1/reals/web2"); r.Weight != 2 || r.State != api.Failed {
		t.Errorf("what was not set changed: %+v", r)
	}
}

// said are the words of the log lines with a message.
func said(logged *observer.ObservedLogs, message string) (all []map[string]any) {
	for _, line := range logged.FilterMessage(message).All() {
		all = append(all, line.ContextMap())
	}
	return all
}

// What the backend refuses is answered as it says.
func TestRefused(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct {
		err    error
		status int
		want   string
	}{
		{&api.Error{Problem: "standby", Mend: "ask the active director"}, 409, `{"error":"standby","mend":"ask the active director"}`},
		{fmt.Errorf("wrapped: %w", &api.Error{Status: 503, Problem: "later"}), 503, `{"error":"later"}`},
		{errors.New("broken"), 500, `{"error":"broken"}`},
	} {
		s.backend.Refuse = tt.err
		if status, text := s.ask("POST", "/v1/reals/web1", `{"state": "maintenance"}`); status != tt.status || compact(t, text) != tt.want {
			t.Errorf("%v: %d %s", tt.err, status, text)
		}
	}
	for _, r := range [][3]string{
		{"POST", "/v1/reals/web1/flush", ""},
		{"POST", "/v1/virtuals/web/flush", ""},
		{"DELETE", "/v1/sticky?real=web1", ""},
		{"POST", "/v1/config", configText},
		{"POST", "/v1/config/diff", configText},
		{"POST", "/v1/config/rollback", ""},
		{"GET", "/v1/explain?client=1.2.3.4:5&virtual=1.2.3.4:5", ""},
	} {
		if status, text := s.ask(r[0], r[1], r[2]); status != 500 || compact(t, text) != `{"error":"broken"}` {
			t.Errorf("%s %s: %d %s", r[0], r[1], status, text)
		}
	}
	s.backend.Refuse = nil
	s.backend.RealList = s.backend.RealList[4:]
	if status, text := s.ask("POST", "/v1/reals/web1", `{"state": "maintenance"}`); status != 409 || !strings.Contains(text, "drains") {
		t.Errorf("draining: %d %s", status, text)
	}
}

func TestOversized(t *testing.T) {
	s := serve(t)
	body := `{"state": "` + strings.Repeat("x", 64<<10) + `"}`
	if status, text := s.ask("POST", "/v1/reals/web1", body); status != http.StatusRequestEntityTooLarge || !strings.Contains(text, "larger than 65536 bytes") {
		t.Errorf("%d %s", status, text)
	}
	within := `{"state": "` + strings.Repeat("x", 64<<10-20) + `"}`
	if status, text := s.ask("POST", "/v1/reals/web1", within); status != http.StatusBadRequest || len(text) > 300 {
		t.Errorf("%d %s", status, text)
	}
	c := s.dial()
	go fmt.Fprintf(c, "GET /v1/reals?name=%s HTTP/1.1\r\nHost: ld\r\n\r\n", strings.Repeat("x", 1<<20))
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long head: %v, %v", answer, err)
	}
}

// Who does not finish a request is cut, be it in its head or in its body.
func TestSlowClient(t *testing.T) {
	s := serveWith(t, zap.NewNop(), api.Production.Within(0.05, 30))
	for _, begin := range []string{
		"", "GET /v1/reals HTTP/1.1\r\nHost: ld\r\nX-Slow: ",
		"POST /v1/reals/web1 HTTP/1.1\r\nHost: ld\r\nContent-Length: 40\r\n\r\n{",
		"POST /v1/reals/web1/flush HTTP/1.1\r\nHost: ld\r\nContent-Length: 40\r\n\r\n",
	} {
		c := s.dial()
		if _, err := io.WriteString(c, begin); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			t.Errorf("%q: still served after %v", begin, patience)
		}
	}
	until(t, "the end of all connections", func() bool { return s.Conns() == 0 })
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// Connections beyond the limit are told so, others beyond that are cut, and none of it lasts.
func TestConnections(t *testing.T) {
	s := serveWith(t, zap.NewNop(), api.Production.With(3, 1))
	request := []byte("GET /v1/workers HTTP/1.1\r\nHost: ld\r\n\r\n")
	var open []net.Conn
	for i := range 6 {
		c := s.dial()
		open = append(open, c)
		until(t, "the connection", func() bool { return s.Conns() == i+1 })
	}
	for i, c := range open {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		want := http.StatusOK
		if i >= 3 {
			want = http.StatusServiceUnavailable
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || answer.StatusCode != want {
			t.Fatalf("connection %d: %v, %v", i, answer, err)
		}
		text, _ := io.ReadAll(answer.Body)
		if want != http.StatusOK && !strings.Contains(string(text), "3 connections are open already") {
			t.Errorf("connection %d: %s", i, text)
		}
		if answer.Close != (i >= 3) {
			t.Errorf("connection %d closes: %v", i, answer.Close)
		}
	}
	for _, c := range open {
		_ = c.Close()
	}
	until(t, "the end of all connections", func() bool { return s.Conns() == 0 })
	if status, _ := s.ask("GET", "/v1/workers", ""); status != http.StatusOK {
		t.Errorf("afterwards %d", status)
	}
}

func TestFarTooManyConnections(t *testing.T) {
	s := serveWith(t, zap.NewNop(), api.Production.With(1, 1))
	s.dial()
	s.dial()
	until(t, "two connections", func() bool { return s.Conns() == 2 })
	third := s.dial()
	if text, err := io.ReadAll(third); len(text) > 0 || isTimeout(err) {
		t.Errorf("%s, %v; want the connection cut", text, err)
	}
}

// Once Close has returned, the backend is neither asked nor being asked.
func TestClose(t *testing.T) {
	s := serve(t)
	path := s.Path()
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			c := httpTo(path)
			defer c.CloseIdleConnections()
			for {
				answer, err := c.Get("http://ld/v1/reals")
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
		})
	}
	until(t, "connections", func() bool { return s.Conns() > 0 })
	begun := time.Now()
	s.close()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	s.backend.RealList = nil // the race detector sees who still reads it
	asking.Wait()
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("it still listens")
	}
}

func TestClientErrors(t *testing.T) {
	s := serve(t)
	c := api.NewClient(s.Path())
	defer c.Close()
	_, err := c.Reals(t.Context(), "webb1")
	var said *api.Error
	if !errors.As(err, &said) || said.Status != 404 || err.Error() != "no real 'webb1'; did you mean 'web1'?" {
		t.Errorf("%v", err)
	}
	for path, want := range map[string]string{
		s.Path() + "x":           "cannot reach the director at " + s.Path() + "x: is it running? If it listens elsewhere, give --socket PATH",
		strangeServer(t, "oops"): "is it a director's control socket?",
		strangeServer(t, ""):     "are ldctl and the director of one release?",
	} {
		c := api.NewClient(path)
		if _, err := c.Workers(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
		c.Close()
	}
}

// strangeServer answers HTTP, but not as a director does.
func strangeServer(t *testing.T, body string) string {
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if body != "" {
			http.Error(w, body, http.StatusTeapot)
		}
	})}
	go func() { _ = h.Serve(l) }()
	t.Cleanup(func() { _ = h.Close() })
	return path
}

// A name may hold anything.
func TestClientEscapes(t *testing.T) {
	s := serve(t)
	odd := "a/b c?d#e%f\né&g=h"
	s.backend.RealList[3].Name = odd
	c := api.NewClient(s.Path())
	defer c.Close()
	reals, err := c.Reals(t.Context(), odd)
	if err != nil || len(reals) != 1 || reals[0].Name != odd {
		t.Errorf("%+v, %v", reals, err)
	}
	real, err := c.SetReal(t.Context(), odd, api.RealSettings{State: new(api.OutOfService)})
	if err != nil || real.Name != odd || real.State != api.OutOfService {
		t.Errorf("%+v, %v", real, err)
	}
}
