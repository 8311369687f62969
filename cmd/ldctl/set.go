package main

import (
	"context"
	"strings"

	"linedirector/control/api"
)

// set changes something: ldctl set real NAME state STATE.
func (c *call) set(ctx context.Context, words []string) error {
	const usage = "write ldctl set real NAME state STATE"
	if len(words) == 0 {
		return misused("set what? %s", usage)
	}
	if _, err := oneOf("kind", strings.TrimSuffix(words[0], "s"), "real"); err != nil {
		return err
	}
	if len(words) < 4 {
		return misused("something is missing; %s", usage)
	}
	if _, err := oneOf("property", words[2], "state"); err != nil {
		return err
	}
	if err := surplus(words[4:]); err != nil {
		return err
	}
	if err := c.allow("set"); err != nil {
		return err
	}
	real, err := c.client.SetReal(ctx, words[1], words[3])
	if err != nil {
		return err
	}
	return c.reals([]api.Real{real})
}
