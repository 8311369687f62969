package main

import (
	"context"

	"linedirector/control/api"
	"linedirector/control/api/render"
)

// flows shows page after page as they come.
func (c *call) flows(ctx context.Context, names []string) error {
	q, err := c.flowQuery(names)
	if err != nil {
		return err
	}
	table := render.NewFlows(c.out, c.wide())
	return pages(c, "flows", table.Page, func(limit int, cursor string) ([]api.Flow, string, error) {
		q.Limit, q.Cursor = limit, cursor
		page, err := c.client.Flows(ctx, q)
		return page.Flows, page.Next, err
	})
}

// sticky shows sticky entries so.
func (c *call) sticky(ctx context.Context, names []string) error {
	q, err := c.stickyQuery(ctx, names)
	if err != nil {
		return err
	}
	table := render.NewSticky(c.out)
	return pages(c, "sticky", table.Page, func(limit int, cursor string) ([]api.Sticky, string, error) {
		q.Limit, q.Cursor = limit, cursor
		page, err := c.client.Sticky(ctx, q)
		return page.Sticky, page.Next, err
	})
}

// pages writes what next returns, page after page, until there is no other or --limit is reached.
func pages[T any](c *call, key string, table func([]T) error, next func(limit int, cursor string) ([]T, string, error)) error {
	document := c.newList(key)
	for left, cursor := c.limit, ""; ; {
		limit := api.DefaultPage
		if c.limit > 0 {
			limit = min(limit, left)
		}
		page, following, err := next(limit, cursor)
		if err != nil {
			return err
		}
		if c.tabular() {
			err = table(page)
		} else {
			err = render.Add(document, page)
		}
		if err != nil {
			return err
		}
		left -= len(page)
		if cursor = following; cursor == "" || c.limit > 0 && left <= 0 {
			break
		}
	}
	if c.tabular() {
		return nil
	}
	return document.End()
}
