package main

import (
	"net"
	"testing"
	"time"
)

// listen runs handle on each connection to a listener on loopback.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go handle(conn)
		}
	}()
	return listener.Addr().String()
}

func TestConnect(t *testing.T) {
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	hold := make(chan struct{})
	defer close(hold)
	for _, c := range []struct {
		name, address string
		want          outcome
		by            string
	}{
		{"answered", listen(t, func(conn net.Conn) { answer(conn, "b") }), ok, "b"},
		{"closed without an answer", listen(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 64))
			_ = conn.Close()
		}), short, ""},
		{"reset", listen(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 64))
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}), reset, ""},
		{"no answer", listen(t, func(conn net.Conn) { <-hold; _ = conn.Close() }), answerTimeout, ""},
		{"nobody listens", nobody, refused, ""},
	} {
		deadline := 10 * time.Second
		if c.want == answerTimeout {
			deadline = 100 * time.Millisecond
		}
		s := connect(c.address, time.Now().Add(-time.Hour), deadline)
		if s.Outcome != c.want || s.Real != c.by {
			t.Errorf("%s: %s by %q, want %s by %q", c.name, s.Outcome, s.Real, c.want, c.by)
		}
		if (s.Connect == 0) != (c.want == refused) || s.Total <= 0 || s.Total < s.Connect || s.Start < time.Hour {
			t.Errorf("%s: began at %v, connected after %v, ended after %v", c.name, s.Start, s.Connect, s.Total)
		}
	}
}
