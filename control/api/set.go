package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"go.uber.org/zap"

	"linedirector/conf"
)

// setReal sets a real's state and answers with the real as it is then.
func (s *Server) setReal(w http.ResponseWriter, r *http.Request) error {
	by, err := s.mayChange(r)
	if err != nil {
		return err
	}
	state, err := readState(r.Body)
	if err != nil {
		return err
	}
	was, err := s.oneReal(r.PathValue("name"))
	if err != nil {
		return err
	}
	if was.Draining {
		return &Error{
			http.StatusConflict, fmt.Sprintf("real '%s' is no longer configured and drains", clip(was.Name)),
			"put it back into the configuration first",
		}
	}
	if _, err := ask(s, func(b Backend) (struct{}, error) { return struct{}{}, b.SetRealState(was.Name, state) }); err != nil {
		return err
	}
	s.log.Info("state set over the control socket", zap.String("real", was.Name), zap.String("from", was.State),
		zap.String("to", state), zap.Uint32("uid", by.uid), zap.Int32("pid", by.pid))
	is, err := s.oneReal(was.Name)
	if err == nil {
		answer(w, http.StatusOK, is)
	}
	return err
}

// readState reads {"state": "..."}.
func readState(body io.Reader) (string, error) {
	const mend = `send {"state": "maintenance"}`
	var want change
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(&want)
	if err == nil {
		err = ends(d)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return "", &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than %d bytes", large.Limit), mend}
	case errors.Is(err, io.EOF):
		return "", wrong(mend, "the request is empty")
	case err != nil:
		return "", wrong(mend, "cannot read the request: %v", err)
	case want.State == nil:
		return "", wrong(mend, "the request has no state")
	}
	return *want.State, checkState(*want.State)
}

// ends refuses what stands behind the object.
func ends(d *json.Decoder) error {
	switch _, err := d.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return errors.New("there is more behind the object")
	}
}

// checkState tells whether an operator may set a real to the state.
func checkState(state string) error {
	if slices.Contains(settable, state) {
		return nil
	}
	mend := "set " + strings.Join(settable[:len(settable)-1], ", ") + " or " + settable[len(settable)-1]
	if slices.Contains(states, state) {
		return wrong(mend, "state '%s' is the director's own finding", state)
	}
	if near, ok := conf.Nearest(state, settable); ok {
		mend = "did you mean '" + near + "'?"
	}
	return wrong(mend, "no state '%s'", clip(state))
}
