package api_test

import (
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"linedirector/control/api"
)

// configText is a configuration that differs from the example's in three reals.
const configText = `ports:
  - {name: outside, device: "net_af_packet0,iface=eth1", addresses: [192.0.2.1/24]}
  - {name: inside, device: "net_af_packet1,iface=eth2", addresses: [10.0.0.1/24]}
reals:
  - {name: web1, address: 10.0.0.11, port: 8080, weight: 1}
  - {name: web3, address: 10.0.0.13, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [web1, web3]}
`

var configChanges = []api.Change{
	{Kind: "real", Name: "web1", Field: "weight", From: "3", To: "1"},
	{Kind: "real", Name: "web3", To: "10.0.0.13"},
	{Kind: "real", Name: "web2", From: "10.0.0.12"},
}

// client speaks to the site as ldctl does.
func (s *site) client() *api.Client {
	c := api.NewClient(s.Path())
	s.t.Cleanup(c.Close)
	return c
}

// words are a log line's, beside who asked.
func words(more map[string]any) map[string]any {
	all := map[string]any{"uid": uint32(os.Getuid()), "pid": int32(os.Getpid())}
	maps.Copy(all, more)
	return all
}

func TestFlush(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	s := serveWith(t, zap.New(core), api.Production)
	c := s.client()
	for _, want := range []uint64{1204 + 1, 0} { // one that drains has the name, too
		if f, err := c.FlushReal(t.Context(), "web1"); err != nil || f.Connections != want {
			t.Errorf("%+v, %v; want %d", f, err, want)
		}
	}
	if f, err := c.FlushVirtual(t.Context(), "web-tls"); err != nil || f.Connections != 7 {
		t.Errorf("%+v, %v", f, err)
	}
	want := []map[string]any{
		words(map[string]any{"real": "web1", "connections": uint64(1205)}), words(map[string]any{"real": "web1", "connections": uint64(0)}),
		words(map[string]any{"virtual": "web-tls", "connections": uint64(7)}),
	}
	if diff := cmp.Diff(want, said(logged, "flushed over the control socket")); diff != "" {
		t.Errorf("log (-want +got)\n%s", diff)
	}
}

func TestStickyPages(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct {
		query string
		want  []int // of the example's entries
	}{
		{"", []int{0, 1, 2}},
		{"group=shop", []int{0, 1, 2}},
		{"real=web2", []int{1}},
		{"client=198.51.100.7", []int{0}},
		{"client=198.51.100.0/24", []int{0, 2}},
		{"client=198.51.100.0/24&real=web2", nil},
	} {
		var got []api.Sticky
		for cursor, pages := "", 0; ; pages++ {
			page := get[api.StickyPage](s, "/v1/sticky?limit=1&cursor="+cursor+"&"+tt.query)
			if len(page.Sticky) > 1 || pages > 4 {
				t.Fatalf("%s: page %d has %d entries", tt.query, pages, len(page.Sticky))
			}
			got = append(got, page.Sticky...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		var want []api.Sticky
		for _, i := range tt.want {
			want = append(want, s.backend.StickyList[i])
		}
		if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.query, diff)
		}
	}
}

func TestFlushSticky(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	s := serveWith(t, zap.New(core), api.Production)
	f, err := s.client().FlushSticky(t.Context(), api.StickyQuery{Group: "shop", Real: "web1"})
	if err != nil || f.Entries != 1 || len(s.backend.StickyList) != 2 {
		t.Errorf("%+v, %v; %+v", f, err, s.backend.StickyList)
	}
	want := []map[string]any{words(map[string]any{"group": "shop", "real": "web1", "entries": int64(1)})}
	if diff := cmp.Diff(want, said(logged, "sticky entries forgotten over the control socket")); diff != "" {
		t.Errorf("log (-want +got)\n%s", diff)
	}
}

// A virtual that shares its entries with nobody has a group of its own name.
func TestOwnStickyGroup(t *testing.T) {
	s := serve(t)
	s.backend.VirtualList[2].Sticky = &api.StickyRule{TimerSeconds: 1, Prefix: 24}
	if status, text := s.ask("GET", "/v1/sticky?group=dns", ""); status != 200 || compact(t, text) != `{"sticky":[]}` {
		t.Errorf("%d %s", status, text)
	}
}

func TestExplain(t *testing.T) {
	s := serve(t)
	e := get[api.Explanation](s, "/v1/explain?client=[::ffff:198.51.100.7]:50001&virtual=192.0.2.10:53&protocol=udp")
	if e.Client.String() != "198.51.100.7:50001" || e.To.String() != "192.0.2.10:53" || e.Protocol != "udp" || e.Real != "spare" || len(e.Reals) != 3 {
		t.Errorf("%+v", e)
	}
	s.backend.Explained = api.Explanation{Rule: "no virtual has this address"}
	if _, text := s.ask("GET", "/v1/explain?client=198.51.100.7:1&virtual=192.0.2.99:80", ""); !strings.Contains(text, `"reals": []`) {
		t.Error(text)
	}
}

func TestConfig(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	s := serveWith(t, zap.New(core), api.Production)
	c, first, text := s.client(), s.backend.InForce, []byte(configText)
	if got, err := c.Config(t.Context(), false); err != nil || !cmp.Equal(got, first) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := c.Config(t.Context(), true); err != nil || !cmp.Equal(got, *s.backend.Before) {
		t.Errorf("%+v, %v", got, err)
	}
	if changes, err := c.Diff(t.Context(), "new.yaml", text); err != nil || !slices.Equal(changes, configChanges) {
		t.Errorf("%+v, %v", changes, err)
	}
	if a, err := c.Apply(t.Context(), "new.yaml", text, api.ApplyOptions{DryRun: true}); err != nil || !a.DryRun || !slices.Equal(a.Changes, configChanges) {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := c.Rollback(t.Context(), api.ApplyOptions{DryRun: true}); err != nil || !a.DryRun {
		t.Errorf("%+v, %v", a, err)
	}
	if got := s.backend.Config(); !cmp.Equal(got, first) || logged.Len() > 0 {
		t.Errorf("what only looks changed %+v, and says %v", got, logged.All())
	}
	if a, err := c.Apply(t.Context(), "new.yaml", text, api.ApplyOptions{}); err != nil || a.DryRun || !slices.Equal(a.Changes, configChanges) {
		t.Errorf("%+v, %v", a, err)
	}
	if got := s.backend.Config(); got.File != "new.yaml" || got.Text != configText {
		t.Errorf("%+v", got)
	}
	if _, err := c.Rollback(t.Context(), api.ApplyOptions{}); err != nil {
		t.Error(err)
	}
	if got := s.backend.Config(); got.File != first.File || got.Text != first.Text {
		t.Errorf("%+v", got)
	}
	for message, file := range map[string]string{
		"configuration applied over the control socket": "new.yaml", "configuration rolled back over the control socket": first.File,
	} {
		want := []map[string]any{words(map[string]any{"file": file, "changes": int64(3)})}
		if diff := cmp.Diff(want, said(logged, message)); diff != "" {
			t.Errorf("log (-want +got)\n%s", diff)
		}
	}
}

func TestNoPreviousConfig(t *testing.T) {
	s := serve(t)
	s.backend.Before = nil
	if status, text := s.ask("GET", "/v1/config?previous=1", ""); status != 404 || !strings.Contains(text, "there is no configuration before") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := s.ask("POST", "/v1/config/rollback", ""); status != 409 || !strings.Contains(text, "there is no configuration before") {
		t.Errorf("%d %s", status, text)
	}
}

// All that is wrong in a configuration is said, a line for each, and nothing happens.
func TestWrongConfig(t *testing.T) {
	s := serve(t)
	wrong := strings.NewReplacer("weight: 1", "weight: -1", "port: 80,", "port: x,").Replace(configText)
	for _, path := range []string{"/v1/config?name=a.yaml", "/v1/config?name=a.yaml&dry_run=1", "/v1/config/diff?name=a.yaml"} {
		status, text := s.ask("POST", path, wrong)
		if status != http.StatusUnprocessableEntity || strings.Count(text, "a.yaml:") != 2 || !strings.Contains(text, `"mend": "nothing was changed"`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	_, err := s.client().Apply(t.Context(), "a.yaml", []byte(wrong), api.ApplyOptions{})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "a.yaml:8:") || lines[2] != "nothing was changed" {
		t.Errorf("%q", lines)
	}
	if status, text := s.ask("POST", "/v1/config", "x: ["); status != 422 || !strings.Contains(text, `"error": "\u003crequest\u003e:1:`) && !strings.Contains(text, `"error": "<request>:1:`) {
		t.Errorf("a nameless one: %d %s", status, text)
	}
	if got := s.backend.Config(); got.Text == wrong {
		t.Error("it was applied")
	}
}

// A configuration may be larger than other requests, but not by as much as it likes, and however its size is told.
func TestLargeConfig(t *testing.T) {
	if api.Production.Large() != 64<<20 {
		t.Errorf("the limit is %d", api.Production.Large())
	}
	s := serveWith(t, zap.NewNop(), api.Production.Taking(200<<10, 5))
	padded := configText + "#" + strings.Repeat("x", 200<<10-len(configText)-2) + "\n"
	if status, text := s.ask("POST", "/v1/config?dry_run=1", padded); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	for name, body := range map[string]io.Reader{"told": strings.NewReader(padded + "#"), "not told": io.MultiReader(strings.NewReader(padded + "#"))} {
		answer, err := s.http.Post("http://ld/v1/config", "text/yaml", body)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(text), "larger than 204800 bytes") {
			t.Errorf("%s: %d %s", name, answer.StatusCode, text)
		}
	}
	if status, _ := s.ask("POST", "/v1/reals/web1", `{"state": "`+strings.Repeat("x", 64<<10)+`"}`); status != http.StatusRequestEntityTooLarge {
		t.Errorf("another request: %d", status)
	}
}

const brings = "POST /v1/config HTTP/1.1\r\nHost: ld\r\nContent-Length: 1000\r\n\r\nreals:"

// A configuration may take longer than another request, but who never finishes it is told so and cut.
func TestSlowConfig(t *testing.T) {
	s := serveWith(t, zap.NewNop(), api.Production.Within(0.05, 30).Taking(1<<20, 0.4))
	c, begun := s.dial(), time.Now()
	if _, err := io.WriteString(c, brings); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 408 ") || !strings.Contains(string(text), "did not come within 400ms") {
		t.Errorf("%s, %v", text, err)
	}
	if took := time.Since(begun); took < 300*time.Millisecond {
		t.Errorf("cut after %v", took)
	}
	until(t, "the end of the connection", func() bool { return s.Conns() == 0 })
}

// One configuration is taken at a time; the next one may come when the first has gone, be it half way.
func TestOneConfigAtATime(t *testing.T) {
	s := serve(t)
	c := s.dial()
	if _, err := io.WriteString(c, strings.Replace(brings, "Host: ld", "Host: ld\r\nExpect: 100-continue", 1)); err != nil {
		t.Fatal(err)
	}
	const comes = "HTTP/1.1 100 Continue" // the director reads the body
	begin := make([]byte, len(comes))
	if _, err := io.ReadFull(c, begin); err != nil || string(begin) != comes {
		t.Fatalf("%s, %v", begin, err)
	}
	for _, path := range []string{"/v1/config", "/v1/config?dry_run=1", "/v1/config/diff"} {
		status, text := s.ask("POST", path, configText)
		if status != http.StatusServiceUnavailable || !strings.Contains(text, "somebody else brings a configuration") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	_ = c.Close()
	until(t, "the other's turn", func() bool {
		status, _ := s.ask("POST", "/v1/config?dry_run=1", configText)
		return status == http.StatusOK
	})
}
