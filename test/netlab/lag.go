package netlab

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Lag joins two interfaces of a namespace by a wire that takes its time: what comes in at the far end goes out at the near
// one after a delay, in order; the other way takes none. It is here because not every kernel has netem.
type Lag struct {
	delay atomic.Int64
	ended atomic.Bool
}

// late is a frame and when it is due.
type late struct {
	frame []byte
	due   time.Time
}

// Lag begins to pass frames between two interfaces of the namespace, without delay at first, until the end of the test.
func (n *Namespace) Lag(near, far string) *Lag {
	tb := n.lab.tb
	tb.Helper()
	l := &Lag{}
	a, b := n.Raw(near), n.Raw(far)
	var running sync.WaitGroup
	tb.Cleanup(func() { // before the sockets close
		l.ended.Store(true)
		running.Wait()
	})
	for _, way := range []struct {
		from, to *Raw
		delay    func() time.Duration
	}{
		{b, a, func() time.Duration { return time.Duration(l.delay.Load()) }},
		{a, b, func() time.Duration { return 0 }},
	} {
		frames := make(chan late, 1<<14)
		running.Go(func() {
			defer close(frames)
			l.hear(tb, way.from, way.delay, frames)
		})
		running.Go(func() { pass(tb, way.to, frames) })
	}
	return l
}

// Set changes the delay, for frames that come from now on. It may be called from any goroutine.
func (l *Lag) Set(delay time.Duration) { l.delay.Store(int64(delay)) }

// hear takes frames from a socket until the end.
func (l *Lag) hear(tb testing.TB, from *Raw, delay func() time.Duration, frames chan<- late) {
	buffer := make([]byte, 1<<16)
	timeout := unix.NsecToTimeval((50 * time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(from.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		tb.Errorf("lag: %v", err)
		return
	}
	for !l.ended.Load() {
		n, _, err := unix.Recvfrom(from.fd, buffer, 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		case err != nil:
			tb.Errorf("lag: receiving: %v", err)
			return
		default:
			frames <- late{append([]byte(nil), buffer[:n]...), time.Now().Add(delay())}
		}
	}
}

// pass sends frames as they become due.
func pass(tb testing.TB, to *Raw, frames <-chan late) {
	for f := range frames {
		time.Sleep(time.Until(f.due))
		if _, err := unix.Write(to.fd, f.frame); err != nil {
			tb.Errorf("lag: sending a frame of %d bytes: %v", len(f.frame), err)
		}
	}
}
