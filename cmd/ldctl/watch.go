package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"
)

// watched shows something again and again until it is interrupted, which is how it is meant to end. Each round is
// written at once, so that nothing flickers: tables over the one before on a terminal, below it with the time elsewhere;
// documents one after the other.
func (c *call) watched(ctx context.Context, show func(context.Context) error) error {
	every := time.NewTicker(time.Duration(c.watch))
	defer every.Stop()
	out := c.out
	for {
		var round bytes.Buffer
		c.begin(&round, time.Now())
		c.out = &round
		err := show(ctx)
		c.out = out
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if _, err := out.Write(round.Bytes()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// begin parts a round from the one before.
func (c *call) begin(round io.Writer, now time.Time) {
	moment := now.In(time.Local).Format(time.DateTime)
	switch {
	case c.output == "yaml":
		fmt.Fprintln(round, "---")
	case !c.tabular():
	case c.terminal:
		fmt.Fprintf(round, "%s%s, every %v; interrupt to end\n\n", clearScreen, moment, time.Duration(c.watch))
	default:
		fmt.Fprintf(round, "--- %s\n", moment)
	}
}
