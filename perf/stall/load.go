package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"linedirector/perf/replay"
)

// load is what the control core has to do in a phase.
type load struct {
	reload *replay.Others // once a second, alternately with this weight and the next; nil: never
	show   bool           // all flows, again and again
	scrape time.Duration  // this often; 0: never
}

// done is what was done of it.
type done struct {
	Reloads int64 `json:"reloads"`
	Shows   int64 `json:"shows"`
	Scrapes int64 `json:"scrapes"`
}

// put keeps the control core busy until the context ends.
func (b *bench) put(ctx context.Context, l load) (done, error) {
	var d done
	var tasks sync.WaitGroup
	failed := make(chan error, 3)
	task := func(count *int64, do func(context.Context, int64) error) {
		tasks.Go(func() {
			for ctx.Err() == nil {
				if err := do(ctx, *count); err != nil {
					if ctx.Err() == nil {
						failed <- err
					}
					return
				}
				atomic.AddInt64(count, 1)
			}
		})
	}
	if l.reload != nil {
		task(&d.Reloads, func(ctx context.Context, n int64) error { return b.reload(ctx, l.reload, n) })
	}
	if l.show {
		task(&d.Shows, b.show)
	}
	if l.scrape > 0 {
		task(&d.Scrapes, func(ctx context.Context, _ int64) error { return scrape(ctx, l.scrape) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	tasks.Wait()
	return d, err
}

// reload changes the weight of every other real, and takes up the rest of a second.
func (b *bench) reload(ctx context.Context, others *replay.Others, n int64) error {
	next := time.After(time.Second)
	one := *others
	one.Weight = 1 + int(n&1)
	if err := replay.WriteConfig(b.config, b.device, one); err != nil {
		return err
	}
	if err := b.director.Reload(); err != nil {
		return err
	}
	return await(ctx, next)
}

// show lists all flows once.
func (b *bench) show(ctx context.Context, _ int64) error {
	cmd := exec.CommandContext(ctx, b.settings.ldctl, "--socket", b.socket(), "show", "flow", "-o", "json")
	var complaint strings.Builder
	cmd.Stderr = &complaint // what it prints goes to /dev/null
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("ldctl show flow: %w: %s", err, complaint.String())
	}
	return nil
}

func scrape(ctx context.Context, every time.Duration) error {
	next := time.After(every)
	if _, err := replay.Scrape(); err != nil {
		return err
	}
	return await(ctx, next)
}

func await(ctx context.Context, next <-chan time.Time) error {
	select {
	case <-ctx.Done():
	case <-next:
	}
	return nil
}
