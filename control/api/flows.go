package api

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MaxPage is how many flows, or sticky entries, a page holds at most, DefaultPage how many it holds where nobody says.
const (
	MaxPage     = 10000
	DefaultPage = 1000
)

// flows answers with one page; the client comes back with its cursor.
func (s *Server) flows(w http.ResponseWriter, r *http.Request) error {
	q, err := s.flowQuery(r.URL.Query())
	if err != nil {
		return err
	}
	page, err := ask(s, func(b Backend) (FlowPage, error) { return b.Flows(r.Context(), q) })
	if err != nil {
		return err
	}
	if page.Flows == nil {
		page.Flows = []Flow{}
	}
	answerPage(w, page, len(page.Flows))
	return nil
}

// flowQuery checks what is asked for, so that a wrong name is no empty answer.
func (s *Server) flowQuery(values url.Values) (q FlowQuery, err error) {
	q = FlowQuery{
		Cursor: values.Get("cursor"), Virtual: values.Get("virtual"), Real: values.Get("real"), Phase: values.Get("phase"),
	}
	if q.Limit, err = pageLimit(values); err != nil {
		return q, err
	}
	if q.Client, err = clientOf(values); err != nil {
		return q, err
	}
	if q.Phase != "" && !slices.Contains(phases, q.Phase) {
		e := Unknown("phase", q.Phase, phases, "")
		e.Status = http.StatusBadRequest
		return q, e
	}
	if q.Real != "" {
		if _, err := s.pickReals([]string{q.Real}); err != nil {
			return q, err
		}
	}
	if q.Virtual != "" {
		if _, err := s.pickVirtuals([]string{q.Virtual}); err != nil {
			return q, err
		}
	}
	return q, nil
}

// pageLimit reads how many a page may hold.
func pageLimit(values url.Values) (int, error) {
	text := values.Get("limit")
	if text == "" {
		return DefaultPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxPage {
		return 0, wrong("give a number from 1 to "+strconv.Itoa(MaxPage), "no limit '%s'", clip(text))
	}
	return n, nil
}

// clientOf reads which clients are wanted; the zero prefix is all.
func clientOf(values url.Values) (netip.Prefix, error) {
	if text := values.Get("client"); text != "" {
		return parseClient(text)
	}
	return netip.Prefix{}, nil
}

// parseClient reads an address or a prefix.
func parseClient(text string) (netip.Prefix, error) {
	const mend = "give an address or a prefix, as in 198.51.100.7 or 198.51.100.0/24"
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return p, wrong(mend, "no client '%s'", clip(text))
		}
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, wrong(mend, "no client '%s'", clip(text))
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
