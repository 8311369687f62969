package kernel

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// errHeld says that a living process holds the name.
var errHeld = errors.New("held by another process")

// A director that was killed a moment ago may still be giving back its hugepages before the kernel closes its
// sockets and taps: its successor waits that long for it.
const lastBreath = 2 * time.Second

// hold takes a name that one process in this network namespace can have at a time. It is an abstract
// Unix socket: the kernel scopes it to the network namespace and frees it however the process ends,
// so that nothing is left behind to be cleaned up.
func hold(name string) (*net.UnixConn, error) {
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: "@linedirector/" + name})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errHeld
	}
	return c, err
}

// outlive tries again while what it wants is held, for as long as one that was killed may hold it.
func outlive[T any](try func() (T, error)) (T, error) {
	for deadline := time.Now().Add(lastBreath); ; time.Sleep(10 * time.Millisecond) {
		v, err := try()
		if !errors.Is(err, errHeld) || time.Now().After(deadline) {
			return v, err
		}
	}
}
