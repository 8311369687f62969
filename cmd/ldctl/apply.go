package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"linedirector/conf"
	"linedirector/control/api"
	"linedirector/control/api/render"
)

// errDiffers is no failure: it is how diff says that something differs.
var errDiffers = errors.New("something differs")

// check reads a configuration as the director would, without one: ldctl check FILE.
func (c *call) check(words []string) error {
	name, text, err := c.file("check", words)
	if err != nil {
		return err
	}
	config, err := conf.Parse(name, text)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s: good: %d ports, %d virtuals, %d reals\n",
		config.Name, len(config.Ports), len(config.Virtuals), len(config.Reals))
	return err
}

// diff says in what a configuration differs from the one in force, and by its exit code whether it does: ldctl diff FILE.
func (c *call) diff(ctx context.Context, words []string) error {
	name, text, err := c.file("diff", words)
	if err != nil {
		return &codedError{exitTrouble, err}
	}
	changes, err := c.client.Diff(ctx, name, text)
	if err == nil {
		err = list(c, "changes", changes, func() error { return render.Changes(c.out, changes) })
	}
	switch {
	case err != nil:
		return &codedError{exitTrouble, err}
	case len(changes) > 0:
		return &codedError{exitDiffers, errDiffers}
	default:
		return nil
	}
}

// apply puts a configuration in force: ldctl apply FILE, or apply --previous for the one before.
func (c *call) apply(ctx context.Context, words []string) error {
	o := api.ApplyOptions{DryRun: c.dryRun}
	var applied api.Applied
	if c.previous {
		if err := surplus(words); err != nil {
			return err
		}
		if err := c.allow("apply"); err != nil {
			return err
		}
		var err error
		if applied, err = c.client.Rollback(ctx, o); err != nil {
			return err
		}
	} else {
		name, text, err := c.file("apply", words)
		if err != nil {
			return err
		}
		if applied, err = c.client.Apply(ctx, name, text, o); err != nil {
			return err
		}
	}
	return c.document(applied, func() error {
		if err := render.Changes(c.out, applied.Changes); err != nil || len(applied.Changes) == 0 {
			return err
		}
		done := "applied"
		if applied.DryRun {
			done = "not applied"
		}
		_, err := fmt.Fprintf(c.out, "%s %s\n", counted(len(applied.Changes), "change", "changes"), done)
		return err
	})
}

// file reads the one file that a command is given. The director may run elsewhere: its name is whole.
func (c *call) file(command string, words []string) (name string, text []byte, err error) {
	if len(words) == 0 {
		return "", nil, misused("which file? Write ldctl %s FILE, or - for what stdin brings", command)
	}
	if err := errors.Join(surplus(words[1:]), c.allow(command)); err != nil {
		return "", nil, err
	}
	in := c.in
	if name = "<stdin>"; words[0] != "-" {
		f, err := os.Open(words[0])
		if err != nil {
			return "", nil, unreadable(words[0], err)
		}
		defer f.Close()
		in, name = f, words[0]
		if whole, err := filepath.Abs(name); err == nil {
			name = whole
		}
	}
	text, err = io.ReadAll(io.LimitReader(in, conf.MaxFile+1))
	switch {
	case err != nil:
		return "", nil, unreadable(name, err)
	case len(text) > conf.MaxFile:
		return "", nil, fmt.Errorf("%s: the file is larger than %d MiB; the director takes none as large", name, conf.MaxFile>>20)
	case len(text) == 0:
		return "", nil, fmt.Errorf("%s: the file is empty; see linedirector --help for an example", name)
	}
	return name, text, nil
}

// unreadable says why a file cannot be read, once.
func unreadable(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot read %s: %w; give the path of a configuration file", name, err)
}
