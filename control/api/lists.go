package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

// reals answers with all, or those that are named.
func (s *Server) reals(w http.ResponseWriter, r *http.Request) error {
	picked, err := s.pickReals(r.URL.Query()["name"])
	if err == nil {
		answer(w, http.StatusOK, realList{picked})
	}
	return err
}

// real answers with one.
func (s *Server) real(w http.ResponseWriter, r *http.Request) error {
	one, err := s.oneReal(r.PathValue("name"))
	if err == nil {
		answer(w, http.StatusOK, one)
	}
	return err
}

func (s *Server) virtuals(w http.ResponseWriter, r *http.Request) error {
	picked, err := s.pickVirtuals(r.URL.Query()["name"])
	if err == nil {
		answer(w, http.StatusOK, virtualList{picked})
	}
	return err
}

// virtual answers with one; with that of the configuration rather than with those of its name that drain.
func (s *Server) virtual(w http.ResponseWriter, r *http.Request) error {
	picked, err := s.pickVirtuals([]string{r.PathValue("name")})
	if err == nil {
		answer(w, http.StatusOK, picked[max(0, slices.IndexFunc(picked, func(v Virtual) bool { return !v.Draining }))])
	}
	return err
}

func (s *Server) ports(w http.ResponseWriter, r *http.Request) error {
	all, err := ask(s, func(b Backend) ([]Port, error) { return b.Ports(), nil })
	if err != nil {
		return err
	}
	picked, err := pick("port", all, func(p *Port) string { return p.Name }, r.URL.Query()["name"])
	if err != nil {
		return err
	}
	for i := range picked {
		if picked[i].Addresses == nil {
			picked[i].Addresses = []netip.Prefix{}
		}
	}
	answer(w, http.StatusOK, portList{picked})
	return nil
}

func (s *Server) neighbours(w http.ResponseWriter, r *http.Request) error {
	all, err := ask(s, func(b Backend) ([]Neighbour, error) { return b.Neighbours(), nil })
	if err != nil {
		return err
	}
	picked, err := pick("neighbour", all, func(n *Neighbour) string { return n.Address.String() }, r.URL.Query()["address"])
	if err == nil {
		answer(w, http.StatusOK, neighbourList{picked})
	}
	return err
}

func (s *Server) workers(w http.ResponseWriter, r *http.Request) error {
	all, err := ask(s, func(b Backend) ([]Worker, error) { return b.Workers(), nil })
	if err != nil {
		return err
	}
	picked, err := pick("worker", all, func(w *Worker) string { return strconv.Itoa(w.Number) }, r.URL.Query()["number"])
	if err == nil {
		answer(w, http.StatusOK, workerList{picked})
	}
	return err
}

func (s *Server) pickReals(names []string) ([]Real, error) {
	all, err := ask(s, func(b Backend) ([]Real, error) { return b.Reals(), nil })
	if err != nil {
		return nil, err
	}
	return pick("real", all, realName, names)
}

func (s *Server) pickVirtuals(names []string) ([]Virtual, error) {
	all, err := ask(s, func(b Backend) ([]Virtual, error) { return b.Virtuals(), nil })
	if err != nil {
		return nil, err
	}
	return pick("virtual", all, virtualName, names)
}

// oneReal prefers the real of the configuration to those of its name that drain.
func (s *Server) oneReal(name string) (Real, error) {
	picked, err := s.pickReals([]string{name})
	if err != nil {
		return Real{}, err
	}
	return picked[max(0, slices.IndexFunc(picked, func(r Real) bool { return !r.Draining }))], nil
}

func realName(r *Real) string { return r.Name }

func virtualName(v *Virtual) string { return v.Name }

// pick returns the objects of the given names, or all where none is given, never nil. A name may have several: those
// that drain keep theirs when it is used again.
func pick[T any](kind string, all []T, nameOf func(*T) string, names []string) ([]T, error) {
	if len(names) == 0 {
		return append([]T{}, all...), nil
	}
	wanted := make(map[string]bool, len(names)) // whether it was found
	for _, name := range names {
		wanted[name] = false
	}
	picked := []T{}
	for i := range all {
		name := nameOf(&all[i])
		if _, ok := wanted[name]; ok {
			wanted[name] = true
			picked = append(picked, all[i])
		}
	}
	for _, name := range names {
		if !wanted[name] {
			return nil, Unknown(kind, name, namesOf(all, nameOf), "ldctl show "+kind)
		}
	}
	return picked, nil
}

// namesOf lists each name once, in order.
func namesOf[T any](all []T, nameOf func(*T) string) []string {
	names, seen := make([]string, 0, len(all)), make(map[string]bool, len(all))
	for i := range all {
		if name := nameOf(&all[i]); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
