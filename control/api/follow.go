package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"

	"linedirector/control/events"
)

// events writes those after number since, one a line, and goes on with those to come if asked to follow.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	journal, err := ask(s, func(b Backend) (*events.Journal, error) { return b.Journal(), nil })
	if err != nil {
		return err
	}
	since, follow, err := eventQuery(r.URL.Query(), journal.Last())
	if err != nil {
		return err
	}
	if follow {
		defer s.followers.Add(-1)
		if s.followers.Add(1) > int32(s.limits.followers) {
			return &Error{
				http.StatusServiceUnavailable, fmt.Sprintf("%d clients follow already", s.limits.followers),
				"end one of them, or ask without follow",
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	f := journal.Follow(since)
	defer f.Close()
	out := &eventWriter{lines: json.NewEncoder(w), control: http.NewResponseController(w), within: s.limits.write}
	out.lines.SetEscapeHTML(false)
	s.stream(out, r, f, follow)
	return nil
}

// eventQuery reads the parameters. Numbers begin anew with each start of the director, so one that is yet to come is
// of an earlier run.
func eventQuery(values url.Values, last uint64) (since uint64, follow bool, err error) {
	if text := values.Get("since"); text != "" {
		if since, err = strconv.ParseUint(text, 10, 64); err != nil {
			return 0, false, wrong("give an event's number, or leave since away for all that are kept", "no event '%s'", clip(text))
		}
		if since > last {
			return 0, false, &Error{
				http.StatusNotFound, fmt.Sprintf("no event %d: the last is %d", since, last),
				"numbers begin anew when the director starts; leave since away for all that are kept",
			}
		}
	}
	follow, err = switched(values, "follow")
	return since, follow, err
}

// stream writes events until there are no more, the client leaves, the server closes, or the client is too slow.
func (s *Server) stream(out *eventWriter, r *http.Request, f *events.Follower, follow bool) {
	_ = out.control.SetReadDeadline(time.Time{}) // net/http would take it for the client's leaving
	if out.flush() != nil {
		return // the head, so that a follower knows that it follows
	}
	var buf [16]events.Event
	for {
		n, lost := f.Read(buf[:])
		if lost > 0 {
			s.drop(r, fmt.Sprintf("%d events were overwritten unread", lost))
			_ = out.write(Error{
				Problem: fmt.Sprintf("too slow: the %d events before %d are gone", lost, buf[0].Seq),
				Mend:    "read faster; all that are kept come without since",
			})
			return
		}
		for _, e := range buf[:n] {
			if err := out.write(Event{e, e.Text()}); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					s.drop(r, fmt.Sprintf("it took nothing for %v", out.within))
				}
				return
			}
		}
		switch {
		case n > 0:
			continue
		case !follow:
			return
		}
		select {
		case <-f.Ready():
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		}
	}
}

// drop says that a reader was too slow.
func (s *Server) drop(r *http.Request, why string) {
	p, _ := peerOf(connOf(r).UnixConn) // of a closed connection it is nobody
	s.log.Warn("a reader of events was too slow and is dropped", zap.String("why", why), zap.Int32("pid", p.pid), zap.Uint32("uid", p.uid))
}

// eventWriter writes lines that the client has a bounded time to take.
type eventWriter struct {
	lines   *json.Encoder
	control *http.ResponseController
	within  time.Duration
}

func (w *eventWriter) write(line any) error {
	if err := w.control.SetWriteDeadline(time.Now().Add(w.within)); err != nil {
		return err
	}
	if err := w.lines.Encode(line); err != nil {
		return err
	}
	return w.control.Flush()
}

// flush sends the head.
func (w *eventWriter) flush() error {
	if err := w.control.SetWriteDeadline(time.Now().Add(w.within)); err != nil {
		return err
	}
	return w.control.Flush()
}
