package control

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// LinkTap is a tap that can show its port's link to the kernel (kernel.Tap).
type LinkTap interface {
	Name() string
	SetCarrier(up bool) error
}

// linkEvery is how often links are looked at: devices do not tell.
const linkEvery = time.Second

// FollowLinks shows every port's link on its tap, as the carrier that routing daemons and `ip link` see, and logs each
// change, until ctx ends. up reads the link of the port at that place in the configuration.
func FollowLinks(ctx context.Context, log *zap.Logger, taps []LinkTap, up func(port int) (bool, error)) {
	was := make([]bool, len(taps)) // a new tap has its carrier
	for i := range was {
		was[i] = true
	}
	look := time.NewTicker(linkEvery)
	defer look.Stop()
	for {
		for i, tap := range taps {
			now, err := up(i)
			if err != nil || now == was[i] {
				continue
			}
			was[i] = now
			if now {
				log.Info("link up", zap.String("port", tap.Name()))
			} else {
				log.Warn("link down", zap.String("port", tap.Name()))
			}
			if err := tap.SetCarrier(now); err != nil {
				log.Warn("link not shown on the tap", zap.String("port", tap.Name()), zap.Error(err))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}
