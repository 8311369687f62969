package api

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MaxPage is how many flows a page holds at most, DefaultPage how many it holds where nobody says.
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
	answer(w, http.StatusOK, page)
	return nil
}

// flowQuery checks what is asked for, so that a wrong name is no empty answer.
func (s *Server) flowQuery(values url.Values) (q FlowQuery, err error) {
	q = FlowQuery{
		Limit: DefaultPage, Cursor: values.Get("cursor"),
		Virtual: values.Get("virtual"), Real: values.Get("real"), Phase: values.Get("phase"),
	}
	if text := values.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > MaxPage {
			return q, wrong("give a number from 1 to "+strconv.Itoa(MaxPage), "no limit '%s'", clip(text))
		}
	}
	if text := values.Get("client"); text != "" {
		if q.Client, err = parseClient(text); err != nil {
			return q, err
		}
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
		_, err := ask(s, func(b Backend) ([]Virtual, error) {
			return pick("virtual", b.Virtuals(), func(v *Virtual) string { return v.Name }, []string{q.Virtual})
		})
		if err != nil {
			return q, err
		}
	}
	return q, nil
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
