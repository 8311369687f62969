package health

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// tcpChecker connects, and is content.
type tcpChecker struct{ to netip.AddrPort }

func (c *tcpChecker) check(t *turn) error { return t.dial(unix.SOCK_STREAM, c.to) }
