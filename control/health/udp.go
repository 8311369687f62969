package health

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"

	"golang.org/x/sys/unix"
)

// udpChecker sends a datagram and waits for one. The socket is connected, so that only the real is heard, and an ICMP
// unreachable, too.
type udpChecker struct {
	to     netip.AddrPort
	send   []byte
	expect *regexp.Regexp
}

func (c *udpChecker) check(t *turn) error {
	if err := t.dial(unix.SOCK_DGRAM, c.to); err != nil {
		return err
	}
	if _, err := t.Write(c.send); err != nil {
		return t.failed("send", err)
	}
	answer, err := t.datagram()
	if err != nil {
		return err
	}
	if c.expect != nil && !c.expect.Match(answer) {
		return fmt.Errorf("answer %s does not match %q", excerpt(answer), c.expect)
	}
	return nil
}

// datagram receives one; what is longer than 4 KiB is cut. It lies in the turn's buffer.
func (t *turn) datagram() ([]byte, error) {
	n, err := t.Read(t.buf[:firstSize])
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, silent(t.timeout)
	case err != nil && !errors.Is(err, io.EOF): // which is an empty one
		return nil, t.failed("receive", err)
	}
	return t.buf[:n], nil
}

// excerpt quotes the beginning of what a real sent.
func excerpt(b []byte) string {
	const most = 40
	if len(b) > most {
		return fmt.Sprintf("%q…", b[:most])
	}
	return fmt.Sprintf("%q", b)
}
