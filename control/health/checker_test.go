package health

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

// once runs one probe of spec, and says what came of it: "" if it succeeded.
func once(t *testing.T, address netip.Addr, spec Spec) string {
	t.Helper()
	if spec.Timeout == 0 {
		spec.Timeout = 5 * time.Second
	}
	spec.Interval = time.Hour
	p := New(zap.NewNop(), func(Change) {})
	defer p.Close()
	c, err := p.make(&Target{Real: "r", Address: address, Spec: spec})
	if err != nil {
		return err.Error()
	}
	return check(c, spec.Timeout)
}

func check(c checker, timeout time.Duration) string {
	var turn turn
	turn.begin()
	turn.init()
	turn.limit(timeout)
	err := c.check(&turn)
	turn.close()
	if err != nil {
		return err.Error()
	}
	return ""
}

// expect compares the end of a probe; want is how its cause begins, "" is success.
func expect(t *testing.T, got, want string) {
	t.Helper()
	if want == "" && got != "" || !strings.HasPrefix(got, want) || want != "" && got == "" {
		t.Errorf("the probe ends with %q, want %q", got, want)
	}
}

const short = 100 * time.Millisecond // for what must take it all

func TestTCP(t *testing.T) {
	up := tcpServer(t, hang)
	expect(t, once(t, up.Addr(), Spec{Type: TCP, Port: up.Port()}), "")
	expect(t, once(t, up.Addr(), Spec{Type: TCP, Port: closedPort(t).Port()}), "connect: connection refused")
}

func TestTCPOverIPv6(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	defer listener.Close()
	to := listener.Addr().(*net.TCPAddr).AddrPort()
	expect(t, once(t, to.Addr(), Spec{Type: TCP, Port: to.Port()}), "")
}

// A listener whose queue is full lets SYNs go unanswered.
func TestTCPTimeout(t *testing.T) {
	full := fullListener(t)
	expect(t, once(t, full.Addr(), Spec{Type: TCP, Port: full.Port(), Timeout: short}), "connect: no answer within 100ms")
}

func TestHTTP(t *testing.T) {
	ok := regexp.MustCompile("^all is well$")
	long := strings.Repeat("x", bodyLimit)
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		spec  Spec
		want  string
	}{
		{"up", answers("HTTP/1.1 200 OK\r\n\r\n"), Spec{}, ""},
		{"up, bare line feeds", answers("HTTP/1.0 204 No Content\n\n"), Spec{}, ""},
		{"up, without a reason", answers("HTTP/1.1 200\r\nA: b\r\n\r\n"), Spec{}, ""},
		{"up, in pieces", answers("HT", "TP/1.1 2", "00 OK\r\nA: b\r", "\n\r", "\n"), Spec{}, ""},
		{"after an interim answer", answers("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), Spec{}, ""},
		{"wanted status", answers("HTTP/1.1 404 Not Found\r\n\r\n"), Spec{Status: []StatusRange{{200, 299}, {404, 404}}}, ""},
		{"wrong status", answers("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Spec{}, "status 503, want 200-299"},
		{"wrong status of several", answers("HTTP/1.1 503 X\r\n\r\n"), Spec{Status: []StatusRange{{200, 299}, {404, 404}}}, "status 503, want 200-299, 404"},
		{"not HTTP", answers("SSH-2.0-OpenSSH_9.2\r\n"), Spec{}, `the answer is not HTTP/1, but "SSH-2.0`},
		{"hangs after accept", hang, Spec{Timeout: short}, "no answer within 100ms"},
		{"closes", func(c net.Conn) { readRequest(c) }, Spec{}, "closed without an answer"},
		{"closes in the header", answers("HTTP/1.1 200 OK\r\nA: b\r\n"), Spec{}, "closed in the middle of the header"},
		{"hangs in the header", then(answers("HTTP/1.1 200 OK\r\nA: b\r\n"), hang), Spec{Timeout: short}, "header not complete within 100ms"},
		{"endless header", answers("HTTP/1.1 200 OK\r\n", strings.Repeat("A: b\r\n", headLimit)), Spec{}, "the header is longer than 16 KiB"},

		{"body by length", answers("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is", " wellNOT"), Spec{Body: ok}, ""},
		{"body by length, kept open", then(answers("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well"), hang), Spec{Body: ok}, ""},
		{"body until the end", answers("HTTP/1.0 200 OK\r\n\r\nall is", " well"), Spec{Body: ok}, ""},
		{"body in chunks", then(answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall \r", "\n7;x=y\r\nis well\r\n0\r\n\r\n"), hang), Spec{Body: ok}, ""},
		{"body in single bytes", then(answers(single("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall \r\n7\r\nis well\r\n0\r\n\r\n")...), hang), Spec{Body: ok}, ""},
		{"body mismatch", answers("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfire"), Spec{Body: ok}, `body "fire" does not match "^all is well$"`},
		{"no body", answers("HTTP/1.1 204 No Content\r\n\r\n"), Spec{Body: ok}, `body "" does not match`},
		{"malformed chunks", answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Spec{Body: ok}, "the body's chunks are malformed"},
		{"chunk that is longer than it says", answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"), Spec{Body: ok}, "the body's chunks are malformed"},
		{"negative length", answers("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Spec{Body: ok}, `content-length is "-1"`},
		{"body too short", answers("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nall is well"), Spec{Body: ok}, "closed in the middle of the body"},
		{"chunks too short", answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall "), Spec{Body: ok}, "closed in the middle of the body"},
		{"slow body", then(answers("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nall"), hang), Spec{Body: ok, Timeout: short}, "body not complete within 100ms"},
		{"huge body, wanted within", answers("HTTP/1.1 200 OK\r\n\r\n", "all", long, long, long), Spec{Body: regexp.MustCompile("^allx+$")}, ""},
		{"huge body, wanted beyond", answers("HTTP/1.1 200 OK\r\n\r\n", long, "all"), Spec{Body: regexp.MustCompile("all")}, `body "xxxx`},
		{"endless body", endless("HTTP/1.1 200 OK\r\n\r\n", long), Spec{Body: regexp.MustCompile("all")}, `body "xxxx`},
		{"endless chunk", endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", long), Spec{Body: regexp.MustCompile("^x+$")}, ""},
		{"huge length", endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", long), Spec{Body: regexp.MustCompile("^x+$")}, ""},
		{"a body that is not asked for is not read", endless("HTTP/1.1 200 OK\r\n\r\n", long), Spec{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := tcpServer(t, c.serve)
			c.spec.Type, c.spec.Port = HTTP, to.Port()
			expect(t, once(t, to.Addr(), c.spec), c.want)
		})
	}
	t.Run("refused", func(t *testing.T) {
		to := closedPort(t)
		expect(t, once(t, to.Addr(), Spec{Type: HTTP, Port: to.Port()}), "connect: connection refused")
	})
}

func single(s string) (parts []string) {
	for i := range len(s) {
		parts = append(parts, s[i:i+1])
	}
	return parts
}

func then(first, second func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		first(c)
		second(c)
	}
}

func endless(head, part string) func(net.Conn) {
	return func(c net.Conn) {
		answers(head)(c)
		for {
			if _, err := c.Write([]byte(part)); err != nil {
				return
			}
		}
	}
}

func TestHTTPRequest(t *testing.T) {
	for _, c := range []struct {
		name, path, host string
		port             uint16
		kind             Type
		want             []string
	}{
		{"plain", "", "", 8080, HTTP, []string{"GET / HTTP/1.1", "Host: 192.0.2.1:8080"}},
		{"own port", "/health?deep=1", "", 80, HTTP, []string{"GET /health?deep=1 HTTP/1.1", "Host: 192.0.2.1"}},
		{"own port in TLS", "", "", 443, HTTPS, []string{"GET / HTTP/1.1", "Host: 192.0.2.1"}},
		{"host", "/", "www.example", 80, HTTP, []string{"GET / HTTP/1.1", "Host: www.example"}},
	} {
		lines := strings.Split(string(request(&Target{
			Address: netip.MustParseAddr("192.0.2.1"), Spec: Spec{Type: c.kind, Port: c.port, Path: c.path, Host: c.host},
		})), "\r\n")
		for i, want := range c.want {
			if lines[i] != want {
				t.Errorf("%s: the request says %q, want %q", c.name, lines[i], want)
			}
		}
	}
}

// The server sees what was put together, and the connection reset, so that neither end keeps it in TIME_WAIT.
func TestHTTPServerSees(t *testing.T) {
	seen, ended := make(chan string, 1), make(chan error, 1)
	to := tcpServer(t, func(c net.Conn) {
		seen <- request1(c)
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		_, err := c.Read(make([]byte, 1))
		ended <- err
	})
	expect(t, once(t, to.Addr(), Spec{Type: HTTP, Port: to.Port(), Host: "www.example"}), "")
	if got := <-seen; !strings.Contains(got, "\r\nHost: www.example\r\n") || !strings.Contains(got, "\r\nConnection: close\r\n") {
		t.Errorf("the server sees %q", got)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection ends with %v, want a reset", err)
	}
}

func TestUDP(t *testing.T) {
	pong := func(b []byte) [][]byte { return [][]byte{fmt.Appendf(nil, "pong to %s", b)} }
	expected := regexp.MustCompile("^pong to ping$")
	for _, c := range []struct {
		name   string
		answer func([]byte) [][]byte
		spec   Spec
		want   string
	}{
		{"up", pong, Spec{Send: []byte("ping"), Expect: expected}, ""},
		{"any answer", pong, Spec{Send: []byte("x")}, ""},
		{"empty datagrams", func([]byte) [][]byte { return [][]byte{{}} }, Spec{}, ""},
		{"wrong answer", pong, Spec{Send: []byte("x"), Expect: expected}, `answer "pong to x" does not match "^pong to ping$"`},
		{"no answer", func([]byte) [][]byte { return nil }, Spec{Timeout: short}, "no answer within 100ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := udpServer(t, c.answer)
			c.spec.Type, c.spec.Port = UDP, to.Port()
			expect(t, once(t, to.Addr(), c.spec), c.want)
		})
	}
	t.Run("refused", func(t *testing.T) {
		expect(t, once(t, netip.MustParseAddr("127.0.0.1"), Spec{Type: UDP, Port: closedPort(t).Port(), Send: []byte("x")}), "receive: connection refused")
	})
}

func TestICMP(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it takes root")
	}
	expect(t, once(t, netip.MustParseAddr("127.0.0.1"), Spec{Type: ICMP}), "")
	expect(t, once(t, netip.MustParseAddr("::ffff:127.0.0.2"), Spec{Type: ICMP}), "")
}

func TestICMPOverIPv6(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it takes root")
	}
	if c, err := net.ListenPacket("udp", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here: ", err)
	} else {
		_ = c.Close()
	}
	expect(t, once(t, netip.MustParseAddr("::1"), Spec{Type: ICMP}), "")
}

// What cannot be probed is our fault, not the real's.
func TestBroken(t *testing.T) {
	expect(t, once(t, netip.MustParseAddr("127.0.0.1"), Spec{Type: 99}), "no such probe: type 99")
	expect(t, once(t, netip.MustParseAddr("127.0.0.1"), Spec{Type: DNS, Query: "a..b"}), `query "a..b"`)
	expect(t, once(t, netip.MustParseAddr("127.0.0.1"), Spec{Type: DNS, Query: "a", Record: "ANY"}), `no such record: "ANY"`)
}
