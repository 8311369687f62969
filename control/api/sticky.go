package api

import (
	"net/http"
	"net/url"

	"go.uber.org/zap"
)

// sticky answers with one page; the client comes back with its cursor.
func (s *Server) sticky(w http.ResponseWriter, r *http.Request) error {
	q, err := s.stickyQuery(r.URL.Query())
	if err != nil {
		return err
	}
	page, err := ask(s, func(b Backend) (StickyPage, error) { return b.Sticky(r.Context(), q) })
	if err != nil {
		return err
	}
	if page.Sticky == nil {
		page.Sticky = []Sticky{}
	}
	answerPage(w, page, len(page.Sticky))
	return nil
}

// flushSticky forgets entries. It wants to be told which: a request that lost its query must not forget all.
func (s *Server) flushSticky(w http.ResponseWriter, r *http.Request) error {
	by, err := s.mayChange(r)
	if err != nil {
		return err
	}
	if err := noBody(r); err != nil {
		return err
	}
	q, err := s.stickyQuery(r.URL.Query())
	if err != nil {
		return err
	}
	if q.Group == "" && q.Real == "" && !q.Client.IsValid() {
		return wrong("give a group, a real or a client", "which sticky entries?")
	}
	n, err := ask(s, func(b Backend) (int, error) { return b.FlushSticky(q) })
	if err != nil {
		return err
	}
	fields := append(by.fields(), zap.Int("entries", n))
	for name, values := range r.URL.Query() {
		fields = append(fields, zap.String(name, values[0]))
	}
	s.log.Info("sticky entries forgotten over the control socket", fields...)
	answer(w, http.StatusOK, Forgotten{n})
	return nil
}

// stickyQuery checks what is asked for, so that a wrong name is no empty answer.
func (s *Server) stickyQuery(values url.Values) (q StickyQuery, err error) {
	q = StickyQuery{Cursor: values.Get("cursor"), Group: values.Get("group"), Real: values.Get("real")}
	if q.Limit, err = pageLimit(values); err != nil {
		return q, err
	}
	if q.Client, err = clientOf(values); err != nil {
		return q, err
	}
	if q.Real != "" {
		if _, err := s.pickReals([]string{q.Real}); err != nil {
			return q, err
		}
	}
	if q.Group == "" {
		return q, nil
	}
	virtuals, err := s.pickVirtuals(nil)
	if err != nil {
		return q, err
	}
	var groups []string
	for i := range virtuals {
		if group := virtuals[i].StickyGroup(); group != "" {
			groups = append(groups, group)
		}
	}
	_, err = pick("sticky group", groups, func(name *string) string { return *name }, []string{q.Group})
	return q, err
}

// StickyGroup is the group of the virtual's sticky entries: that of its buddies, or its own; "" where it has none.
func (v *Virtual) StickyGroup() string {
	switch {
	case v.Sticky == nil:
		return ""
	case v.Sticky.Buddies != "":
		return v.Sticky.Buddies
	default:
		return v.Name
	}
}
