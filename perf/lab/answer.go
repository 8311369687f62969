package lab

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Ask connects from a machine to an endpoint, says something, and returns all that is answered until the other side
// closes, or the context ends.
func (n Namespace) Ask(ctx context.Context, endpoint, say string) (answer string, err error) {
	conn, err := n.Dial(ctx, endpoint)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if by, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(by)
	}
	if _, err := io.WriteString(conn, say); err != nil {
		return "", err
	}
	text, err := io.ReadAll(conn)
	return string(text), err
}

// Answered calls ask until it succeeded so many times in a row: often enough that each real had its turn. It gives up after
// patience, or when the balancer, if it is a program, has ended. Each attempt has a second.
func Answered(ctx context.Context, patience time.Duration, balancer *Process, times int, ask func(context.Context) error) error {
	return repeat(ctx, patience, balancer, times, "nobody answers through the balancer", ask)
}

// repeat calls f until it succeeded so many times in a row, for as long as p lives, which may be nil, and patience lasts.
func repeat(ctx context.Context, patience time.Duration, p *Process, times int, failing string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var ended <-chan struct{} // the kernel never does
	if p != nil {
		ended = p.ended
	}
	for row := 0; row < times; {
		attempt, done := context.WithTimeout(ctx, time.Second)
		err := f(attempt)
		done()
		if err == nil {
			row++
			continue
		}
		row = 0
		select {
		case <-ended:
			return p.Err()
		case <-ctx.Done():
			err = fmt.Errorf("%s: %w", failing, err)
			if p != nil {
				err = fmt.Errorf("%w: %s", err, p.Printed())
			}
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
