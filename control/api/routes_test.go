package api_test

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"linedirector/control/api"
	"linedirector/control/api/apitest"
)

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

func TestLists(t *testing.T) {
	s := serve(t)
	all := apitest.New()
	reals := get[struct{ Reals []api.Real }](s, "/v1/reals").Reals
	if diff := cmp.Diff(all.RealList, reals, sameAddresses); diff != "" {
		t.Errorf("reals (-want +got)\n%s", diff)
	}
	virtuals := get[struct{ Virtuals []api.Virtual }](s, "/v1/virtuals").Virtuals
	if diff := cmp.Diff(all.VirtualList, virtuals, sameAddresses); diff != "" {
		t.Errorf("virtuals (-want +got)\n%s", diff)
	}
	workers := get[struct{ Workers []api.Worker }](s, "/v1/workers").Workers
	if diff := cmp.Diff(all.WorkerList, workers); diff != "" {
		t.Errorf("workers (-want +got)\n%s", diff)
	}
	page := get[api.FlowPage](s, "/v1/flows")
	if diff := cmp.Diff(api.FlowPage{Flows: all.FlowList}, page, sameAddresses); diff != "" {
		t.Errorf("flows (-want +got)\n%s", diff)
	}
	one := get[api.Real](s, "/v1/reals/ns")
	if diff := cmp.Diff(all.RealList[3], one, sameAddresses); diff != "" {
		t.Errorf("one real (-want +got)\n%s", diff)
	}
	if one := get[api.Real](s, "/v1/reals/web1"); one.Draining {
		t.Error("a name that is used again means the one that drains")
	}
}

// What operators build upon: fields may be added, but none may change.
func TestPromisedFields(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]string{
		"/v1/reals?name=web2": `{"reals":[{"name":"web2","address":"10.0.0.12","port":8080,"state":"failed","since":"2025-11-25T03:59:42Z",` +
			`"cause":"threshold reached","draining":false,"weight":1,"connections":12,"opened_total":400112,"ditched":8,"threshold":8,` +
			`"ditched_by_silence_total":60,"ditched_by_reset_total":9,"reassigned_total":68,"response_time_seconds":0.25,` +
			`"retry_in_seconds":42,"backup":"spare","virtuals":["web","web-tls"],` +
			`"probe":{"type":"http","up":false,"last":"2025-11-25T03:59:59Z","cause":"status 503"}}]}`,
		"/v1/reals?name=spare": `{"reals":[{"name":"spare","address":"10.0.0.19","port":8080,"state":"in-service","since":"2025-11-25T03:55:00Z",` +
			`"cause":"","draining":false,"weight":1,"connections":40,"opened_total":40,"ditched":0,"threshold":8,` +
			`"ditched_by_silence_total":0,"ditched_by_reset_total":0,"reassigned_total":0,"slow_start_left_seconds":12.5,"virtuals":["web"]}]}`,
		"/v1/virtuals?name=web-tls": `{"virtuals":[{"name":"web-tls","address":"192.0.2.10","port":443,"protocol":"tcp","predictor":"weighted",` +
			`"draining":false,"connections":7,"opened_total":80,"half_open":0,"reals":[{"name":"web2","state":"failed"}],"backup":"web",` +
			`"active":{"tier":"backup","virtual":"web"},"no_real_total":3}]}`,
		"/v1/workers?number=1": `{"workers":[{"number":1,"cpu":3,"flows":560,"capacity":1048576,"forward_packets_total":0,"reply_packets_total":0,` +
			`"forward_bytes_total":0,"reply_bytes_total":0,"handed_over_total":0,"drops_total":0,"busy_share":0,"longest_stall_seconds":0.0121}]}`,
		"/v1/flows?phase=half-open": `{"flows":[{"client":"198.51.100.7:50002","virtual_endpoint":"192.0.2.10:80","real_endpoint":"10.0.0.12:8080",` +
			`"virtual":"web","real":"web2","protocol":"tcp","phase":"half-open","age_seconds":1.9,"idle_seconds":0.9,"syns":2,` +
			`"forward_bytes":0,"reply_bytes":0,"worker":1}]}`,
		"/v1/events?since=1": `{"seq":2,"time":"2025-11-25T03:59:57Z","kind":"state","real":"ns","from":"in-service","to":"maintenance",` +
			`"cause":"operator","numbers":{"ditched":0,"threshold":8,"by_silence":0,"by_reset":0,"connections":0},` +
			`"text":"real ns: in-service → maintenance: operator"}`,
	} {
		if status, text := s.ask("GET", path, ""); status != http.StatusOK || compact(t, text) != want {
			t.Errorf("GET %s: %d %s\nwant %s", path, status, compact(t, text), want)
		}
	}
}

func TestNames(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]int{
		"/v1/reals?name=web1":            2, // one of them drains
		"/v1/reals?name=ns&name=web2":    2,
		"/v1/virtuals?name=dns":          1,
		"/v1/virtuals?name=dns&name=dns": 1,
		"/v1/workers?number=0":           1,
	} {
		list := get[map[string][]any](s, path)
		for _, all := range list {
			if len(all) != want {
				t.Errorf("%s: %d, want %d", path, len(all), want)
			}
		}
	}
}

// Every wrong request gets its status, the problem and the mend.
func TestWrongRequests(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct {
		method, path, body string
		status             int
		problem, mend      string
	}{
		{"GET", "/v1/reals?name=webb1", "", 404, "no real 'webb1'", "did you mean 'web1'?"},
		{"GET", "/v1/reals/wbe2", "", 404, "no real 'wbe2'", "did you mean 'web2'?"},
		{"GET", "/v1/reals/%0A%1b[31m", "", 404, "no real '??[31m'", "there is web1, web2, spare, ns"},
		{"GET", "/v1/reals?name=web1&name=kuchen", "", 404, "no real 'kuchen'", "there is web1, web2, spare, ns"},
		{"GET", "/v1/virtuals?name=web-tsl", "", 404, "no virtual 'web-tsl'", "did you mean 'web-tls'?"},
		{"GET", "/v1/workers?number=7", "", 404, "no worker '7'", "there is 0, 1"},
		{"GET", "/v1/reals?nam=web1", "", 400, "no parameter 'nam'", "did you mean 'name'?"},
		{"GET", "/v1/workers?x", "", 400, "no parameter 'x'", "there is number"},
		{"GET", "/v1?x=1", "", 400, "no parameter 'x'", "there is none"},
		{"GET", "/v1/reals?name=%zz", "", 400, `cannot read the query: invalid URL escape "%zz"`, "escape it as in %20"},
		{"GET", "/", "", 404, "no route '/'", "GET /v1 lists the routes"},
		{"GET", "/v1/real", "", 404, "no route '/v1/real'", "GET /v1 lists the routes"},
		{"GET", "/v2/reals", "", 404, "no route '/v2/reals'", "GET /v1 lists the routes"},
		{"POST", "/v1/virtuals", "", 405, "POST is not for /v1/virtuals", "use GET"},
		{"DELETE", "/v1/reals/web1", "", 405, "DELETE is not for /v1/reals/web1", "use GET, POST"},
		{"GET", "/v1/flows?limit=0", "", 400, "no limit '0'", "give a number from 1 to 10000"},
		{"GET", "/v1/flows?limit=10001", "", 400, "no limit '10001'", "give a number from 1 to 10000"},
		{"GET", "/v1/flows?limit=many", "", 400, "no limit 'many'", "give a number from 1 to 10000"},
		{"GET", "/v1/flows?cursor=x", "", 400, "no cursor 'x'", "begin anew without one"},
		{"GET", "/v1/flows?phase=halfopen", "", 400, "no phase 'halfopen'", "did you mean 'half-open'?"},
		{"GET", "/v1/flows?real=web3", "", 404, "no real 'web3'", "did you mean 'web1'?"},
		{"GET", "/v1/flows?virtual=ns", "", 404, "no virtual 'ns'", "did you mean 'dns'?"},
		{"GET", "/v1/flows?client=10.0.0.0/33", "", 400, "no client '10.0.0.0/33'", "give an address or a prefix, as in 198.51.100.7 or 198.51.100.0/24"},
		{"GET", "/v1/flows?client=localhost", "", 400, "no client 'localhost'", "give an address or a prefix, as in 198.51.100.7 or 198.51.100.0/24"},
		{"GET", "/v1/events?since=yesterday", "", 400, "no event 'yesterday'", "give an event's number, or leave since away for all that are kept"},
		{"GET", "/v1/events?since=3", "", 404, "no event 3: the last is 2", "numbers begin anew when the director starts; leave since away for all that are kept"},
		{"GET", "/v1/events?follow=yes", "", 400, "follow is not 'yes'", "give follow=1 or leave it away"},
		{"POST", "/v1/reals/web1", "", 400, "the request is empty", `send {"state": "maintenance"}`},
		{"POST", "/v1/reals/web1", "state=failed", 400, "cannot read the request: invalid character 's' looking for beginning of value", `send {"state": "maintenance"}`},
		{"POST", "/v1/reals/web1", `{"stat": "x"}`, 400, `cannot read the request: json: unknown field "stat"`, `send {"state": "maintenance"}`},
		{"POST", "/v1/reals/web1", `{}`, 400, "the request has no state", `send {"state": "maintenance"}`},
		{"POST", "/v1/reals/web1", `{"state": "maintenance"} {}`, 400, "cannot read the request: there is more behind the object", `send {"state": "maintenance"}`},
		{"POST", "/v1/reals/web1", `{"state": "maintainance"}`, 400, "no state 'maintainance'", "did you mean 'maintenance'?"},
		{"POST", "/v1/reals/web1", `{"state": ""}`, 400, "no state ''", "set in-service, maintenance, sticky-only, out-of-service or externally-failed"},
		{"POST", "/v1/reals/web1", `{"state": "failed"}`, 400, "state 'failed' is the director's own finding", "set in-service, maintenance, sticky-only, out-of-service or externally-failed"},
		{"POST", "/v1/reals/webb1", `{"state": "maintenance"}`, 404, "no real 'webb1'", "did you mean 'web1'?"},
	} {
		status, text := s.ask(tt.method, tt.path, tt.body)
		want := `{"error":` + strconv.Quote(tt.problem) + `,"mend":` + strconv.Quote(tt.mend) + `}`
		if status != tt.status || compact(t, text) != want {
			t.Errorf("%s %s %s: %d %s\nwant %d %s", tt.method, tt.path, tt.body, status, compact(t, text), tt.status, want)
		}
	}
	if diff := cmp.Diff(apitest.New().RealList, s.backend.RealList, sameAddresses); diff != "" {
		t.Errorf("a wrong request changed something\n%s", diff)
	}
}

func TestManyNames(t *testing.T) {
	s := serve(t)
	for i := range 10 {
		s.backend.RealList = append(s.backend.RealList, api.Real{Name: "n" + strconv.Itoa(i)})
	}
	if _, text := s.ask("GET", "/v1/reals/kuchen", ""); !strings.Contains(text, "list them with ldctl show real") {
		t.Error(text)
	}
	s.backend.RealList = nil
	if status, text := s.ask("GET", "/v1/reals", ""); status != 200 || compact(t, text) != `{"reals":[]}` {
		t.Errorf("none: %d %s", status, text)
	}
}

func TestIndexAndHead(t *testing.T) {
	s := serve(t)
	index := get[api.Index](s, "/v1")
	if len(index.Routes) != 8 {
		t.Errorf("%d routes: %v", len(index.Routes), index.Routes)
	}
	for _, r := range index.Routes {
		if r.Method == "GET" {
			path := strings.ReplaceAll(r.Path, "{name}", "web1")
			if status, text := s.ask("HEAD", path, ""); status != http.StatusOK || text != "" {
				t.Errorf("HEAD %s: %d %s", path, status, text)
			}
		}
	}
}

func TestFlowPages(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct {
		query string
		want  []int // of the example's flows
	}{
		{"", []int{0, 1, 2}},
		{"real=web1", []int{0}},
		{"virtual=web", []int{0, 1}},
		{"virtual=web&phase=half-open", []int{1}},
		{"client=198.51.100.7", []int{0, 1}},
		{"client=198.51.100.8/31", []int{2}},
		{"client=203.0.113.0/24", nil},
	} {
		var got []api.Flow
		for cursor, pages := "", 0; ; pages++ {
			page := get[api.FlowPage](s, "/v1/flows?limit=1&cursor="+cursor+"&"+tt.query)
			if len(page.Flows) > 1 || pages > 4 {
				t.Fatalf("%s: page %d has %d flows", tt.query, pages, len(page.Flows))
			}
			got = append(got, page.Flows...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		var want []api.Flow
		for _, i := range tt.want {
			want = append(want, s.backend.FlowList[i])
		}
		if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.query, diff)
		}
	}
}
