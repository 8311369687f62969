package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"sync"

	"go.uber.org/zap"

	"linedirector/conf"
	"linedirector/control"
	"linedirector/control/kernel"
	"linedirector/lcore"
)

// taps are the kernel's side of the ports. They live as long as the workers: what the kernel has to say, and routing daemons, and
// an operator's ssh, goes on whatever becomes of control.
type taps struct {
	log  *zap.Logger
	conf *conf.Config
	all  []*kernel.Tap
	end  cleanup
}

// openTaps makes a tap for each port.
func openTaps(config *conf.Config, log *zap.Logger, lcores *lcore.Lcores, undo *cleanup) (*taps, error) {
	t := &taps{log: log, conf: config}
	for i, p := range lcores.Ports {
		mac := p.MAC()
		if mac == ([6]byte{}) {
			mac = localMAC()
		}
		mtu, err := p.MTU()
		if err != nil {
			return nil, portError(config, &lcore.PortError{Index: i, Err: err})
		}
		if mtu > lcore.MaxMTU {
			log.Warn("the port's MTU is more than the director forwards; longer packets are dropped",
				zap.String("port", config.Ports[i].Name), zap.Int("mtu", mtu), zap.Int("forwards", lcore.MaxMTU))
			mtu = lcore.MaxMTU
		}
		tap, err := kernel.OpenTap(config.Ports[i].Name, net.HardwareAddr(mac[:]), mtu)
		if err != nil {
			return nil, portError(config, &lcore.PortError{Index: i, Err: err})
		}
		undo.add(func() error { return unlessClosed(tap.Close()) })
		t.all = append(t.all, tap)
	}
	return t, nil
}

// localMAC is a random, locally administered address for devices that have none.
func localMAC() (mac [6]byte) {
	_, _ = rand.Read(mac[:]) // never fails (crypto/rand)
	mac[0] = mac[0]&^1 | 2
	return mac
}

// unlessClosed takes it for no error that something was closed before.
func unlessClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// start sets workers and taps going, in this order. stop ends both.
func (t *taps) start(lcores *lcore.Lcores) error {
	t.end.add(lcores.Stop)
	if err := lcores.Start(); err != nil {
		return portError(t.conf, err)
	}
	punts, err := lcores.Punts()
	if err != nil {
		return err
	}
	ends, links := make([]control.Tap, len(t.all)), make([]control.LinkTap, len(t.all))
	for i, tap := range t.all {
		ends[i], links[i] = tap, tap
	}
	carry := control.NewTaps(t.log, lcores, punts, ends)
	carry.Start()
	t.end.add(func() error { carry.Stop(); punts.Close(); return nil })

	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() {
		control.FollowLinks(ctx, t.log, links, func(port int) (bool, error) {
			link, err := lcores.Ports[port].Link()
			return link.Up, err
		})
	})
	t.end.add(func() error { cancel(); following.Wait(); return nil })
	return nil
}

func (t *taps) stop() error { return t.end.run() }
