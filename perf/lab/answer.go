package lab

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Ask connects from a machine to an endpoint, says something, and returns all that is answered until the other side
// closes. It takes a second at most.
func (n Namespace) Ask(ctx context.Context, endpoint, say string) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
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
// patience, or when the balancer, if it is a program, has ended.
func Answered(ctx context.Context, patience time.Duration, balancer *Process, times int, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for answered := 0; answered < times; {
		err := ask(ctx)
		if err == nil {
			answered++
			continue
		}
		answered = 0
		if balancer != nil {
			if ended := balancer.Err(); ended != nil {
				return ended
			}
		}
		select {
		case <-ctx.Done():
			err = fmt.Errorf("nobody answers through the balancer: %w", err)
			if balancer != nil {
				err = fmt.Errorf("%w: %s", err, balancer.Printed())
			}
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
