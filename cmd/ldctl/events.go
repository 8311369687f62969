package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"linedirector/control/api"
	"linedirector/control/api/render"
)

// events shows those that are kept, and those to come if asked to follow.
func (c *call) events(ctx context.Context, words []string) error {
	if err := surplus(words); err != nil {
		return err
	}
	if err := c.allow("events"); err != nil {
		return err
	}
	after, from, err := c.lookBack(time.Now())
	if err != nil {
		return err
	}
	lines := json.NewEncoder(c.out)
	lines.SetEscapeHTML(false)
	err = c.client.Events(ctx, after, c.follow, func(e api.Event) error {
		switch {
		case e.Time.Before(from):
			return nil
		case c.output == "json":
			return lines.Encode(e)
		case c.output == "yaml":
			return c.eventDocument(e)
		default:
			return render.Event(c.out, e, c.wide(), time.Local)
		}
	})
	if c.follow && errors.Is(err, context.Canceled) {
		return nil // interrupted, as it is meant to end
	}
	return err
}

// eventDocument writes an event as a document of its own.
func (c *call) eventDocument(e api.Event) error {
	if _, err := io.WriteString(c.out, "---\n"); err != nil {
		return err
	}
	return render.YAML(c.out, e)
}

// lookBack reads --since: the number of an event, or how far to look back.
func (c *call) lookBack(now time.Time) (after uint64, from time.Time, err error) {
	if c.since == "" {
		return 0, from, nil
	}
	if after, err = strconv.ParseUint(c.since, 10, 64); err == nil {
		return after, from, nil
	}
	back, err := time.ParseDuration(c.since)
	if err != nil || back < 0 {
		return 0, from, misused("--since %s: give an event's number, or a time to look back, as in 90s, 10m or 2h", c.since)
	}
	return 0, now.Add(-back), nil
}
