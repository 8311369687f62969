package health

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// httpsChecker is httpChecker in TLS. Sessions are resumed, which spares both ends the costly half of a handshake: the
// real its signature, us the certificate's check. So that a certificate put in place meanwhile is seen soon, the
// handshake is a full one after every failure, and at least once a minute.
type httpsChecker struct {
	http    *httpChecker
	config  tls.Config
	session session
	full    time.Time // the last full handshake
}

const resumeFor = time.Minute

func newHTTPSChecker(t *Target) *httpsChecker {
	c := &httpsChecker{http: newHTTPChecker(t)}
	c.config = tls.Config{
		ServerName:         serverName(t),
		InsecureSkipVerify: !t.Spec.Verify, //nolint:gosec // the operator's choice
		RootCAs:            t.Spec.Roots,
		NextProtos:         []string{"http/1.1"},
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: &c.session,
		// Without the post-quantum exchange, which is on by default: it is dear, and a probe has no secrets.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384},
	}
	return c
}

// serverName is the name asked for and checked. An address is checked, but not sent (RFC 6066 §3).
func serverName(t *Target) string {
	switch {
	case t.Spec.SNI != "":
		return t.Spec.SNI
	case t.Spec.Host != "":
		if name, _, err := net.SplitHostPort(t.Spec.Host); err == nil {
			return name
		}
		return t.Spec.Host
	}
	return t.endpoint().Addr().String()
}

func (c *httpsChecker) check(t *turn) error {
	if now := time.Now(); now.Sub(c.full) > resumeFor {
		c.session.state = nil
		c.full = now
	}
	err := c.exchange(t)
	if err != nil {
		c.full = time.Time{}
	}
	return err
}

func (c *httpsChecker) exchange(t *turn) error {
	if err := t.dial(unix.SOCK_STREAM, c.http.to); err != nil {
		return err
	}
	stream := tls.Client(wire{t}, &c.config)
	if err := stream.Handshake(); err != nil {
		return c.refused(t, err)
	}
	return c.http.exchange(t, stream)
}

// refused puts a handshake's failure into words.
func (c *httpsChecker) refused(t *turn, err error) error {
	var certificate *tls.CertificateVerificationError
	var errno unix.Errno
	switch {
	case errors.As(err, &certificate):
		return fmt.Errorf("certificate: %w", certificate.Err)
	case errors.Is(err, io.EOF):
		return errors.New("tls: closed in the middle of the handshake")
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &errno):
		return t.failed("tls", err)
	}
	return err // it says "tls:" or "remote error: tls:" itself
}

// session is the last session of one target.
type session struct{ state *tls.ClientSessionState }

// Get is tls.ClientSessionCache's.
func (s *session) Get(string) (*tls.ClientSessionState, bool) { return s.state, s.state != nil }

// Put is tls.ClientSessionCache's.
func (s *session) Put(_ string, state *tls.ClientSessionState) { s.state = state }

// wire is a turn's socket as crypto/tls wants it. The turn keeps the deadline, and closes it.
type wire struct{ *turn }

// Close is net.Conn's.
func (w wire) Close() error { return nil }

// LocalAddr is net.Conn's.
func (w wire) LocalAddr() net.Addr { return noAddress{} }

// RemoteAddr is net.Conn's.
func (w wire) RemoteAddr() net.Addr { return noAddress{} }

// SetDeadline is net.Conn's.
func (w wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is net.Conn's.
func (w wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is net.Conn's.
func (w wire) SetWriteDeadline(time.Time) error { return nil }

type noAddress struct{}

// Network is net.Addr's.
func (noAddress) Network() string { return "tcp" }

// String is net.Addr's.
func (noAddress) String() string { return "" }
