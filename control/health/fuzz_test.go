package health

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/netip"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Whatever comes, in pieces or whole, is judged alike and without a panic; and where net/http reads an answer, it is ours, too.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 100 C\r\n\r\nHTTP/1.0 404 Not Found\n\nbody",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\nok",
		"HTTP/1.1 204 N\r\n\r\n", "HTTP/1.1 2x0 N\r\n\r\n", "\n\n", "HTTP/", "",
	} {
		f.Add([]byte(s))
	}
	read := func(r io.Reader) (status int, body []byte, err error) {
		t := turn{buf: make([]byte, 16), timeout: time.Second} // small, so that it must grow
		a := answer{turn: &t, from: r}
		if err = a.readHead(); err == nil {
			body, err = a.readBody()
		}
		return a.status, body, err
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		status, body, err := read(bytes.NewReader(b))
		status1, body1, err1 := read(iotest.OneByteReader(bytes.NewReader(b)))
		if status != status1 || !bytes.Equal(body, body1) || (err == nil) != (err1 == nil) {
			t.Errorf("whole: %d %q %v; byte by byte: %d %q %v", status, body, err, status1, body1, err1)
		}
		if len(body) > bodyLimit {
			t.Errorf("a body of %d bytes", len(body))
		}
		if err != nil {
			return
		}
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil || theirs.StatusCode < 200 {
			return
		}
		want, err := io.ReadAll(io.LimitReader(theirs.Body, bodyLimit))
		if err == nil && (status != theirs.StatusCode || !bytes.Equal(body, want)) {
			t.Errorf("%d %q; net/http reads %d %q", status, body, theirs.StatusCode, want)
		}
	})
}

func FuzzDNSAnswer(f *testing.F) {
	const id = 7
	made, err := newDNSChecker(&Target{Address: netip.MustParseAddr("127.0.0.1"), Spec: Spec{Query: "a.example"}})
	if err != nil {
		f.Fatal(err)
	}
	c := made.(*dnsChecker)
	binary.BigEndian.PutUint16(c.query[tcpLength:], id)
	f.Add(dnsAnswer(c.query[tcpLength:], nil, &dnsmessage.AResource{A: [4]byte{1, 2, 3, 4}}))
	f.Add(dnsAnswer(c.query[tcpLength:], func(m *dnsmessage.Message) { m.Truncated = true }))
	f.Add(c.query[tcpLength:])
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range recordTypes {
			c.question.Type = kind
			if err := c.judge(b, id); err == nil && (len(b) < 12 || binary.BigEndian.Uint16(b) != id || b[2]&0x80 == 0 || b[3]&15 != 0) {
				t.Errorf("%x is taken for an answer", b)
			}
		}
	})
}

func FuzzICMP(f *testing.F) {
	request := putEcho(make([]byte, 64), false, 0x12345678, 99)
	reply := append([]byte{0x45, 0, 0, 36, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9}, request...)
	reply[20] = echoReply4
	f.Add(reply, false)
	quoted := append([]byte{0x45, 0, 0, 36, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1}, request...)
	f.Add(append(append(bytes.Clone(reply[:20]), unreachable4, 1, 0, 0, 0, 0, 0, 0), quoted...), false)
	request6 := putEcho(make([]byte, 64), true, 0x12345678, 99)
	f.Add(append([]byte{echoReply6}, request6[1:]...), true)
	f.Add(append(append([]byte{unreachable6, 0, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 16, 58, 64}, make([]byte, 32)...), request6...), true)
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		h, ok := parseICMP(b, v6)
		if ok && h.cause == "" && !v6 && h.real != netip.AddrFrom4([4]byte(b[12:16])) {
			t.Errorf("%x: the reply is said to be from %v", b, h.real)
		}
	})
}

// What the seeds of the fuzzer say is understood, not only survived.
func TestParseICMP(t *testing.T) {
	real, router := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.254")
	head := func(from, to netip.Addr) []byte {
		return append(append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0}, from.AsSlice()...), to.AsSlice()...)
	}
	us := netip.MustParseAddr("192.0.2.9")
	request := putEcho(make([]byte, 64), false, 0x12345678, 99)
	if checksum(request) != 0 {
		t.Error("the request's checksum is wrong")
	}
	reply := append(head(real, us), request...)
	reply[20] = echoReply4
	report := func(kind, code byte, quote []byte) []byte {
		return append(append(head(router, us), kind, code, 0, 0, 0, 0, 0, 0), quote...)
	}
	ours := append(head(us, real), request...)
	for _, c := range []struct {
		name string
		in   []byte
		want heard
		ok   bool
	}{
		{"reply", reply, heard{key: 0x12345678, real: real, cookie: 99, hasCookie: true}, true},
		{"unreachable", report(3, 1, ours), heard{0x12345678, real, 99, true, "host unreachable (says 192.0.2.254)"}, true},
		{"unreachable, short quote", report(3, 0, ours[:28]), heard{0x12345678, real, 0, false, "net unreachable (says 192.0.2.254)"}, true},
		{"odd code", report(3, 13, ours), heard{0x12345678, real, 99, true, "unreachable, code 13 (says 192.0.2.254)"}, true},
		{"time exceeded", report(11, 0, ours), heard{0x12345678, real, 99, true, "time to live exceeded on the way (says 192.0.2.254)"}, true},
		{"about a reply of ours", report(3, 1, append(head(us, real), reply[20:]...)), heard{}, false},
		{"redirect", report(5, 1, ours), heard{}, false},
		{"somebody's request", append(head(real, us), request...), heard{}, false},
		{"cut", reply[:24], heard{}, false},
	} {
		got, ok := parseICMP(c.in, false)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v %v, want %+v %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

// A reply counts only with the cookie, from the real that was asked.
func TestDeliver(t *testing.T) {
	real := netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		name string
		h    heard
		want bool
	}{
		{"right", heard{1, real, 5, true, ""}, true},
		{"right, IPv6", heard{1, netip.Addr{}, 5, true, ""}, true},
		{"wrong cookie", heard{1, real, 6, true, ""}, false},
		{"no cookie", heard{1, real, 0, false, ""}, false},
		{"wrong key", heard{2, real, 5, true, ""}, false},
		{"from another", heard{1, netip.MustParseAddr("192.0.2.2"), 5, true, ""}, false},
		{"error", heard{1, real, 0, false, "host unreachable"}, true},
		{"error about another", heard{1, netip.MustParseAddr("192.0.2.2"), 0, false, "host unreachable"}, false},
	} {
		e := &echo{to: real, key: 1, cookie: 5, answer: make(chan string, 1)}
		p := pinger{waiting: map[uint32]*echo{1: e}}
		p.deliver(&c.h)
		p.deliver(&c.h) // a second time nobody waits
		if got := len(e.answer) == 1; got != c.want {
			t.Errorf("%s: delivered is %v, want %v", c.name, got, c.want)
		}
	}
}
