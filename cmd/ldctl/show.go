package main

import (
	"context"
	"fmt"
	"io"
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
		return misused("show what? Try ldctl show real, or virtual, flow, sticky, port, worker, neighbour, config")
	}
	kind, err := oneOf("kind", strings.TrimSuffix(words[0], "s"),
		"real", "virtual", "flow", "sticky", "port", "worker", "neighbour", "config")
	if err != nil {
		return err
	}
	if err := c.allow("show " + kind); err != nil {
		return err
	}
	once := func(ctx context.Context) error { return c.showKind(ctx, kind, words[1:]) }
	if c.watch != 0 {
		return c.watched(ctx, once)
	}
	return once(ctx)
}

func (c *call) showKind(ctx context.Context, kind string, names []string) error {
	switch kind {
	case "real":
		reals, err := c.pickReals(ctx, names)
		if err != nil {
			return err
		}
		return c.reals(reals, c.wide())
	case "virtual":
		virtuals, err := c.pickVirtuals(ctx, names)
		if err != nil {
			return err
		}
		return list(c, "virtuals", virtuals, func() error { return render.Virtuals(c.out, virtuals, c.wide()) })
	case "flow":
		return c.flows(ctx, names)
	case "sticky":
		return c.sticky(ctx, names)
	case "worker":
		return c.workers(ctx, names)
	case "port":
		ports, err := c.client.Ports(ctx, names...)
		if err != nil {
			return err
		}
		return list(c, "ports", ports, func() error { return render.Ports(c.out, ports, c.wide()) })
	case "neighbour":
		return c.neighbours(ctx, names)
	default:
		return c.config(ctx, names)
	}
}

func (c *call) reals(reals []api.Real, wide bool) error {
	return list(c, "reals", reals, func() error { return render.Reals(c.out, reals, wide, time.Now()) })
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

func (c *call) neighbours(ctx context.Context, addresses []string) error {
	wanted := make([]string, len(addresses))
	for i, text := range addresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return misused("no neighbour '%s'; neighbours have addresses", text)
		}
		wanted[i] = a.String() // as the director writes it
	}
	neighbours, err := c.client.Neighbours(ctx, wanted...)
	if err != nil {
		return err
	}
	return list(c, "neighbours", neighbours, func() error { return render.Neighbours(c.out, neighbours) })
}

// config shows a configuration as it was written, so that it can be saved, and edited, and applied. Wide tells first
// where it is from.
func (c *call) config(ctx context.Context, words []string) error {
	if err := surplus(words); err != nil {
		return err
	}
	config, err := c.client.Config(ctx, c.previous)
	if err != nil {
		return err
	}
	return c.document(config, func() error {
		text := config.Text
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if c.wide() {
			text = fmt.Sprintf("# %q, applied %s, generation %d\n", config.File, config.Applied.In(time.Local).Format(time.DateTime),
				config.Generation) + text
		}
		_, err := io.WriteString(c.out, text)
		return err
	})
}
