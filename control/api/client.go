package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// Client speaks to a director's control socket. Its methods block until the director has answered or ctx ends; an
// *Error is the director's own.
type Client struct {
	path    string
	http    http.Client
	patient http.Client // for configurations, which take the director longer
}

// NewClient makes a client of the socket at path. It connects when it is first asked for something.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
	}
	to := func(patience time.Duration) http.Client {
		return http.Client{Transport: &http.Transport{
			DialContext: dial, ResponseHeaderTimeout: patience, MaxIdleConns: 1, DisableCompression: true,
		}}
	}
	return &Client{path: path, http: to(30 * time.Second), patient: to(5 * time.Minute)}
}

// Close ends idle connections.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.patient.CloseIdleConnections()
}

// Reals returns the reals of the given names, or all.
func (c *Client) Reals(ctx context.Context, names ...string) ([]Real, error) {
	var list realList
	err := c.get(ctx, "/v1/reals", url.Values{"name": names}, &list)
	return list.Reals, err
}

// Virtuals returns the virtuals of the given names, or all.
func (c *Client) Virtuals(ctx context.Context, names ...string) ([]Virtual, error) {
	var list virtualList
	err := c.get(ctx, "/v1/virtuals", url.Values{"name": names}, &list)
	return list.Virtuals, err
}

// Workers returns the workers of the given numbers, or all.
func (c *Client) Workers(ctx context.Context, numbers ...string) ([]Worker, error) {
	var list workerList
	err := c.get(ctx, "/v1/workers", url.Values{"number": numbers}, &list)
	return list.Workers, err
}

// Ports returns the ports of the given names, or all.
func (c *Client) Ports(ctx context.Context, names ...string) ([]Port, error) {
	var list portList
	err := c.get(ctx, "/v1/ports", url.Values{"name": names}, &list)
	return list.Ports, err
}

// Neighbours returns the next hops of the given addresses, or all.
func (c *Client) Neighbours(ctx context.Context, addresses ...string) ([]Neighbour, error) {
	var list neighbourList
	err := c.get(ctx, "/v1/neighbours", url.Values{"address": addresses}, &list)
	return list.Neighbours, err
}

// Flows returns one page of the flows that q picks.
func (c *Client) Flows(ctx context.Context, q FlowQuery) (page FlowPage, err error) {
	query := given(map[string]string{"cursor": q.Cursor, "virtual": q.Virtual, "real": q.Real, "phase": q.Phase})
	picked(query, q.Limit, q.Client)
	return page, c.get(ctx, "/v1/flows", query, &page)
}

// Sticky returns one page of the sticky entries that q picks.
func (c *Client) Sticky(ctx context.Context, q StickyQuery) (page StickyPage, err error) {
	return page, c.get(ctx, "/v1/sticky", q.values(), &page)
}

func (q *StickyQuery) values() url.Values {
	query := given(map[string]string{"cursor": q.Cursor, "group": q.Group, "real": q.Real})
	picked(query, q.Limit, q.Client)
	return query
}

// given are the parameters that are not empty.
func given(params map[string]string) url.Values {
	query := url.Values{}
	for name, value := range params {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// picked adds how much is wanted of which clients.
func picked(query url.Values, limit int, client netip.Prefix) {
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	if client != (netip.Prefix{}) {
		query.Set("client", client.String())
	}
}

// Explain returns what becomes of a packet.
func (c *Client) Explain(ctx context.Context, q Question) (e Explanation, err error) {
	query := url.Values{"client": {q.Client.String()}, "virtual": {q.Virtual.String()}, "protocol": {q.Protocol}}
	return e, c.get(ctx, "/v1/explain", query, &e)
}

// Config returns the configuration in force, or the one before.
func (c *Client) Config(ctx context.Context, previous bool) (config Config, err error) {
	return config, c.get(ctx, "/v1/config", flagged("previous", previous), &config)
}

// Events calls each for the events after number since that are kept, oldest first, and, if follow, for those to come,
// until ctx ends or the director stops, which is an error. An error of each ends it, too.
func (c *Client) Events(ctx context.Context, since uint64, follow bool, each func(Event) error) error {
	query := url.Values{}
	if since > 0 {
		query.Set("since", strconv.FormatUint(since, 10))
	}
	if follow {
		query.Set("follow", "1")
	}
	answer, err := c.open(ctx, &c.http, http.MethodGet, "/v1/events", query, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		var line struct {
			Event
			Error
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return c.strange(err)
		}
		if line.Problem != "" {
			return &line.Error
		}
		if err := each(line.Event); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("the director at %s cut the answer: %w; it stopped, or this reader was too slow", c.path, err)
	case follow:
		return fmt.Errorf("the director at %s stopped", c.path)
	}
	return nil
}

func (c *Client) get(ctx context.Context, path string, query url.Values, to any) error {
	return c.do(ctx, &c.http, http.MethodGet, path, query, nil, to)
}

func (c *Client) do(ctx context.Context, by *http.Client, method, path string, query url.Values, body []byte, to any) error {
	answer, err := c.open(ctx, by, method, path, query, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(to); err != nil {
		return c.strange(err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1024)) // to its end, so that the connection serves again
	return nil
}

// open asks, and returns an answer that is no error's.
func (c *Client) open(
	ctx context.Context, by *http.Client, method, path string, query url.Values, body []byte,
) (*http.Response, error) {
	to := "http://ld" + path
	if text := query.Encode(); text != "" {
		to += "?" + text
	}
	request, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	answer, err := by.Do(request)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	said := &Error{Status: answer.StatusCode}
	if err := json.NewDecoder(answer.Body).Decode(said); err != nil || said.Problem == "" {
		return nil, fmt.Errorf("%s answers %s; is it a director's control socket?", c.path, answer.Status)
	}
	return nil, said
}

func (c *Client) strange(err error) error {
	return fmt.Errorf("cannot read what %s answers: %w; are ldctl and the director of one release?", c.path, err)
}

// unreachable says why there is no answer, and what to do.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its URL is of no use to anybody
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("cannot reach the director at %s: is it running? If it listens elsewhere, give --socket PATH", c.path)
	case errors.Is(err, fs.ErrPermission):
		mend := "run as root"
		if gid, name, err := groupOf(c.path); err == nil {
			mend = joinMend(gid, name)
		}
		return fmt.Errorf("no permission to reach the director at %s; %s", c.path, mend)
	default:
		return fmt.Errorf("cannot reach the director at %s: %w", c.path, err)
	}
}
