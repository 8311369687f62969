package health

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// turn is what one probe works with. Its memory serves the worker's next probe, too.
type turn struct {
	timeout  time.Duration
	deadline time.Time
	fd       int // of file
	buf      []byte
	in4      unix.SockaddrInet4
	in6      unix.SockaddrInet6
	sa       unix.Sockaddr // one of these two
	result   error         // of connect
	poll     func(uintptr) bool
	timer    *time.Timer
	echo     echo

	mu      sync.Mutex
	file    *os.File // nil if there is none
	aborted bool
	stop    chan struct{} // receives once if aborted
}

const (
	headLimit = 16 << 10 // of an HTTP answer
	bodyLimit = 64 << 10
	firstSize = 4 << 10 // of the buffer
)

// init is called once, before the first check.
func (t *turn) init() {
	t.buf = make([]byte, firstSize)
	t.poll = t.connected
	t.timer = time.NewTimer(time.Hour)
	t.timer.Stop()
	t.echo.answer = make(chan string, 1)
}

// begin makes the turn ready for another probe, which may be aborted from now on. The caller holds Prober.mu.
func (t *turn) begin() {
	if t.stop == nil {
		t.stop = make(chan struct{}, 1)
	}
	select {
	case <-t.stop:
	default:
	}
	t.aborted = false
}

// limit gives the probe so long from now.
func (t *turn) limit(timeout time.Duration) {
	t.timeout, t.deadline = timeout, time.Now().Add(timeout)
}

// abort has the probe end at once. The caller holds Prober.mu, so that it is the one that is meant.
func (t *turn) abort() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.aborted = true
	if t.file != nil {
		_ = t.file.SetDeadline(past)
	}
	select {
	case t.stop <- struct{}{}:
	default:
	}
}

var past = time.Unix(1, 0)

// grow makes the buffer larger, up to a limit, and tells whether it did.
func (t *turn) grow(limit int) bool {
	if len(t.buf) >= limit {
		return false
	}
	larger := make([]byte, min(2*len(t.buf), limit))
	copy(larger, t.buf)
	t.buf = larger
	return true
}
