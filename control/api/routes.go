package api

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is a route with what serves it.
type route struct {
	Route
	params []string // that its query may have
	serve  func(*Server, http.ResponseWriter, *http.Request) error
	large  bool // its body is a configuration
}

// routes are all; a test holds docs/api.md against them.
func routes() []route {
	return []route{
		{Route: Route{"GET", "/v1", "the routes"}, serve: (*Server).index},
		{Route: Route{"GET", "/v1/reals", "reals; ?name= picks some"}, params: []string{"name"}, serve: (*Server).reals},
		{Route: Route{"GET", "/v1/reals/{name}", "one real"}, serve: (*Server).real},
		{
			Route: Route{"POST", "/v1/reals/{name}", `sets a real's state, weight, maxconns or load: {"state": "maintenance"}`},
			serve: (*Server).setReal,
		},
		{Route: Route{"POST", "/v1/reals/{name}/flush", "cuts a real's connections"}, serve: (*Server).flushReal},
		{Route: Route{"GET", "/v1/virtuals", "virtuals; ?name= picks some"}, params: []string{"name"}, serve: (*Server).virtuals},
		{Route: Route{"GET", "/v1/virtuals/{name}", "one virtual"}, serve: (*Server).virtual},
		{Route: Route{"POST", "/v1/virtuals/{name}/flush", "cuts a virtual's connections"}, serve: (*Server).flushVirtual},
		{Route: Route{"GET", "/v1/workers", "workers; ?number= picks some"}, params: []string{"number"}, serve: (*Server).workers},
		{Route: Route{"GET", "/v1/ports", "ports; ?name= picks some"}, params: []string{"name"}, serve: (*Server).ports},
		{
			Route:  Route{"GET", "/v1/neighbours", "next hops on the ports' links; ?address= picks some"},
			params: []string{"address"}, serve: (*Server).neighbours,
		},
		{
			Route:  Route{"GET", "/v1/flows", "flows, in pages; ?limit= &cursor= &virtual= &real= &client= &phase="},
			params: []string{"limit", "cursor", "virtual", "real", "client", "phase"}, serve: (*Server).flows,
		},
		{
			Route:  Route{"GET", "/v1/sticky", "sticky entries, in pages; ?limit= &cursor= &group= &real= &client="},
			params: []string{"limit", "cursor", "group", "real", "client"}, serve: (*Server).sticky,
		},
		{
			Route:  Route{"DELETE", "/v1/sticky", "forgets sticky entries; ?group= &real= &client=, at least one"},
			params: []string{"group", "real", "client"}, serve: (*Server).flushSticky,
		},
		{
			Route:  Route{"GET", "/v1/explain", "what becomes of a packet, and why; ?client=A:P &virtual=A:P &protocol=tcp"},
			params: []string{"client", "virtual", "protocol"}, serve: (*Server).explain,
		},
		{
			Route:  Route{"GET", "/v1/config", "the configuration in force; ?previous=1 the one before"},
			params: []string{"previous"}, serve: (*Server).config,
		},
		{
			Route:  Route{"POST", "/v1/config", "applies a configuration; ?name= of its file, &dry_run=1 changes nothing"},
			params: []string{"name", "dry_run"}, serve: (*Server).apply, large: true,
		},
		{
			Route:  Route{"POST", "/v1/config/diff", "in what a configuration differs from the one in force; ?name= of its file"},
			params: []string{"name"}, serve: (*Server).diff, large: true,
		},
		{
			Route:  Route{"POST", "/v1/config/rollback", "applies the configuration before; ?dry_run=1 changes nothing"},
			params: []string{"dry_run"}, serve: (*Server).rollback,
		},
		{
			Route:  Route{"GET", "/v1/events", "events, one a line; ?since=SEQ, &follow=1 for those to come"},
			params: []string{"since", "follow"}, serve: (*Server).events,
		},
	}
}

// handler dispatches. What it cannot dispatch is answered as everything else is: in JSON, with the mend.
func (s *Server) handler() http.Handler {
	byPath := map[string]map[string]route{}
	for _, r := range routes() {
		if byPath[r.Path] == nil {
			byPath[r.Path] = map[string]route{}
		}
		byPath[r.Path][r.Method] = r
	}
	mux := http.NewServeMux()
	for path, methods := range byPath {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.dispatch(w, r, methods) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &Error{http.StatusNotFound, fmt.Sprintf("no route '%s'", clip(r.URL.Path)), "GET /v1 lists the routes"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if connOf(r).tooMany {
			w.Header().Set("Connection", "close")
			fail(w, &Error{
				http.StatusServiceUnavailable, fmt.Sprintf("%d connections are open already", s.limits.conns),
				"close some, or try again",
			})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// dispatch serves a route that has the request's method, and none but the parameters of its query.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, methods map[string]route) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http leaves the body away
	}
	to, ok := methods[method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		w.Header().Set("Allow", allowed)
		fail(w, &Error{http.StatusMethodNotAllowed, fmt.Sprintf("%s is not for %s", clip(r.Method), clip(r.URL.Path)), "use " + allowed})
		return
	}
	limit := s.limits.body
	if to.large {
		limit = s.limits.config
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	err := known(r.URL.RawQuery, to.params)
	if err == nil {
		err = to.serve(s, w, r)
	}
	if err != nil {
		fail(w, err)
	}
}

// known refuses parameters that a route does not have: one that is misspelt must not pick everything.
func known(query string, params []string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return wrong("escape it as in %20", "cannot read the query: %v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(params, name) {
			e := Unknown("parameter", name, params, "GET /v1")
			e.Status = http.StatusBadRequest
			return e
		}
	}
	return nil
}

// noBody refuses what nothing reads: whoever wrote it there means something.
func noBody(r *http.Request) error {
	switch _, err := io.ReadFull(r.Body, make([]byte, 1)); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return wrong("send no body", "cannot read the request: %v", err)
	default:
		return wrong("send no body; what can be said stands in the query", "the request has a body")
	}
}

// switched reads a parameter that is 1 or is not there.
func switched(values url.Values, name string) (bool, error) {
	switch text := values.Get(name); text {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, wrong("give "+name+"=1 or leave it away", "%s is not '%s'", name, clip(text))
	}
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request) error {
	var index Index
	for _, r := range routes() {
		index.Routes = append(index.Routes, r.Route)
	}
	slices.SortStableFunc(index.Routes, func(a, b Route) int { return cmp.Compare(a.Path, b.Path) })
	answer(w, http.StatusOK, index)
	return nil
}
