package api

import (
	"cmp"
	"fmt"
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
}

// routes are all; a test holds docs/api.md against them.
func routes() []route {
	return []route{
		{Route{"GET", "/v1", "the routes"}, nil, (*Server).index},
		{Route{"GET", "/v1/reals", "reals; ?name= picks some"}, []string{"name"}, (*Server).reals},
		{Route{"GET", "/v1/reals/{name}", "one real"}, nil, (*Server).real},
		{Route{"POST", "/v1/reals/{name}", `sets a real's state: {"state": "maintenance"}`}, nil, (*Server).setReal},
		{Route{"GET", "/v1/virtuals", "virtuals; ?name= picks some"}, []string{"name"}, (*Server).virtuals},
		{Route{"GET", "/v1/workers", "workers; ?number= picks some"}, []string{"number"}, (*Server).workers},
		{
			Route{"GET", "/v1/flows", "flows, in pages; ?limit= &cursor= &virtual= &real= &client= &phase="},
			[]string{"limit", "cursor", "virtual", "real", "client", "phase"},
			(*Server).flows,
		},
		{
			Route{"GET", "/v1/events", "events, one a line; ?since=SEQ, &follow=1 for those to come"},
			[]string{"since", "follow"},
			(*Server).events,
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
		r.Body = http.MaxBytesReader(w, r.Body, s.limits.body)
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

func (s *Server) index(w http.ResponseWriter, _ *http.Request) error {
	var index Index
	for _, r := range routes() {
		index.Routes = append(index.Routes, r.Route)
	}
	slices.SortStableFunc(index.Routes, func(a, b Route) int { return cmp.Compare(a.Path, b.Path) })
	answer(w, http.StatusOK, index)
	return nil
}
