package api

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"linedirector/conf"
)

// limits bound what clients may take of the director.
type limits struct {
	conns     int           // served at a time; as many again are told to come later, others are cut
	followers int           // of conns, those that may follow events
	body      int64         // bytes of a request
	config    int64         // of a configuration
	head      time.Duration // to send a request's head, and as long again for its body
	upload    time.Duration // to send a configuration
	write     time.Duration // to take an answer; to take one event
	idle      time.Duration // between two requests
}

var production = limits{
	conns: 64, followers: 32, body: 64 << 10, config: conf.MaxFile,
	head: 5 * time.Second, upload: time.Minute, write: 30 * time.Second, idle: 2 * time.Minute,
}

// Server answers on the control socket.
type Server struct {
	log     *zap.Logger
	backend Backend
	socket  *socket
	http    http.Server
	limits  limits

	conns     atomic.Int32
	followers atomic.Int32
	closing   chan struct{}
	applying  sync.Mutex // held by who brings a configuration: one is large enough

	asking sync.RWMutex // held for reading while the backend is asked
	closed bool
}

// Serve listens on the Unix socket at path, makes its directory if need be, and answers with what the backend knows,
// until Close. The socket is of the process's user and group, and no stranger may open it.
func Serve(path string, backend Backend, log *zap.Logger) (*Server, error) {
	return serve(path, backend, log, production)
}

func serve(path string, backend Backend, log *zap.Logger, l limits) (*Server, error) {
	socket, err := listen(path)
	if err != nil {
		return nil, err
	}
	s := &Server{log: log, backend: backend, socket: socket, limits: l, closing: make(chan struct{})}
	s.http = http.Server{
		Handler: s.handler(), MaxHeaderBytes: 16 << 10, ErrorLog: zap.NewStdLog(log),
		ReadHeaderTimeout: l.head, ReadTimeout: 2 * l.head, WriteTimeout: l.write, IdleTimeout: l.idle,
		ConnContext: s.admit, ConnState: s.left,
	}
	go func() { _ = s.http.Serve(socket) }() // ends with Close
	return s, nil
}

// Path is where it listens.
func (s *Server) Path() string { return s.socket.path }

// Close removes the socket and ends the server: followers at once, other clients after a second at most. Once it returns,
// the backend is not being asked and is not asked again. It is called once.
func (s *Server) Close() {
	s.socket.remove()
	close(s.closing)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	_ = s.socket.Close() // Serve may not have begun, and then Shutdown does not know it
	s.asking.Lock()
	defer s.asking.Unlock()
	s.closed = true
}

// ask has f ask the backend, unless the server is closed: what the backend reads may be gone then.
func ask[T any](s *Server, f func(Backend) (T, error)) (T, error) {
	s.asking.RLock()
	defer s.asking.RUnlock()
	if s.closed {
		var nothing T
		return nothing, errClosing
	}
	return f(s.backend)
}

// conn is what the server knows of a connection.
type conn struct {
	*net.UnixConn
	tooMany bool
}

type connKey struct{}

func connOf(r *http.Request) *conn { return r.Context().Value(connKey{}).(*conn) }

// admit counts a connection in, and cuts it where so many are refused already that refusing costs too much.
func (s *Server) admit(ctx context.Context, c net.Conn) context.Context {
	n := int(s.conns.Add(1))
	if n > 2*s.limits.conns {
		_ = c.Close()
	}
	return context.WithValue(ctx, connKey{}, &conn{c.(*net.UnixConn), n > s.limits.conns})
}

// left counts a connection out.
func (s *Server) left(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		s.conns.Add(-1)
	}
}
