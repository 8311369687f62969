package main

import (
	"context"
	"strconv"

	"linedirector/control/api"
)

// set changes a real's settings: ldctl set real NAME SETTING VALUE [SETTING VALUE...].
func (c *call) set(ctx context.Context, words []string) error {
	const usage = "ldctl set real NAME state STATE, or weight N, maxconns N, load N"
	_, name, pairs, err := object(words, usage, "real")
	if err != nil {
		return err
	}
	if len(pairs) == 0 {
		return misused("set what? Write %s", usage)
	}
	s, err := settings(pairs)
	if err != nil {
		return err
	}
	if err := c.allow("set"); err != nil {
		return err
	}
	real, err := c.client.SetReal(ctx, name, s)
	if err != nil {
		return err
	}
	numbers := s.Weight != nil || s.MaxConns != nil || s.Load != nil
	return c.reals([]api.Real{real}, c.wide() || numbers) // which only the wide table shows
}

// settings reads pairs of a name and a value.
func settings(pairs []string) (s api.RealSettings, err error) {
	given := map[string]bool{}
	for ; len(pairs) > 0; pairs = pairs[2:] {
		name, err := oneOf("setting", pairs[0], "state", "weight", "maxconns", "load")
		switch {
		case err != nil:
			return s, err
		case len(pairs) == 1:
			return s, misused("set %s to what? A value is missing", name)
		case given[name]:
			return s, misused("%s is given twice; give it once", name)
		}
		given[name] = true
		if name == "state" {
			s.State = &pairs[1]
			continue
		}
		n, err := strconv.Atoi(pairs[1])
		if err != nil {
			return s, misused("no %s '%s'; give a number, from 0", name, pairs[1])
		}
		switch name {
		case "weight":
			s.Weight = &n
		case "maxconns":
			s.MaxConns = &n
		case "load":
			s.Load = &n
		}
	}
	return s, nil
}
