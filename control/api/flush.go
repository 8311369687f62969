package api

import (
	"net/http"

	"go.uber.org/zap"
)

// flushReal cuts the connections of a real, and of those of its name that drain.
func (s *Server) flushReal(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	return s.flush(w, r, zap.String("real", name), func() error {
		_, err := s.pickReals([]string{name})
		return err
	}, func(b Backend) (Flushed, error) { return b.FlushReal(name) })
}

// flushVirtual does so with those of a virtual.
func (s *Server) flushVirtual(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	return s.flush(w, r, zap.String("virtual", name), func() error {
		_, err := s.pickVirtuals([]string{name})
		return err
	}, func(b Backend) (Flushed, error) { return b.FlushVirtual(name) })
}

// flush cuts the connections of what is there, for who may.
func (s *Server) flush(w http.ResponseWriter, r *http.Request, of zap.Field, exists func() error, cut func(Backend) (Flushed, error)) error {
	by, err := s.mayChange(r)
	if err != nil {
		return err
	}
	if err := noBody(r); err != nil {
		return err
	}
	if err := exists(); err != nil {
		return err
	}
	flushed, err := ask(s, cut)
	if err != nil {
		return err
	}
	s.log.Info("flushed over the control socket", append(by.fields(), of, zap.Uint64("connections", flushed.Connections))...)
	answer(w, http.StatusOK, flushed)
	return nil
}
