package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"linedirector/conf"
)

// What an operator may set a real's numbers to, as in the configuration.
const (
	maxWeight   = 65535
	maxMaxConns = math.MaxInt32
	maxLoad     = 1 << 30
)

// setReal sets what the request holds of a real and answers with the real as it is then.
func (s *Server) setReal(w http.ResponseWriter, r *http.Request) error {
	by, err := s.mayChange(r)
	if err != nil {
		return err
	}
	want, err := readSettings(r.Body)
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
	if _, err := ask(s, func(b Backend) (struct{}, error) { return struct{}{}, b.SetReal(was.Name, want) }); err != nil {
		return err
	}
	s.log.Info("real set over the control socket", append(want.changes(&was), by.fields()...)...)
	is, err := s.oneReal(was.Name)
	if err == nil {
		answer(w, http.StatusOK, is)
	}
	return err
}

// readSettings reads a JSON object that sets something.
func readSettings(body io.Reader) (want RealSettings, err error) {
	const mend = `send any of {"state": "maintenance", "weight": 1, "maxconns": 0, "load": 0}`
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err = d.Decode(&want); err == nil {
		err = ends(d)
	}
	var large *http.MaxBytesError
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(err, &large):
		return want, tooLarge(large.Limit, mend)
	case errors.Is(err, io.EOF):
		return want, wrong(mend, "the request is empty")
	case errors.As(err, &typed) && typed.Field != "":
		return want, wrong(mend, "%s cannot be a %s", typed.Field, typed.Value)
	case err != nil:
		return want, wrong(mend, "cannot read the request: %v", err)
	case want == RealSettings{}:
		return want, wrong(mend, "the request sets nothing")
	}
	return want, want.check()
}

func tooLarge(limit int64, mend string) error {
	return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than %d bytes", limit), mend}
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

// check tells whether an operator may set a real so.
func (r *RealSettings) check() error {
	if r.State != nil {
		if err := checkState(*r.State); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		name  string
		value *int
		most  int
	}{{"weight", r.Weight, maxWeight}, {"maxconns", r.MaxConns, maxMaxConns}, {"load", r.Load, maxLoad}} {
		if n.value != nil && (*n.value < 0 || *n.value > n.most) {
			return wrong(fmt.Sprintf("give a number from 0 to %d", n.most), "no %s %d", n.name, *n.value)
		}
	}
	return nil
}

// changes are a log line's words for what is set of a real that was so.
func (r *RealSettings) changes(was *Real) []zap.Field {
	fields := []zap.Field{zap.String("real", was.Name)}
	if r.State != nil {
		fields = append(fields, zap.String("state", was.State+" → "+*r.State))
	}
	for _, n := range []struct {
		name  string
		value *int
		was   int
	}{{"weight", r.Weight, was.Weight}, {"maxconns", r.MaxConns, int(was.MaxConns)}, {"load", r.Load, was.Load}} {
		if n.value != nil {
			fields = append(fields, zap.String(n.name, strconv.Itoa(n.was)+" → "+strconv.Itoa(*n.value)))
		}
	}
	return fields
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
