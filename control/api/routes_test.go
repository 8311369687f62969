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
	ports := get[struct{ Ports []api.Port }](s, "/v1/ports").Ports
	if diff := cmp.Diff(all.PortList, ports, sameAddresses); diff != "" {
		t.Errorf("ports (-want +got)\n%s", diff)
	}
	neighbours := get[struct{ Neighbours []api.Neighbour }](s, "/v1/neighbours").Neighbours
	if diff := cmp.Diff(all.NeighbourList, neighbours, sameAddresses); diff != "" {
		t.Errorf("neighbours (-want +got)\n%s", diff)
	}
	entries := get[api.StickyPage](s, "/v1/sticky")
	if diff := cmp.Diff(api.StickyPage{Sticky: all.StickyList}, entries, sameAddresses); diff != "" {
		t.Errorf("sticky entries (-want +got)\n%s", diff)
	}
	page := get[api.FlowPage](s, "/v1/flows")
	if diff := cmp.Diff(api.FlowPage{Flows: all.FlowList}, page, sameAddresses); diff != "" {
		t.Errorf("flows (-want +got)\n%s", diff)
	}
	one := get[api.Real](s, "/v1/reals/ns")
	if diff := cmp.Diff(all.RealList[3], one, sameAddresses); diff != "" {
		t.Errorf("one real (-want +got)\n%s", diff)
	}
	virtual := get[api.Virtual](s, "/v1/virtuals/dns")
	if diff := cmp.Diff(all.VirtualList[2], virtual, sameAddresses); diff != "" {
		t.Errorf("one virtual (-want +got)\n%s", diff)
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
		"/v1/virtuals?name=web-tls": `{"virtuals":[{"name":"web-tls","address":"192.0.2.10","port":443,"protocol":"tcp","class":"staff",` +
			`"predictor":"weighted","sticky":{"timer_seconds":600,"prefix":32,"buddies":"shop"},"expiry":"reset",` +
			`"draining":false,"connections":7,"opened_total":80,"half_open":0,` +
			`"reals":[{"name":"web2","state":"failed","weight":1,"connections":0}],"backup":"web",` +
			`"active":{"tier":"backup","virtual":"web"},"no_real_total":3}]}`,
		"/v1/virtuals/dns": `{"name":"dns","address":"192.0.2.10","port":53,"protocol":"udp","predictor":"roundrobin","draining":false,` +
			`"connections":0,"opened_total":7,"half_open":0,"reals":[{"name":"ns","state":"maintenance","weight":1,"connections":0}],` +
			`"active":{"tier":"none"},"no_real_total":12}`,
		"/v1/sticky?client=203.0.113.0/24": `{"sticky":[{"group":"shop","client":"203.0.113.9/32","real":"web2","connections":0,` +
			`"expires_in_seconds":42.5}]}`,
		"/v1/sticky?real=web1": `{"sticky":[{"group":"shop","client":"198.51.100.7/32","real":"web1","connections":1}]}`,
		"/v1/ports?name=inside": `{"ports":[{"name":"inside","device":"net_af_xdp0","driver":"net_af_xdp","side":"reals",` +
			`"mac":"02:00:5e:00:00:02","mtu":9000,"up":false,"addresses":[],"rx_queues":1,"tx_queues":2,"steering":"single",` +
			`"rx_packets_total":0,"tx_packets_total":0,"rx_bytes_total":0,"tx_bytes_total":0,"rx_missed_total":0,"rx_errors_total":0,` +
			`"tx_errors_total":5,"rx_no_mbuf_total":1}]}`,
		"/v1/neighbours?address=10.0.0.12": `{"neighbours":[{"address":"10.0.0.12","port":"inside","kept":true,"for":"real web2"}]}`,
		"/v1/workers?number=1": `{"workers":[{"number":1,"cpu":3,"flows":560,"capacity":1048576,"guests":0,"forward_packets_total":0,"reply_packets_total":0,` +
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

const (
	setMend      = `send any of {"state": "maintenance", "weight": 1, "maxconns": 0, "load": 0}`
	clientMend   = "give an address or a prefix, as in 198.51.100.7 or 198.51.100.0/24"
	explainMend  = "give an address and a port, as in client=198.51.100.7:50001"
	explainMend2 = "give an address and a port, as in virtual=192.0.2.10:80"
	configMend   = "send a configuration, in YAML or JSON"
)

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
		{"GET", "/v1/flows?client=10.0.0.0/33", "", 400, "no client '10.0.0.0/33'", clientMend},
		{"GET", "/v1/flows?client=localhost", "", 400, "no client 'localhost'", clientMend},
		{"GET", "/v1/events?since=yesterday", "", 400, "no event 'yesterday'", "give an event's number, or leave since away for all that are kept"},
		{"GET", "/v1/events?since=3", "", 404, "no event 3: the last is 2", "numbers begin anew when the director starts; leave since away for all that are kept"},
		{"GET", "/v1/events?follow=yes", "", 400, "follow is not 'yes'", "give follow=1 or leave it away"},
		{"POST", "/v1/reals/web1", "", 400, "the request is empty", setMend},
		{"POST", "/v1/reals/web1", "state=failed", 400, "cannot read the request: invalid character 's' looking for beginning of value", setMend},
		{"POST", "/v1/reals/web1", `{"stat": "x"}`, 400, `cannot read the request: json: unknown field "stat"`, setMend},
		{"POST", "/v1/reals/web1", `{}`, 400, "the request sets nothing", setMend},
		{"POST", "/v1/reals/web1", `{"state": "maintenance"} {}`, 400, "cannot read the request: there is more behind the object", setMend},
		{"POST", "/v1/reals/web1", `{"state": "maintainance"}`, 400, "no state 'maintainance'", "did you mean 'maintenance'?"},
		{"POST", "/v1/reals/web1", `{"state": ""}`, 400, "no state ''", "set in-service, maintenance, sticky-only, out-of-service or externally-failed"},
		{"POST", "/v1/reals/web1", `{"state": "failed"}`, 400, "state 'failed' is the director's own finding", "set in-service, maintenance, sticky-only, out-of-service or externally-failed"},
		{"POST", "/v1/reals/web1", `{"weight": null}`, 400, "the request sets nothing", setMend},
		{"POST", "/v1/reals/web1", `{"weight": "1"}`, 400, "weight cannot be a string", setMend},
		{"POST", "/v1/reals/web1", `{"load": 1.5}`, 400, "load cannot be a number 1.5", setMend},
		{"POST", "/v1/reals/web1", `{"state": "maintenance", "weight": -1}`, 400, "no weight -1", "give a number from 0 to 65535"},
		{"POST", "/v1/reals/web1", `{"weight": 65536}`, 400, "no weight 65536", "give a number from 0 to 65535"},
		{"POST", "/v1/reals/web1", `{"maxconns": 2147483648}`, 400, "no maxconns 2147483648", "give a number from 0 to 2147483647"},
		{"POST", "/v1/reals/web1", `{"load": 1073741825}`, 400, "no load 1073741825", "give a number from 0 to 1073741824"},
		{"POST", "/v1/reals/webb1/flush", "", 404, "no real 'webb1'", "did you mean 'web1'?"},
		{"POST", "/v1/reals/web1/flush", "{}", 400, "the request has a body", "send no body; what can be said stands in the query"},
		{"POST", "/v1/virtuals/wbe/flush", "", 404, "no virtual 'wbe'", "did you mean 'web'?"},
		{"GET", "/v1/virtuals/web/flush", "", 405, "GET is not for /v1/virtuals/web/flush", "use POST"},
		{"GET", "/v1/virtuals/web-tsl", "", 404, "no virtual 'web-tsl'", "did you mean 'web-tls'?"},
		{"GET", "/v1/ports?name=otside", "", 404, "no port 'otside'", "did you mean 'outside'?"},
		{"GET", "/v1/neighbours?address=10.0.0.99", "", 404, "no neighbour '10.0.0.99'", "did you mean '10.0.0.11'?"},
		{"GET", "/v1/sticky?limit=0", "", 400, "no limit '0'", "give a number from 1 to 10000"},
		{"GET", "/v1/sticky?cursor=x", "", 400, "no cursor 'x'", "begin anew without one"},
		{"GET", "/v1/sticky?group=shpo", "", 404, "no sticky group 'shpo'", "did you mean 'shop'?"},
		{"GET", "/v1/sticky?group=dns", "", 404, "no sticky group 'dns'", "there is shop"},
		{"GET", "/v1/sticky?real=web3", "", 404, "no real 'web3'", "did you mean 'web1'?"},
		{"GET", "/v1/sticky?client=host", "", 400, "no client 'host'", clientMend},
		{"DELETE", "/v1/sticky", "", 400, "which sticky entries?", "give a group, a real or a client"},
		{"DELETE", "/v1/sticky?grp=shop", "", 400, "no parameter 'grp'", "there is group, real, client"},
		{"DELETE", "/v1/sticky?group=", "", 400, "which sticky entries?", "give a group, a real or a client"},
		{"DELETE", "/v1/sticky?real=web3", "", 404, "no real 'web3'", "did you mean 'web1'?"},
		{"DELETE", "/v1/sticky?real=web1", "{}", 400, "the request has a body", "send no body; what can be said stands in the query"},
		{"GET", "/v1/explain", "", 400, "there is no client", explainMend},
		{"GET", "/v1/explain?client=198.51.100.7:0&virtual=192.0.2.10:80", "", 400, "no client '198.51.100.7:0'", explainMend},
		{"GET", "/v1/explain?client=198.51.100.7:1&virtual=192.0.2.10", "", 400, "no virtual '192.0.2.10'", explainMend2},
		{"GET", "/v1/explain?client=[2001:db8::1]:1&virtual=192.0.2.10:80", "", 400, "2001:db8::1 cannot reach 192.0.2.10", "give two addresses of one family"},
		{"GET", "/v1/explain?client=1.2.3.4:1&virtual=192.0.2.10:80&protocol=icmp", "", 400, "no protocol 'icmp'", "give tcp or udp, or leave it away for tcp"},
		{"GET", "/v1/config?previous=yes", "", 400, "previous is not 'yes'", "give previous=1 or leave it away"},
		{"POST", "/v1/config?dry_run=yes", configText, 400, "dry_run is not 'yes'", "give dry_run=1 or leave it away"},
		{"POST", "/v1/config?dryrun=1", configText, 400, "no parameter 'dryrun'", "did you mean 'dry_run'?"},
		{"POST", "/v1/config", "", 400, "the request is empty", configMend},
		{"POST", "/v1/config/diff", "", 400, "the request is empty", configMend},
		{"POST", "/v1/config/rollback", "dry_run=1", 400, "the request has a body", "send no body; what can be said stands in the query"},
		{"POST", "/v1/reals/webb1", `{"state": "maintenance"}`, 404, "no real 'webb1'", "did you mean 'web1'?"},
	} {
		status, text := s.ask(tt.method, tt.path, tt.body)
		want := `{"error":` + strconv.Quote(tt.problem) + `,"mend":` + strconv.Quote(tt.mend) + `}`
		if status != tt.status || compact(t, text) != want {
			t.Errorf("%s %s %s: %d %s\nwant %d %s", tt.method, tt.path, tt.body, status, compact(t, text), tt.status, want)
		}
	}
	is, was := s.backend, apitest.New()
	for _, diff := range []string{
		cmp.Diff(was.RealList, is.RealList, sameAddresses), cmp.Diff(was.StickyList, is.StickyList, sameAddresses),
		cmp.Diff(was.InForce, is.InForce), cmp.Diff(was.Before, is.Before),
	} {
		if diff != "" {
			t.Errorf("a wrong request changed something\n%s", diff)
		}
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
	if len(index.Routes) != 20 {
		t.Errorf("%d routes: %v", len(index.Routes), index.Routes)
	}
	for _, r := range index.Routes {
		if r.Method == "GET" {
			path := strings.ReplaceAll(r.Path, "{name}", "web")
			switch path {
			case "/v1/reals/web":
				path += "1"
			case "/v1/explain":
				path += "?client=198.51.100.7:50001&virtual=192.0.2.10:80"
			}
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
