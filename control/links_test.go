package control

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

type fakeLinkTap struct {
	name    string
	carrier []bool
}

func (t *fakeLinkTap) Name() string { return t.name }

func (t *fakeLinkTap) SetCarrier(up bool) error {
	t.carrier = append(t.carrier, up)
	return nil
}

// A link that goes down and comes back shows on its tap, once each way, and in the log; a port that cannot tell is
// taken to be up.
func TestFollowLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		a, b := &fakeLinkTap{name: "outside"}, &fakeLinkTap{name: "inside"}
		var down atomic.Bool
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			FollowLinks(ctx, zap.New(core), []LinkTap{a, b}, func(port int) (bool, error) {
				if port == 1 {
					return false, errors.New("no such thing")
				}
				return !down.Load(), nil
			})
		}()
		for _, now := range []bool{false, true, true, false, false} {
			down.Store(now)
			time.Sleep(linkEvery)
			synctest.Wait()
		}
		cancel()
		<-ended
		if want := []bool{false, true}; !slices.Equal(a.carrier, want) || b.carrier != nil {
			t.Errorf("carriers %v and %v, want %v and none", a.carrier, b.carrier, want)
		}
		if n := logs.FilterMessage("link down").Len(); n != 1 || logs.FilterMessage("link up").Len() != 1 {
			t.Errorf("the log says %v", logs.All())
		}
	})
}
