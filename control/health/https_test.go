package health

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/zap"
)

func tlsServer(t *testing.T, config *tls.Config, serve func(net.Conn)) netip.AddrPort {
	return tcpServer(t, func(c net.Conn) { serve(tls.Server(c, config)) })
}

const page = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"

func TestHTTPS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	soon := time.Now().Add(time.Hour)
	named, expired := ca.sign(t, "real.example", soon), ca.sign(t, "real.example", time.Now().Add(-time.Hour))
	addressed := ca.sign(t, "127.0.0.1", soon)
	for _, c := range []struct {
		name string
		cert tls.Certificate
		spec Spec
		want string
	}{
		{"good", named, Spec{SNI: "real.example", Verify: true, Roots: ca.pool}, ""},
		{"good by Host", named, Spec{Host: "real.example:8443", Verify: true, Roots: ca.pool}, ""},
		{"good by address", addressed, Spec{Verify: true, Roots: ca.pool}, ""},
		{"expired", expired, Spec{SNI: "real.example", Verify: true, Roots: ca.pool}, "certificate: x509: certificate has expired"},
		{"of another authority", named, Spec{SNI: "real.example", Verify: true, Roots: other.pool}, "certificate: x509: certificate signed by unknown authority"},
		{"no authority", named, Spec{SNI: "real.example", Verify: true, Roots: x509.NewCertPool()}, "certificate: x509: certificate signed by unknown authority"},
		{"of another name", named, Spec{SNI: "www.example", Verify: true, Roots: ca.pool}, "certificate: x509: certificate is valid for real.example, not www.example"},
		{"of another address", named, Spec{Verify: true, Roots: ca.pool}, "certificate: x509: cannot validate certificate for 127.0.0.1"},
		{"unchecked", expired, Spec{}, ""},
		{"wrong status", named, Spec{Status: []StatusRange{{301, 301}}}, "status 200, want 301"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{c.cert}}, answers(page))
			c.spec.Type, c.spec.Port = HTTPS, to.Port()
			expect(t, once(t, to.Addr(), c.spec), c.want)
		})
	}
	t.Run("no TLS", func(t *testing.T) {
		to := tcpServer(t, func(c net.Conn) { _, _ = c.Write([]byte("220 hello\r\n")); hang(c) })
		expect(t, once(t, to.Addr(), Spec{Type: HTTPS, Port: to.Port()}), "tls: first record does not look like a TLS handshake")
	})
	t.Run("hangs after accept", func(t *testing.T) {
		to := tcpServer(t, hang)
		expect(t, once(t, to.Addr(), Spec{Type: HTTPS, Port: to.Port(), Timeout: short}), "tls: no answer within 100ms")
	})
	t.Run("hangs after the handshake", func(t *testing.T) {
		to := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{named}}, hang)
		expect(t, once(t, to.Addr(), Spec{Type: HTTPS, Port: to.Port(), Timeout: 500 * time.Millisecond}), "no answer within 500ms")
	})
	t.Run("closes", func(t *testing.T) {
		to := tcpServer(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) })
		expect(t, once(t, to.Addr(), Spec{Type: HTTPS, Port: to.Port()}), "tls: closed in the middle of the handshake")
	})
}

// The server is asked for the name that its certificate must bear; an address is not sent.
func TestSNI(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.sign(t, "real.example", time.Now().Add(time.Hour))
	seen := make(chan string, 1)
	to := tlsServer(t, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		seen <- hello.ServerName
		return &cert, nil
	}}, answers(page))
	for _, c := range []struct{ sni, host, want string }{
		{"real.example", "www.example", "real.example"}, {"", "www.example:443", "www.example"}, {"", "", ""},
	} {
		expect(t, once(t, to.Addr(), Spec{Type: HTTPS, Port: to.Port(), SNI: c.sni, Host: c.host}), "")
		if got := <-seen; got != c.want {
			t.Errorf("SNI %q, Host %q: the server is asked for %q, want %q", c.sni, c.host, got, c.want)
		}
	}
}

// A session is resumed, but not for more than a minute, nor after a failure.
func TestResume(t *testing.T) {
	ca := newAuthority(t)
	resumed := make(chan bool, 1)
	serve := make(chan string, 1)
	to := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{ca.sign(t, "real.example", time.Now().Add(time.Hour))}}, func(c net.Conn) {
		if readRequest(c) {
			resumed <- c.(*tls.Conn).ConnectionState().DidResume
			_, _ = c.Write([]byte(<-serve))
		}
	})
	p := New(zap.NewNop(), func(Change) {})
	defer p.Close()
	c := newHTTPSChecker(&Target{Address: to.Addr(), Spec: Spec{Type: HTTPS, Port: to.Port(), SNI: "real.example", Verify: true, Roots: ca.pool}})
	for _, step := range []struct {
		name, serve, want string
		resumed           bool
		age               time.Duration
	}{
		{"first", page, "", false, 0},
		{"second", page, "", true, 0},
		{"fails", "HTTP/1.1 503 X\r\n\r\n", "status 503", true, 0},
		{"after a failure", page, "", false, 0},
		{"again", page, "", true, 0},
		{"after a minute", page, "", false, resumeFor + time.Second},
	} {
		c.full = c.full.Add(-step.age)
		serve <- step.serve
		expect(t, check(c, 5*time.Second), step.want)
		if got := <-resumed; got != step.resumed {
			t.Errorf("%s: resumed is %v, want %v", step.name, got, step.resumed)
		}
	}
}
