package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"go.uber.org/zap"

	"linedirector/conf"
)

// requestName is the file of a configuration of which nobody said what its file is.
const requestName = "<request>"

// config answers with the configuration in force, or the one before.
func (s *Server) config(w http.ResponseWriter, r *http.Request) error {
	previous, err := switched(r.URL.Query(), "previous")
	if err != nil {
		return err
	}
	config, err := ask(s, func(b Backend) (Config, error) {
		if !previous {
			return b.Config(), nil
		}
		if config, ok := b.Previous(); ok {
			return config, nil
		}
		return Config{}, &Error{http.StatusNotFound, "there is no configuration before", "none was applied since the director's start"}
	})
	if err == nil {
		answer(w, http.StatusOK, config)
	}
	return err
}

// apply puts a configuration in force.
func (s *Server) apply(w http.ResponseWriter, r *http.Request) error {
	dry, err := switched(r.URL.Query(), "dry_run")
	if err != nil {
		return err
	}
	return s.withConfig(w, r, func(by peer, name string, text []byte) (any, error) {
		applied, err := ask(s, func(b Backend) (Applied, error) { return b.Apply(name, text, ApplyOptions{DryRun: dry}) })
		if err != nil {
			return nil, err
		}
		s.logApplied("configuration applied over the control socket", by, name, &applied)
		return applied, nil
	})
}

// diff answers in what a configuration differs from the one in force.
func (s *Server) diff(w http.ResponseWriter, r *http.Request) error {
	return s.withConfig(w, r, func(_ peer, name string, text []byte) (any, error) {
		changes, err := ask(s, func(b Backend) ([]Change, error) { return b.Diff(name, text) })
		return changeList{append([]Change{}, changes...)}, err
	})
}

// rollback puts the configuration before in force.
func (s *Server) rollback(w http.ResponseWriter, r *http.Request) error {
	by, err := s.mayChange(r)
	if err != nil {
		return err
	}
	dry, err := switched(r.URL.Query(), "dry_run")
	if err != nil {
		return err
	}
	if err := noBody(r); err != nil {
		return err
	}
	var name string
	applied, err := ask(s, func(b Backend) (Applied, error) {
		previous, _ := b.Previous()
		name = previous.File
		return b.Rollback(ApplyOptions{DryRun: dry})
	})
	if err != nil {
		return wrongConfig(err)
	}
	s.logApplied("configuration rolled back over the control socket", by, name, &applied)
	answer(w, http.StatusOK, applied)
	return nil
}

// logApplied has null be no list of changes, and logs what was not a trial.
func (s *Server) logApplied(message string, by peer, name string, a *Applied) {
	a.Changes = append([]Change{}, a.Changes...)
	if !a.DryRun {
		s.log.Info(message, append(by.fields(), zap.String("file", name), zap.Int("changes", len(a.Changes)))...)
	}
}

// withConfig reads the configuration that a request holds and answers with what act makes of it. Even one that is only
// compared costs the director time and memory: it is for those who may change something, and one at a time.
func (s *Server) withConfig(w http.ResponseWriter, r *http.Request, act func(by peer, name string, text []byte) (any, error)) error {
	by, err := s.mayChange(r)
	if err != nil {
		return err
	}
	if !s.applying.TryLock() {
		return &Error{http.StatusServiceUnavailable, "somebody else brings a configuration", "try again when that is done"}
	}
	defer s.applying.Unlock()
	text, err := s.readConfig(w, r)
	if err != nil {
		return err
	}
	name := r.URL.Query().Get("name")
	if name == "" {
		name = requestName
	}
	done, err := act(by, name, text)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.limits.write)) // the upload has used up the first one
	if err != nil {
		return wrongConfig(err)
	}
	answer(w, http.StatusOK, done)
	return nil
}

// readConfig reads the body, which may take longer than others may.
func (s *Server) readConfig(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	const mend = "send a configuration, in YAML or JSON"
	if r.ContentLength > s.limits.config {
		return nil, tooLarge(s.limits.config, mend)
	}
	control, end := http.NewResponseController(w), time.Now().Add(s.limits.upload)
	if err := errors.Join(control.SetReadDeadline(end), control.SetWriteDeadline(end.Add(s.limits.write))); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge(large.Limit, mend)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Error{http.StatusRequestTimeout, fmt.Sprintf("the configuration did not come within %v", s.limits.upload), mend}
	case err != nil:
		return nil, wrong(mend, "cannot read the request: %v", err)
	case len(text) == 0:
		return nil, wrong(mend, "the request is empty")
	}
	return text, nil
}

// wrongConfig has a wrong configuration's error say that it did nothing.
func wrongConfig(err error) error {
	var all conf.Errors
	if errors.As(err, &all) {
		return &Error{http.StatusUnprocessableEntity, all.Error(), "nothing was changed"}
	}
	return err
}
