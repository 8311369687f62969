package health

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// httpChecker sends a GET that was written once, and reads the answer as far as it must: the head, and the body if that is
// to be matched. Then the connection is reset.
type httpChecker struct {
	to      netip.AddrPort
	request []byte
	status  []StatusRange
	body    *regexp.Regexp
}

func newHTTPChecker(t *Target) *httpChecker {
	c := &httpChecker{to: t.endpoint(), request: request(t), status: t.Spec.Status, body: t.Spec.Body}
	if len(c.status) == 0 {
		c.status = []StatusRange{{200, 299}}
	}
	return c
}

// request is what the real is asked. It takes no encoding, so the body comes as it is.
func request(t *Target) []byte {
	path := t.Spec.Path
	if path == "" {
		path = "/"
	}
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: linedirector\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		path, host(t))
}

// host is the Host header: without a port if it is the protocol's own (RFC 9110 §7.2).
func host(t *Target) string {
	if t.Spec.Host != "" {
		return t.Spec.Host
	}
	if t.Spec.Type == HTTP && t.Spec.Port == 80 || t.Spec.Type == HTTPS && t.Spec.Port == 443 {
		if a := t.endpoint().Addr(); a.Is6() {
			return "[" + a.String() + "]"
		}
		return t.endpoint().Addr().String()
	}
	return net.JoinHostPort(t.endpoint().Addr().String(), strconv.Itoa(int(t.Spec.Port)))
}

func (c *httpChecker) check(t *turn) error {
	if err := t.dial(unix.SOCK_STREAM, c.to); err != nil {
		return err
	}
	return c.exchange(t, t)
}

// exchange asks, and judges the answer.
func (c *httpChecker) exchange(t *turn, stream io.ReadWriter) error {
	if _, err := stream.Write(c.request); err != nil {
		return t.failed("send", err)
	}
	a := answer{turn: t, from: stream}
	if err := a.readHead(); err != nil {
		return err
	}
	if !slices.ContainsFunc(c.status, func(r StatusRange) bool { return r.First <= a.status && a.status <= r.Last }) {
		return fmt.Errorf("status %d, want %s", a.status, wanted(c.status))
	}
	if c.body == nil {
		return nil
	}
	body, err := a.readBody()
	if err != nil {
		return err
	}
	if !c.body.Match(body) {
		return fmt.Errorf("body %s does not match %q", excerpt(body), c.body)
	}
	return nil
}

// broken puts the end of an answer before its time into words.
func (a *answer) broken(part string, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		if a.have == 0 {
			return errors.New("closed without an answer")
		}
		return fmt.Errorf("closed in the middle of the %s", part)
	case errors.Is(err, os.ErrDeadlineExceeded):
		if a.have == 0 {
			return silent(a.turn.timeout)
		}
		return fmt.Errorf("%s not complete within %v", part, a.turn.timeout)
	}
	return a.turn.failed("receive", err)
}
