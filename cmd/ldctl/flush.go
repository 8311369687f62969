package main

import (
	"context"
	"fmt"
	"strings"

	"linedirector/control/api"
)

// flush cuts connections, or forgets sticky entries: ldctl flush real NAME, virtual NAME, sticky.
func (c *call) flush(ctx context.Context, words []string) error {
	const usage = "ldctl flush real NAME, virtual NAME, or sticky with --group, --virtual, --real or --client"
	if len(words) > 0 && strings.TrimSuffix(words[0], "s") == "sticky" {
		return c.flushSticky(ctx, words[1:])
	}
	kind, name, rest, err := object(words, usage, "real", "virtual", "sticky")
	if err != nil {
		return err
	}
	if err := surplus(rest); err != nil {
		return err
	}
	if err := c.allow("flush " + kind); err != nil {
		return err
	}
	cut := c.client.FlushReal
	if kind == "virtual" {
		cut = c.client.FlushVirtual
	}
	flushed, err := cut(ctx, name)
	if err != nil {
		return err
	}
	return c.document(flushed, func() error {
		_, err := fmt.Fprintf(c.out, "%s %s: %s cut\n", kind, name, connections(flushed.Connections))
		return err
	})
}

func (c *call) flushSticky(ctx context.Context, words []string) error {
	if err := surplus(words); err != nil {
		return err
	}
	if err := c.allow("flush sticky"); err != nil {
		return err
	}
	if c.group == "" && c.virtual == "" && c.real == "" && c.from == "" {
		return misused("which sticky entries? Give --group, --virtual, --real or --client")
	}
	q, err := c.stickyQuery(ctx, nil)
	if err != nil {
		return err
	}
	forgotten, err := c.client.FlushSticky(ctx, api.StickyQuery{Group: q.Group, Real: q.Real, Client: q.Client})
	if err != nil {
		return err
	}
	return c.document(forgotten, func() error {
		_, err := fmt.Fprintf(c.out, "%s forgotten\n", counted(forgotten.Entries, "sticky entry", "sticky entries"))
		return err
	})
}
