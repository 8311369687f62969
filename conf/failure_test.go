package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every key for failure, none with its default; a case of failureErrors
// replaces one part by a wrong one.
const failure = `ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]
probes:
  - {name: ping, type: icmp, interval: 1s, jitter: 20%, timeout: 500ms, rise: 1, fall: 4}
  - {name: health, type: http, port: 8081, path: /healthz?full=1, host: "www.example.com:80", status: [200, 300-399], body: ^ok}
  - {name: tls, type: https, host: "www.example.com:443", sni: sni.example.com, verify: false, status: 204, jitter: 0}
  - {name: text, type: udp, port: 7, send: "ping\r\n", expect: pong|PONG}
  - {name: hex, type: udp, port: 7, send-hex: 00 ff}
  - {name: zone, type: dns, port: 53, query: example.com, record: AAAA, answer: "2001:DB8:0::1"}
reals:
  - {name: a, address: 10.0.0.11, port: 80, state: maintenance, maxconns: 5000, backup: b, reassign: 2, reassign-after: 1s,
     threshold: 3, retry: 5s, slow-start: 10s, auto-return: true, probe: {type: tcp, port: 81}}
  - {name: b, address: 10.0.0.12, port: 80, state: sticky-only, threshold: off, slow-start: off, probe: off, backup: c}
  - {name: c, address: 10.0.0.13, state: out-of-service}
  - {name: d, address: 10.0.0.14, port: 80}
virtuals:
  - name: web
    address: 10.0.0.100
    port: 80
    unknown: drop
    reals: [a, b, d]
    backup: spare
    reassign: 5
    reassign-after: 4s
    reset: pass
    no-real: rst
    synguard: {limit: 1000, above: drop}
    threshold: 6
    retry: 30s
    slow-start: 1m
    probe: health
  - {name: spare, address: 10.0.0.100, port: 81, unknown: drop, reals: [c, d]}
`

func TestParseReadsFailure(t *testing.T) {
	c, err := Parse("f.yaml", []byte(failure))
	if err != nil {
		t.Fatal(err)
	}
	type server struct {
		state           State
		maxconns        int
		backup          string
		reassign        int
		after           time.Duration
		threshold       int
		retry, slow     time.Duration
		auto            bool
		probe, ownProbe string
	}
	var got []server
	for _, r := range c.Reals {
		s := server{r.State, r.MaxConns, r.Backup, r.Reassign, r.ReassignAfter, r.Threshold, r.Retry, r.SlowStart, r.AutoReturn, "", ""}
		if r.Probe != nil {
			s.probe = r.Probe.Name
			if s.probe == "" {
				s.ownProbe = fmt.Sprint(r.Probe.Type, " ", r.Probe.Port)
			}
		}
		got = append(got, s)
	}
	want := []server{
		{StateMaintenance, 5000, "b", 2, time.Second, 3, 5 * time.Second, 10 * time.Second, true, "", "tcp 81"},
		{StateStickyOnly, 0, "c", 0, 0, 0, 30 * time.Second, 0, false, "", ""},                 // retry is web's
		{StateOutOfService, 0, "", 0, 0, 8, 60 * time.Second, 30 * time.Second, false, "", ""}, // the defaults
		{StateInService, 0, "", 0, 0, 6, 30 * time.Second, time.Minute, false, "health", ""},   // all are web's
	}
	if !slices.Equal(got, want) {
		t.Errorf("reals:\ngot  %+v\nwant %+v", got, want)
	}
	if c.Reals[3].Probe != c.Probes[1] {
		t.Error("the probe of d is not the template")
	}

	web, spare := c.Virtuals[0], c.Virtuals[1]
	if web.Backup != "spare" || web.Reassign != 5 || web.ReassignAfter != 4*time.Second || web.ResetAnswer != ResetPass ||
		web.NoReal != RST || web.Synguard != (Synguard{1000, AboveDrop}) {
		t.Errorf("%+v", web)
	}
	if spare.Backup != "" || spare.Reassign != 3 || spare.ReassignAfter != 2500*time.Millisecond ||
		spare.ResetAnswer != ResetWithhold || spare.NoReal != Drop || spare.Synguard != (Synguard{0, AboveEvict}) {
		t.Errorf("%+v", spare)
	}
	if a, b, v := c.RealChain(0), c.RealChain(1), c.VirtualChain(0); !slices.Equal(a, []int{1, 2}) ||
		!slices.Equal(b, []int{2}) || !slices.Equal(v, []int{1}) || c.RealChain(2) != nil || c.VirtualChain(1) != nil {
		t.Errorf("chains %v, %v, %v, %v, %v", a, b, c.RealChain(2), v, c.VirtualChain(1))
	}
}

func TestParseReadsProbes(t *testing.T) {
	c, err := Parse("f.yaml", []byte(failure))
	if err != nil {
		t.Fatal(err)
	}
	// Patterns as their text, so that places and all are compared.
	type shown struct {
		Probe
		Body, Expect string
	}
	var got []shown
	for _, p := range c.Probes {
		s := shown{Probe: *p}
		if p.Body != nil {
			s.Body, s.Probe.Body = p.Body.String(), nil
		}
		if p.Expect != nil {
			s.Expect, s.Probe.Expect = p.Expect.String(), nil
		}
		got = append(got, s)
	}
	usual := func(p Probe) Probe {
		p.Interval, p.Jitter, p.Timeout, p.Rise, p.Fall = 5*time.Second, 10, 2*time.Second, 2, 3
		return p
	}
	tls := usual(Probe{
		Name: "tls", Type: ProbeHTTPS, Path: "/", Host: "www.example.com:443", SNI: "sni.example.com",
		Status: []StatusRange{{204, 204}}, Pos: Pos{5, 5},
	})
	tls.Jitter = 0
	want := []shown{
		{Probe: Probe{
			Name: "ping", Type: ProbeICMP, Interval: time.Second, Jitter: 20, Timeout: 500 * time.Millisecond,
			Rise: 1, Fall: 4, Pos: Pos{3, 5},
		}},
		{Probe: usual(Probe{
			Name: "health", Type: ProbeHTTP, Port: 8081, Path: "/healthz?full=1", Host: "www.example.com:80",
			Status: []StatusRange{{200, 200}, {300, 399}}, Pos: Pos{4, 5},
		}), Body: "^ok"},
		{Probe: tls},
		{Probe: usual(Probe{Name: "text", Type: ProbeUDP, Port: 7, Send: []byte("ping\r\n"), Pos: Pos{6, 5}}), Expect: "pong|PONG"},
		{Probe: usual(Probe{Name: "hex", Type: ProbeUDP, Port: 7, Send: []byte{0, 0xff}, Pos: Pos{7, 5}})},
		{Probe: usual(Probe{
			Name: "zone", Type: ProbeDNS, Port: 53, Query: "example.com", Record: "AAAA", Answer: "2001:db8::1", Pos: Pos{8, 5},
		})},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
}

// What a probe has that says nothing.
func TestProbeDefaults(t *testing.T) {
	usual := Probe{Interval: 5 * time.Second, Jitter: 10, Timeout: 2 * time.Second, Rise: 2, Fall: 3}
	for text, change := range map[string]func(*Probe){
		"{type: icmp}": func(p *Probe) { p.Type = ProbeICMP },
		"{type: tcp}":  func(p *Probe) { p.Type = ProbeTCP },
		"{type: http}": func(p *Probe) { p.Type, p.Path, p.Status = ProbeHTTP, "/", DefaultStatus() },
		"{type: https}": func(p *Probe) {
			p.Type, p.Path, p.Status, p.Verify = ProbeHTTPS, "/", DefaultStatus(), true
		},
		"{type: https, host: \"a.example:8443\"}": func(p *Probe) { // the server's name is the host's
			p.Type, p.Path, p.Status, p.Verify = ProbeHTTPS, "/", DefaultStatus(), true
			p.Host, p.SNI = "a.example:8443", "a.example"
		},
		"{type: https, host: \"192.0.2.1:8443\"}": func(p *Probe) { // an address names no server
			p.Type, p.Path, p.Status, p.Verify, p.Host = ProbeHTTPS, "/", DefaultStatus(), true, "192.0.2.1:8443"
		},
		"{type: udp, send: x}":               func(p *Probe) { p.Type, p.Send = ProbeUDP, []byte("x") },
		"{type: dns, query: .}":              func(p *Probe) { p.Type, p.Query, p.Record = ProbeDNS, ".", "A" },
		"{type: tcp, interval: 1s}":          func(p *Probe) { p.Type, p.Interval, p.Timeout = ProbeTCP, time.Second, time.Second },
		"{type: tcp, jitter: 50}":            func(p *Probe) { p.Type, p.Jitter = ProbeTCP, 50 },
		"{type: udp, send: 'é'}":             func(p *Probe) { p.Type, p.Send = ProbeUDP, []byte("é") },
		"{type: tcp, path: , rise: 1}":       func(p *Probe) { p.Type, p.Rise = ProbeTCP, 1 },
		"{type: udp, send: \"\\x01\\r\\t\"}": func(p *Probe) { p.Type, p.Send = ProbeUDP, []byte("\x01\r\t") },
	} {
		c, err := Parse("f.yaml", []byte(
			"ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]\nreals: [{name: a, address: 10.0.0.2, port: 1, probe: "+text+"}]\n"))
		if err != nil {
			t.Errorf("%s:\n%v", text, err)
			continue
		}
		want := usual
		change(&want)
		if got := c.Reals[0].Probe; !got.Equal(&want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}

var failureErrors = []struct{ old, new, want string }{
	// Words and numbers of reals.
	{"state: maintenance", "state: maintainance", `f.yaml:10:52: reals[0].state: unknown state "maintainance"; did you mean "maintenance"?`},
	{"state: maintenance", "state: failed", `f.yaml:10:52: reals[0].state: unknown state "failed"; use in-service, maintenance, sticky-only or out-of-service`},
	{"maxconns: 5000", "maxconns: 2147483648", `f.yaml:10:75: reals[0].maxconns: 2147483648 is out of range; use a number from 0 to 2147483647`},
	{"maxconns: 5000", "maxconns: -1", `f.yaml:10:75: reals[0].maxconns: -1 is out of range; use a number from 0 to 2147483647`},
	{"reassign: 2", "reassign: 0", `f.yaml:10:102: reals[0].reassign: 0 is out of range; use a number from 1 to 100`},
	{"reassign-after: 1s", "reassign-after: 1", `f.yaml:10:121: reals[0].reassign-after: the duration 1 has no unit; write 1s for seconds`},
	{"threshold: 3", "threshold: 65536", `f.yaml:11:17: reals[0].threshold: 65536 is out of range; use a number from 0 to 65535`},
	{"threshold: 3", "threshold: never", `f.yaml:11:17: reals[0].threshold: want a number, not "never"; use a number from 0 to 65535`},
	{"retry: 5s", "retry: 0s", `f.yaml:11:27: reals[0].retry: 0s is not above zero; use a duration from 1ms to 24h`},
	{"retry: 5s", "retry: off", `f.yaml:11:27: reals[0].retry: want a duration, not "off"; write it like 500ms, 30s, 10m or 1h`},
	{"slow-start: 10s", "slow-start: 10", `f.yaml:11:43: reals[0].slow-start: the duration 10 has no unit; write 10s for seconds`},
	{"slow-start: 10s", "slow-start: -1s", `f.yaml:11:43: reals[0].slow-start: -1s is not above zero; use a duration from 1ms to 24h`},
	{"auto-return: true", "auto-return: yes", `f.yaml:11:61: reals[0].auto-return: want true or false, not "yes"; write true`},
	{"auto-return: true", "auto-return: Off", `f.yaml:11:61: reals[0].auto-return: want true or false, not "Off"; write false`},
	{"auto-return: true", "auto-return: True", `f.yaml:11:61: reals[0].auto-return: want true or false, not "True"; write true`},
	{"auto-return: true", `auto-return: "true"`, `f.yaml:11:61: reals[0].auto-return: want true or false, not the text "true"; leave out the quotes`},
	{"auto-return: true", "auto-return: maybe", `f.yaml:11:61: reals[0].auto-return: want true or false, not "maybe"; use true or false`},
	{"auto-return: true", "auto-return: [true]", `f.yaml:11:61: reals[0].auto-return: want true or false, not a list; write it on one line, without brackets`},

	// Virtuals.
	{"reset: pass", "reset: passed", `f.yaml:24:12: virtuals[0].reset: unknown treatment "passed"; did you mean "pass"?`},
	{"no-real: rst", "no-real: RST", `f.yaml:25:14: virtuals[0].no-real: unknown answer "RST"; write rst`},
	{"{limit: 1000, above: drop}", "1000", `f.yaml:26:15: virtuals[0].synguard: want keys and values, not "1000"; the keys here are limit and above`},
	{"limit: 1000, ", "", `f.yaml:26:15: virtuals[0].synguard: missing limit; add limit: 10000`},
	{"limit: 1000", "limit: 268435457", `f.yaml:26:23: virtuals[0].synguard.limit: 268435457 is out of range; use a number from 0 to 268435456`},
	{"above: drop", "above: cookies", `f.yaml:26:36: virtuals[0].synguard.above: remedy "cookies" is not available in this version; use evict or drop`},
	{"    reassign: 5", "    reassign: 101", `f.yaml:22:15: virtuals[0].reassign: 101 is out of range; use a number from 1 to 100`},

	// Backups.
	{"backup: b,", "backup: bb,", `f.yaml:10:89: reals[0].backup: no real is named "bb"; did you mean "b"?`},
	{"backup: b,", "backup: other,", `f.yaml:10:89: reals[0].backup: no real is named "other"; the reals are a, b, c and d`},
	{"backup: b,", "backup: a,", `f.yaml:10:89: reals[0].backup: real a is its own backup; name another, or remove it`},
	{"state: out-of-service", "backup: a", `f.yaml:10:89: reals[0].backup: the backups go in a circle: a → b → c → a; remove one of them`},
	{"state: out-of-service", "backup: b", `f.yaml:12:118: reals[1].backup: the backups go in a circle: b → c → b; remove one of them`},
	{"backup: spare", "backup: spore", `f.yaml:21:13: virtuals[0].backup: no virtual is named "spore"; did you mean "spare"?`},
	{"backup: spare", "backup: web", `f.yaml:21:13: virtuals[0].backup: virtual web is its own backup; name another, or remove it`},
	{"port: 81, unknown: drop", "port: 81, backup: web", `f.yaml:21:13: virtuals[0].backup: the backups go in a circle: web → spare → web; remove one of them`},
	{"port: 81, unknown: drop", "port: 81, protocol: udp", `f.yaml:21:13: virtuals[0].backup: virtual web is for tcp, its backup spare for udp; name one for tcp`},

	// What virtuals say of a real that they share, here d.
	{
		"port: 81, unknown: drop", "port: 81, threshold: 7",
		`f.yaml:31:61: virtuals[1].threshold: virtuals web (at 27:16) and spare say different things for the real d; give threshold at the real d`,
	},
	{
		"port: 81, unknown: drop", "port: 81, slow-start: off",
		`f.yaml:31:62: virtuals[1].slow-start: virtuals web (at 29:17) and spare say different things for the real d; give slow-start at the real d`,
	},
	{
		"port: 81, unknown: drop", "port: 81, retry: 31s",
		`f.yaml:31:57: virtuals[1].retry: virtuals web (at 28:12) and spare say different things for the real d; give retry at the real d`,
	},
	{
		"port: 81, unknown: drop", "port: 81, probe: ping",
		`f.yaml:31:57: virtuals[1].probe: virtuals web (at 30:12) and spare say different things for the real d; give probe at the real d`,
	},
	{"port: 81, unknown: drop", "port: 81, threshold: x", `f.yaml:31:61: virtuals[1].threshold: want a number, not "x"; use a number from 0 to 65535`},

	// Which probe.
	{"probe: health", "probe: helth", `f.yaml:30:12: virtuals[0].probe: no probe is named "helth"; did you mean "health"?`},
	{"probe: health", "probe: [ping, tls]", `f.yaml:30:12: virtuals[0].probe: want the name of a probe, or its keys and values, not a list; write it on one line, without brackets`},
	{"{type: tcp, port: 81}", "{name: x, type: tcp}", `f.yaml:11:75: reals[0].probe: unknown key "name"; the keys here are type, port, interval, jitter, timeout, rise, fall, path, host, status, body, sni, verify, ca, send, send-hex, expect, query, record and answer`},
	{"{type: tcp, port: 81}", "{port: 81}", `f.yaml:11:74: reals[0].probe: missing type; add type: tcp`},
	{"{type: tcp, port: 81}", "{type: smtp}", `f.yaml:11:81: reals[0].probe.type: unknown type "smtp"; use icmp, tcp, http, https, udp or dns`},
	{"name: ping, ", "", `f.yaml:3:5: probes[0]: missing name; add name: web`},
	{"name: ping", "name: off", `f.yaml:3:12: probes[0].name: the name "off" stands for no probe; choose another`},
	{"name: ping", "name: tls", `f.yaml:5:12: probes[2].name: the name "tls" is taken already (at 3:12); choose another`},
	{
		"{name: d, address: 10.0.0.14, port: 80}", "{name: d, address: 10.0.0.14, probe: tls}",
		`f.yaml:14:42: reals[3].probe: the https probe of the real d has no port, and the real has none; add port to the probe or to the real`,
	},
	{
		"state: out-of-service}", "probe: {type: tcp}}",
		`f.yaml:13:42: reals[2].probe: the tcp probe of the real c has no port, and the real has none; add port to the probe or to the real`,
	},
	{
		"port: 81, unknown: drop, reals: [c, d]", "port: 81, probe: tls, reals: [c]",
		`f.yaml:31:57: virtuals[1].probe: the https probe of the real c has no port, and the real has none; add port to the probe or to the real`,
	},

	// Keys of other types.
	{"type: icmp,", "type: icmp, port: 80,", `f.yaml:3:36: probes[0].port: port is for tcp, http, https, udp and dns, this probe is of type icmp; remove it`},
	{"{type: tcp, port: 81}", "{type: tcp, path: /}", `f.yaml:11:92: reals[0].probe.path: path is for http and https, this probe is of type tcp; remove it`},
	{"body: ^ok", "verify: true", `f.yaml:4:127: probes[1].verify: verify is for https, this probe is of type http; remove it`},
	{"query: example.com", "query: example.com, send: x", `f.yaml:8:65: probes[5].send: send is for udp, this probe is of type dns; remove it`},
	{"send-hex: 00 ff", "send-hex: 00 ff, query: x", `f.yaml:7:61: probes[4].query: query is for dns, this probe is of type udp; remove it`},

	// When.
	{"interval: 1s", "interval: 99ms", `f.yaml:3:40: probes[0].interval: 99ms is out of range; use a duration from 100ms to 1h`},
	{"interval: 1s", "interval: 61m", `f.yaml:3:40: probes[0].interval: 61m is out of range; use a duration from 100ms to 1h`},
	{"timeout: 500ms", "timeout: 2s", `f.yaml:3:66: probes[0].timeout: the timeout 2s is longer than the interval 1s; make it 1s or shorter`},
	{"jitter: 20%", "jitter: 51%", `f.yaml:3:52: probes[0].jitter: 51% is out of range; use 0% to 50%`},
	{"jitter: 20%", "jitter: 99999999999999999999", `f.yaml:3:52: probes[0].jitter: 99999999999999999999 is out of range; use 0% to 50%`},
	{"jitter: 20%", "jitter: 100ms", `f.yaml:3:52: probes[0].jitter: want a percentage, not "100ms"; use 0% to 50%`},
	{"rise: 1", "rise: 0", `f.yaml:3:79: probes[0].rise: 0 is out of range; use a number from 1 to 100`},
	{"fall: 4", "fall: 101", `f.yaml:3:88: probes[0].fall: 101 is out of range; use a number from 1 to 100`},

	// HTTP and HTTPS.
	{"/healthz?full=1", "healthz", `f.yaml:4:50: probes[1].path: the path "healthz" does not begin with a slash; write it like /healthz or /status?full=1`},
	{"/healthz?full=1", `/a b`, `f.yaml:4:50: probes[1].path: bad path "/a b"; write signs other than those of a URL as % and two hex digits`},
	{"/healthz?full=1", `/a%2`, `f.yaml:4:50: probes[1].path: bad path "/a%2"; write signs other than those of a URL as % and two hex digits`},
	{"/healthz?full=1", `"/a\r\nb"`, `f.yaml:4:50: probes[1].path: "/a\r\nb" holds a control character; remove it`},
	{`"www.example.com:80"`, `"http://www.example.com"`, `f.yaml:4:73: probes[1].host: bad host "http://www.example.com"; write it like www.example.com or www.example.com:8080`},
	{`"www.example.com:80"`, `"www.example.com:0"`, `f.yaml:4:73: probes[1].host: bad host "www.example.com:0"; write it like www.example.com or www.example.com:8080`},
	{`"www.example.com:80"`, `10.0.0.300`, `f.yaml:4:73: probes[1].host: bad host "10.0.0.300"; write it like www.example.com or www.example.com:8080`},
	{"[200, 300-399]", "[200, 300-600]", `f.yaml:4:109: probes[1].status[1]: 300-600 is out of range; use a status from 100 to 599`},
	{"[200, 300-399]", "[200, 399-300]", `f.yaml:4:109: probes[1].status[1]: the range 399-300 runs backwards; write 300-399`},
	{"[200, 300-399]", "2xx", `f.yaml:4:103: probes[1].status: want a status, not "2xx"; write 200-299`},
	{"[200, 300-399]", "ok", `f.yaml:4:103: probes[1].status: want a status, not "ok"; write it like 200 or 200-299`},
	{"[200, 300-399]", "[]", `f.yaml:4:103: probes[1].status: no status; add one, like 200, or remove the key`},
	{"body: ^ok", "body: (ok", `f.yaml:4:125: probes[1].body: bad regular expression "(ok", missing closing ) at "(ok"; mend it, or write \ before signs that stand for themselves`},
	{"body: ^ok", "body: " + strings.Repeat("a", 1025), `f.yaml:4:125: probes[1].body: the regular expression "` + strings.Repeat("a", 64) + `..." is longer than 1024 bytes; shorten it`},
	{"sni: sni.example.com", "sni: 10.0.0.1", `f.yaml:5:64: probes[2].sni: bad name "10.0.0.1"; write it like www.example.com`},
	{"verify: false", "verify: no", `f.yaml:5:89: probes[2].verify: want true or false, not "no"; write false`},
	{"verify: false", "ca: /nowhere/ca.pem", `f.yaml:5:85: probes[2].ca: cannot read /nowhere/ca.pem: no such file or directory; name a file of certificates in PEM form`},
	{"verify: false", "ca: /", `f.yaml:5:85: probes[2].ca: / is no regular file; name a file of certificates in PEM form`},
	{"verify: false", "ca: failure_test.go", `f.yaml:5:85: probes[2].ca: failure_test.go holds no certificate; name a file of certificates in PEM form`},
	{
		"verify: false", "verify: false, ca: failure_test.go", "" +
			`f.yaml:5:100: probes[2].ca: failure_test.go holds no certificate; name a file of certificates in PEM form` + "\n" +
			`f.yaml:5:100: probes[2].ca: certificates to check by, but verify is false; remove one of the two`,
	},

	// UDP.
	{`send: "ping\r\n", `, "", `f.yaml:6:5: probes[3]: missing send; add send: "ping", or send-hex: 70696e67`},
	{"send-hex: 00 ff", "send-hex: 00 ff, send: x", `f.yaml:7:47: probes[4].send-hex: send and send-hex are both given; remove one`},
	{"send-hex: 00 ff", "send-hex: 0", `f.yaml:7:47: probes[4].send-hex: want hex digits, not "0"; write two a byte, like "70 69 6e 67"`},
	{"send-hex: 00 ff", "send-hex: 0xff", `f.yaml:7:47: probes[4].send-hex: want hex digits, not "0xff"; write two a byte, like "70 69 6e 67"`},
	{"send-hex: 00 ff", "send-hex: " + strings.Repeat("00", 1473), `f.yaml:7:47: probes[4].send-hex: 1473 bytes, more than one frame holds; send 1472 or less`},
	{`send: "ping\r\n"`, `send: "\xff"`, `f.yaml:6:44: probes[3].send: "ÿ" in double quotes would be sent as the two bytes c3 bf; write bytes above 7f by send-hex, text in single quotes`},
	{"expect: pong|PONG", "expect: '*'", "f.yaml:6:64: probes[3].expect: bad regular expression \"*\", missing argument to repetition operator at \"*\"; mend it, or write \\ before signs that stand for themselves"},

	// DNS.
	{"query: example.com, ", "", `f.yaml:8:5: probes[5]: missing query; add query: example.com`},
	{"query: example.com", "query: example..com", `f.yaml:8:46: probes[5].query: bad name "example..com"; write it like www.example.com`},
	{"record: AAAA", "record: aaaa", `f.yaml:8:67: probes[5].record: unknown record "aaaa"; write AAAA`},
	{"record: AAAA", "record: MX", `f.yaml:8:67: probes[5].record: unknown record "MX"; use A, AAAA, TXT, SOA or NS`},
	{"record: AAAA", "record: A", `f.yaml:8:78: probes[5].answer: an A record holds an IPv4 address, not "2001:DB8:0::1"; write it like 192.0.2.1`},
	{`"2001:DB8:0::1"`, "10.0.0.1", `f.yaml:8:81: probes[5].answer: an AAAA record holds an IPv6 address, not "10.0.0.1"; write it like 2001:db8::1`},
}

func TestFailureErrors(t *testing.T) {
	for _, c := range failureErrors {
		if strings.Count(failure, c.old) != 1 {
			t.Errorf("%q is not once in the right configuration", c.old)
			continue
		}
		_, err := Parse("f.yaml", []byte(strings.Replace(failure, c.old, c.new, 1)))
		if err == nil {
			t.Errorf("%.80q: no error\nwant %s", c.new, c.want)
		} else if got := err.Error(); got != c.want {
			t.Errorf("%.80q:\ngot  %s\nwant %s", c.new, got, c.want)
		}
	}
}

// What two virtuals say alike is no contradiction, whichever way they say it.
func TestVirtualsAgree(t *testing.T) {
	const head = "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]\n" +
		"probes: [{name: t, type: tcp}]\n" +
		"reals: [{name: a, address: 10.0.0.2, port: 1}]\nvirtuals:\n"
	for _, says := range [][2]string{
		{"threshold: 0", "threshold: off"},
		{"slow-start: 0s", "slow-start: off"},
		{"slow-start: 0", "slow-start: off"},
		{"retry: 60s", "retry: 1m"},
		{"retry: 10s", "threshold: 5"},
		{"probe: t", "probe: t"},
		{"probe: &p {type: tcp}", "probe: *p"},
		{"probe: {type: http, body: ok}", "probe: {body: ok, type: http, path: /}"},
		{"probe: off", "probe: off"},
	} {
		text := head + "- {name: v, address: 10.0.0.9, port: 1, reals: [a], " + says[0] + "}\n" +
			"- {name: w, address: 10.0.0.9, port: 2, reals: [a], " + says[1] + "}\n"
		if _, err := Parse("f.yaml", []byte(text)); err != nil {
			t.Errorf("%q:\n%v", says, err)
		}
	}
}

// A wrong real or virtual is no reason to call wrong what names it.
func TestOneMistakeIsOneError(t *testing.T) {
	const head = "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]\n"
	for _, text := range []string{
		head + "reals: [{name: a, address: 10.0.0.2, backup: b}, {name: '', address: 10.0.0.3}]\n",
		head + "reals: [{name: a, address: 10.0.0.2, probe: t}]\nprobes: [{name: '', type: tcp}]\n",
		head + "reals: [{name: a, address: 10.0.0.2, port: x, probe: {type: tcp}}]\n",
		head + "virtuals: [{name: v, address: 10.0.0.2, port: 1, backup: w}, {name: 'w w', address: 10.0.0.3, port: 1}]\n",
		head + "virtuals: [{name: v, address: 10.0.0.2, port: 1, backup: w}, w]\n",
	} {
		_, err := Parse("f.yaml", []byte(text))
		if errs := all(err); len(errs) != 1 {
			t.Errorf("%s: %d errors\n%v", text, len(errs), err)
		}
	}
}

// chained writes reals of which each, but for the last, names the next.
func chained(count int, last string) []byte {
	var b strings.Builder
	b.WriteString("ports: [{name: p, device: net_null0, addresses: [10.0.0.1/8]}]\nreals:\n")
	for i := range count {
		backup := fmt.Sprintf("r%d", i+1)
		if i == count-1 {
			backup = last
		}
		fmt.Fprintf(&b, "- {name: r%d, address: 10.1.%d.%d, backup: %s}\n", i, i/250, 1+i%250, backup)
	}
	return []byte(b.String())
}

func TestChains(t *testing.T) {
	c, err := Parse("f.yaml", chained(MaxChain+1, ""))
	if err != nil {
		t.Fatal(err)
	}
	var want []int
	for i := range MaxChain {
		want = append(want, i+1)
	}
	for i := range c.Reals {
		if diff := cmp.Diff(want[i:], c.RealChain(i), equalEmpty); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}

	_, err = Parse("f.yaml", chained(MaxChain+2, ""))
	wantError(t, err, "f.yaml:3:41: reals[0].backup: more than 64 backups one behind the other, from real r0 on; make the chain shorter")

	_, err = Parse("f.yaml", chained(10, "r2"))
	wantError(t, err, "f.yaml:5:41: reals[2].backup: the backups go in a circle: r2 → r3 → r4 → r5 → r6 → r7 → 2 more → r2; remove one of them")

	// As long as can be: one error for the circle, in no more time than the file takes to read.
	_, err = Parse("f.yaml", chained(MaxReals-10_000, "r0"))
	if errs := all(err); len(errs) != 1 || !strings.Contains(errs[0].Problem, " → 55529 more → r0") {
		t.Errorf("%.500v", err)
	}
}

var equalEmpty = cmp.Comparer(func(a, b []int) bool { return slices.Equal(a, b) })

// Configurations made by hand have chains, too, and end where they go in a circle.
func TestChainsByHand(t *testing.T) {
	c := &Config{
		Reals:    []Real{{Name: "a", Backup: "c"}, {Name: "b"}, {Name: "c", Backup: "b"}, {Name: "d", Backup: "none"}},
		Virtuals: []Virtual{{Name: "v", Backup: "w"}, {Name: "w", Backup: "v"}, {Name: "x", Backup: "v"}},
	}
	if got := c.RealChain(0); !slices.Equal(got, []int{2, 1}) {
		t.Errorf("a: %v", got)
	}
	for _, i := range []int{1, 3} {
		if got := c.RealChain(i); got != nil {
			t.Errorf("%s: %v", c.Reals[i].Name, got)
		}
	}
	if got := c.VirtualChain(2); len(got) != MaxChain || got[0] != 0 || got[1] != 1 {
		t.Errorf("x: %v", got)
	}
}

// Every field but the place counts.
func TestProbeEqual(t *testing.T) {
	c, err := Parse("f.yaml", []byte(failure))
	if err != nil {
		t.Fatal(err)
	}
	var none *Probe
	if !none.Equal(nil) || none.Equal(c.Probes[0]) || c.Probes[0].Equal(none) {
		t.Error("nil")
	}
	other := *readAll(t).Probes[0]
	for i := range reflect.TypeFor[Probe]().NumField() {
		p := Probe{}
		field := reflect.TypeFor[Probe]().Field(i).Name
		reflect.ValueOf(&p).Elem().Field(i).Set(reflect.ValueOf(other).Field(i))
		if reflect.ValueOf(p).Field(i).IsZero() {
			t.Errorf("%s is zero in the test", field)
		}
		if same := p.Equal(&Probe{}); same != (field == "Pos") {
			t.Errorf("differ in %s: equal %v", field, same)
		}
		q := p
		if !p.Equal(&q) {
			t.Errorf("%s: not equal to its copy", field)
		}
	}
}

// readAll returns a probe that has something in each field, which no single
// type has.
func readAll(t *testing.T) *Config {
	t.Helper()
	c, err := Parse("f.yaml", []byte(strings.Replace(failure, "verify: false", "ca: testdata/ca.pem", 1)))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Probes[2]
	p.Type, p.Port, p.Jitter, p.Body = ProbeHTTPS, 1, 1, c.Probes[1].Body
	p.Send, p.Expect = c.Probes[3].Send, c.Probes[3].Expect
	p.Query, p.Record, p.Answer = "q", "A", "a"
	return &Config{Probes: []*Probe{p}}
}

func TestCertificates(t *testing.T) {
	const good = "testdata/ca.pem"
	large := filepath.Join(t.TempDir(), "large.pem")
	if err := os.WriteFile(large, make([]byte, maxCA+1), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]\n" +
		"probes:\n- {name: s, type: https, ca: %[1]s}\n- {name: t, type: https, ca: %[1]s}\n- {name: u, type: https}\n"
	c, err := Parse("f.yaml", fmt.Appendf(nil, text, good))
	if err != nil {
		t.Fatal(err)
	}
	s, u := c.Probes[0], c.Probes[2]
	if s.CA != good || s.Roots == nil || s.Roots != c.Probes[1].Roots || u.Roots != nil {
		t.Errorf("%+v, %+v", s, u)
	}
	_, err = Parse("f.yaml", fmt.Appendf(nil, text, large))
	if errs := all(err); len(errs) != 2 || errs[0].Problem != large+" is larger than 8 MiB" {
		t.Errorf("%v", err)
	}
}
