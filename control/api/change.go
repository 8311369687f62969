package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// SetReal sets what s holds of a real and returns the real as it is then.
func (c *Client) SetReal(ctx context.Context, name string, s RealSettings) (real Real, err error) {
	body, err := json.Marshal(s)
	if err != nil {
		return real, err
	}
	return real, c.do(ctx, &c.http, http.MethodPost, "/v1/reals/"+url.PathEscape(name), nil, body, &real)
}

// FlushReal cuts the connections of the reals of a name.
func (c *Client) FlushReal(ctx context.Context, name string) (f Flushed, err error) {
	return f, c.do(ctx, &c.http, http.MethodPost, "/v1/reals/"+url.PathEscape(name)+"/flush", nil, nil, &f)
}

// FlushVirtual cuts the connections of the virtuals of a name.
func (c *Client) FlushVirtual(ctx context.Context, name string) (f Flushed, err error) {
	return f, c.do(ctx, &c.http, http.MethodPost, "/v1/virtuals/"+url.PathEscape(name)+"/flush", nil, nil, &f)
}

// FlushSticky forgets the sticky entries that q picks by a group, a real or a client at least.
func (c *Client) FlushSticky(ctx context.Context, q StickyQuery) (f Forgotten, err error) {
	return f, c.do(ctx, &c.http, http.MethodDelete, "/v1/sticky", q.values(), nil, &f)
}

// Diff returns in what a configuration differs from the one in force. Name is that of its file, for messages.
func (c *Client) Diff(ctx context.Context, name string, text []byte) ([]Change, error) {
	var list changeList
	err := c.do(ctx, &c.patient, http.MethodPost, "/v1/config/diff", given(map[string]string{"name": name}), text, &list)
	return list.Changes, err
}

// Apply puts a configuration in force.
func (c *Client) Apply(ctx context.Context, name string, text []byte, o ApplyOptions) (a Applied, err error) {
	query := flagged("dry_run", o.DryRun)
	query.Set("name", name)
	return a, c.do(ctx, &c.patient, http.MethodPost, "/v1/config", query, text, &a)
}

// Rollback puts the configuration before in force.
func (c *Client) Rollback(ctx context.Context, o ApplyOptions) (a Applied, err error) {
	return a, c.do(ctx, &c.patient, http.MethodPost, "/v1/config/rollback", flagged("dry_run", o.DryRun), nil, &a)
}

// flagged is a parameter that is 1 or is not there.
func flagged(name string, set bool) url.Values {
	if set {
		return url.Values{name: {"1"}}
	}
	return url.Values{}
}
