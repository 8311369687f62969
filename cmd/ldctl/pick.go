package main

import (
	"context"
	"net/netip"
	"slices"

	"linedirector/control/api"
)

// pickReals returns the reals of the names that --virtual and --state pick, too.
func (c *call) pickReals(ctx context.Context, names []string) ([]api.Real, error) {
	if c.state != "" {
		if _, err := oneOf("state", c.state, append(api.States(), api.Draining)...); err != nil {
			return nil, err
		}
	}
	reals, err := c.client.Reals(ctx, names...)
	if err != nil {
		return nil, err
	}
	if c.virtual != "" {
		if _, err := c.client.Virtuals(ctx, c.virtual); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(reals, func(r api.Real) bool {
		return c.state != "" && r.Shown() != c.state || c.virtual != "" && !slices.Contains(r.Virtuals, c.virtual)
	}), nil
}

// pickVirtuals returns the virtuals of the names that --real picks, too.
func (c *call) pickVirtuals(ctx context.Context, names []string) ([]api.Virtual, error) {
	virtuals, err := c.client.Virtuals(ctx, names...)
	if err != nil || c.real == "" {
		return virtuals, err
	}
	if _, err := c.client.Reals(ctx, c.real); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(virtuals, func(v api.Virtual) bool {
		return !slices.ContainsFunc(v.Reals, func(r api.VirtualReal) bool { return r.Name == c.real })
	}), nil
}

// flowQuery reads which flows are wanted.
func (c *call) flowQuery(names []string) (q api.FlowQuery, err error) {
	q = api.FlowQuery{Real: c.real, Phase: c.phase}
	if q.Virtual, err = c.oneVirtual(names); err != nil {
		return q, err
	}
	q.Client, err = c.clients()
	return q, err
}

// stickyQuery reads which sticky entries are wanted. Those of a virtual are those of its group.
func (c *call) stickyQuery(ctx context.Context, names []string) (q api.StickyQuery, err error) {
	q = api.StickyQuery{Group: c.group, Real: c.real}
	virtual, err := c.oneVirtual(names)
	if err != nil {
		return q, err
	}
	if q.Client, err = c.clients(); err != nil || virtual == "" {
		return q, err
	}
	virtuals, err := c.client.Virtuals(ctx, virtual)
	if err != nil {
		return q, err
	}
	for i := range virtuals {
		switch group := virtuals[i].StickyGroup(); {
		case group == "":
			continue
		case q.Group != "" && q.Group != group:
			return q, misused("virtual '%s' is of the sticky group '%s', not '%s'; name one", virtual, group, q.Group)
		default:
			q.Group = group
			return q, nil
		}
	}
	return q, misused("virtual '%s' has no sticky entries; those that have are in STICKY of ldctl show virtual -o wide", virtual)
}

// oneVirtual is the virtual that a name or --virtual says, or "".
func (c *call) oneVirtual(names []string) (string, error) {
	if len(names) == 0 {
		return c.virtual, nil
	}
	if err := surplus(names[1:]); err != nil {
		return "", err
	}
	if c.virtual != "" && c.virtual != names[0] {
		return "", misused("two virtuals, '%s' and '%s'; name one", names[0], c.virtual)
	}
	return names[0], nil
}

// clients are those that --client says; the zero prefix is all.
func (c *call) clients() (netip.Prefix, error) {
	if c.from == "" {
		return netip.Prefix{}, nil
	}
	if p, err := netip.ParsePrefix(c.from); err == nil {
		return p, nil
	}
	a, err := netip.ParseAddr(c.from)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, misused("no client '%s'; give an address or a prefix, as in 198.51.100.7 or 198.51.100.0/24", c.from)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
