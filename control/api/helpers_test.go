package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"linedirector/control/api"
	"linedirector/control/api/apitest"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// site is a server with the example behind it.
type site struct {
	*api.Server
	t       *testing.T
	backend *apitest.Backend
	http    *http.Client
}

func serve(t *testing.T) *site { return serveWith(t, zap.NewNop(), api.Production) }

// serveWith closes the server when the test ends, if the test has not.
func serveWith(t *testing.T, log *zap.Logger, l api.Limits) *site {
	t.Helper()
	backend := apitest.New()
	s, err := api.ServeWith(filepath.Join(t.TempDir(), "run", "control.sock"), backend, log, l)
	if err != nil {
		t.Fatal(err)
	}
	x := &site{s, t, backend, httpTo(s.Path())}
	t.Cleanup(func() { x.http.CloseIdleConnections(); x.close() })
	return x
}

// close may be called twice.
func (s *site) close() {
	if s.Server != nil {
		s.Close()
		s.Server = nil
	}
}

// httpTo is a plain client of a socket.
func httpTo(path string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// ask sends a request and returns status and body.
func (s *site) ask(method, path, body string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, "http://ld"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := a.Header.Get("Content-Type"); got != "application/json" && got != "application/x-ndjson" {
		s.t.Errorf("%s %s: content type %s", method, path, got)
	}
	return a.StatusCode, string(text)
}

// get decodes what a good request is answered with.
func get[T any](s *site, path string) (to T) {
	s.t.Helper()
	status, text := s.ask("GET", path, "")
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&to); status != http.StatusOK || err != nil {
		s.t.Fatalf("GET %s: %d, %v\n%s", path, status, err, text)
	}
	return to
}

// dial opens a bare connection.
func (s *site) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("unix", s.Path())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// until polls for what must come.
func until(t *testing.T, what string, come func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !come(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come", what)
		}
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return b.String()
}
