package health

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// A socket is made by hand: by net.Dialer it costs 25 allocations, by hand three.

func (t *Target) endpoint() netip.AddrPort {
	return netip.AddrPortFrom(t.Address.Unmap(), t.Spec.Port)
}

// resetOnClose has close send a RST, so that neither end keeps the connection in TIME_WAIT.
var resetOnClose = unix.Linger{Onoff: 1, Linger: 0}

// dial makes a socket, SOCK_STREAM or SOCK_DGRAM, and connects it within the turn's time. The turn's close closes it.
func (t *turn) dial(kind int, to netip.AddrPort) error {
	family := t.address(to)
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return t.failed("socket", err)
	}
	if kind == unix.SOCK_STREAM {
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &resetOnClose); err != nil {
			_ = unix.Close(fd)
			return t.failed("socket", err)
		}
	}
	err = unix.Connect(fd, t.sa)
	if err != nil && err != unix.EINPROGRESS {
		_ = unix.Close(fd)
		return t.failed("connect", err)
	}
	t.open(fd)
	if err != nil {
		return t.await()
	}
	return nil
}

// address makes to the socket address, and returns its family.
func (t *turn) address(to netip.AddrPort) int {
	if to.Addr().Is4() {
		t.in4.Addr, t.in4.Port = to.Addr().As4(), int(to.Port())
		t.sa = &t.in4
		return unix.AF_INET
	}
	t.in6.Addr, t.in6.Port = to.Addr().As16(), int(to.Port())
	t.sa = &t.in6
	return unix.AF_INET6
}

// open hands a socket to the runtime's poller.
func (t *turn) open(fd int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fd, t.file = fd, os.NewFile(uintptr(fd), "probe")
	deadline := t.deadline
	if t.aborted {
		deadline = past
	}
	_ = t.file.SetDeadline(deadline) // it fails for what the poller does not take; a socket it does
}

// await waits for the end of connecting.
func (t *turn) await() error {
	raw, err := t.file.SyscallConn()
	if err == nil {
		err = raw.Write(t.poll)
	}
	if err == nil {
		err = t.result
	}
	if err != nil {
		return t.failed("connect", err)
	}
	return nil
}

// connected tells whether connecting has come to an end, with which result. Asking once more, rather than waiting for the
// poller's word alone, spares the wait where the answer is here, and does not miss a word that came before.
func (t *turn) connected(fd uintptr) bool {
	switch err := unix.Connect(int(fd), t.sa); err {
	case unix.EALREADY, unix.EINPROGRESS:
		return false
	case nil, unix.EISCONN:
		t.result = nil
	default:
		t.result = err
	}
	return true
}

// close closes the socket, if there is one.
func (t *turn) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != nil {
		_ = t.file.Close()
		t.file = nil
	}
}

// Read reads from the socket.
func (t *turn) Read(b []byte) (int, error) { return t.file.Read(b) }

// Write writes to the socket.
func (t *turn) Write(b []byte) (int, error) { return t.file.Write(b) }
