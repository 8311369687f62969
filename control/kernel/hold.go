package kernel

import (
	"errors"
	"net"
	"syscall"
)

// errHeld says that a living process holds the name.
var errHeld = errors.New("held by another process")

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
