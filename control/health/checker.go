package health

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// checker probes one real. A target has its own, which runs once at a time and may keep state.
type checker interface {
	// check is one probe, within the turn's time. It returns nil if the real answered as wanted; else why not, in words for
	// the operator; or a fault.
	check(*turn) error
}

// checker makes the checker that t asks for; the error says what of it cannot be asked.
func (p *Prober) checker(t *Target) (checker, error) {
	switch t.Spec.Type {
	case ICMP:
		if t.Address.Unmap().Is4() {
			return &icmpChecker{&p.pings[0], t.Address.Unmap()}, nil
		}
		return &icmpChecker{&p.pings[1], t.Address}, nil
	case TCP:
		return &tcpChecker{t.endpoint()}, nil
	case HTTP:
		return newHTTPChecker(t), nil
	case HTTPS:
		return newHTTPSChecker(t), nil
	case UDP:
		return &udpChecker{t.endpoint(), t.Spec.Send, t.Spec.Expect}, nil
	case DNS:
		return newDNSChecker(t)
	}
	return nil, fmt.Errorf("no such probe: %s", t.Spec.Type)
}

// fault is an error of ours: the probe could not be made, which says nothing about the real.
type fault struct{ error }

// broken is a checker that cannot be.
type broken struct{ err error }

func (b broken) check(*turn) error { return fault{b.err} }

// errno of ours: they do not depend on the real.
func ours(err unix.Errno) bool {
	switch err {
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EACCES, unix.EPERM, unix.EADDRNOTAVAIL, unix.EADDRINUSE,
		unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.EINVAL, unix.EAGAIN:
		return true
	}
	return false
}

// failed puts a socket's error into words: "connect: connection refused".
func (t *turn) failed(doing string, err error) error {
	var errno unix.Errno
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: no answer within %v", doing, t.timeout)
	case errors.As(err, &errno) && ours(errno):
		return fault{fmt.Errorf("%s: %w", doing, errno)}
	case errors.As(err, &errno):
		return fmt.Errorf("%s: %w", doing, errno)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// silent is the error of a real that took what it was sent and did not answer in time.
func silent(timeout time.Duration) error { return fmt.Errorf("no answer within %v", timeout) }
