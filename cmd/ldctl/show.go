package main

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"linedirector/control/api"
	"linedirector/control/api/render"
)

// show reads what is shown: ldctl show KIND [NAME...].
func (c *call) show(ctx context.Context, words []string) error {
	if len(words) == 0 {
		return misused("show what? Try ldctl show real, or virtual, flow, worker")
	}
	kind, err := oneOf("kind", strings.TrimSuffix(words[0], "s"), "real", "virtual", "flow", "worker")
	if err != nil {
		return err
	}
	if err := c.allow("show " + kind); err != nil {
		return err
	}
	names := words[1:]
	switch kind {
	case "real":
		reals, err := c.client.Reals(ctx, names...)
		if err != nil {
			return err
		}
		return c.reals(reals)
	case "virtual":
		virtuals, err := c.client.Virtuals(ctx, names...)
		if err != nil {
			return err
		}
		return list(c, "virtuals", virtuals, func() error { return render.Virtuals(c.out, virtuals, c.wide()) })
	case "worker":
		return c.workers(ctx, names)
	default:
		return c.flows(ctx, names)
	}
}

func (c *call) reals(reals []api.Real) error {
	return list(c, "reals", reals, func() error { return render.Reals(c.out, reals, c.wide(), time.Now()) })
}

func (c *call) workers(ctx context.Context, numbers []string) error {
	for _, n := range numbers {
		if _, err := strconv.ParseUint(n, 10, 16); err != nil {
			return misused("no worker '%s'; workers have numbers, from 0", n)
		}
	}
	workers, err := c.client.Workers(ctx, numbers...)
	if err != nil {
		return err
	}
	return list(c, "workers", workers, func() error { return render.Workers(c.out, workers, c.wide()) })
}

// list writes objects as JSON or as their table.
func list[T any](c *call, key string, all []T, table func() error) error {
	if !c.json() {
		return table()
	}
	l := render.NewList(c.out, key)
	if err := render.Add(l, all); err != nil {
		return err
	}
	return l.End()
}

// flows shows page after page as they come.
func (c *call) flows(ctx context.Context, names []string) error {
	q, err := c.query(names)
	if err != nil {
		return err
	}
	document, table := render.NewList(c.out, "flows"), render.NewFlows(c.out, c.wide())
	for left := c.limit; ; {
		q.Limit = api.DefaultPage
		if c.limit > 0 {
			q.Limit = min(q.Limit, left)
		}
		page, err := c.client.Flows(ctx, q)
		if err != nil {
			return err
		}
		if c.json() {
			err = render.Add(document, page.Flows)
		} else {
			err = table.Page(page.Flows)
		}
		if err != nil {
			return err
		}
		left -= len(page.Flows)
		if q.Cursor = page.Next; q.Cursor == "" || c.limit > 0 && left <= 0 {
			break
		}
	}
	if c.json() {
		return document.End()
	}
	return nil
}

// query reads which flows are wanted.
func (c *call) query(names []string) (q api.FlowQuery, err error) {
	q = api.FlowQuery{Virtual: c.virtual, Real: c.real, Phase: c.phase}
	if len(names) > 0 {
		if err := surplus(names[1:]); err != nil {
			return q, err
		}
		if q.Virtual != "" && q.Virtual != names[0] {
			return q, misused("two virtuals, '%s' and '%s'; name one", names[0], q.Virtual)
		}
		q.Virtual = names[0]
	}
	if c.from != "" {
		q.Client, err = prefix(c.from)
	}
	return q, err
}

// prefix reads an address or a prefix.
func prefix(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, misused("no client '%s'; give an address or a prefix, as in 198.51.100.7 or 198.51.100.0/24", text)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
