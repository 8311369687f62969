package metrics

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers GET /metrics.
type Server struct {
	http     http.Server
	listener net.Listener
	read     func() Readings

	reading sync.RWMutex // held for reading while read runs
	closed  bool
}

// scrapes is how many are answered at a time; others are told to come again.
const scrapes = 4

// Serve listens on address (host:port) and answers with what read returns, called anew for each scrape, from several
// goroutines at once, until Close.
func Serve(address string, read func() Readings) (*Server, error) {
	listener, err := listen(address)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, read: read}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s.readings})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes, Timeout: 10 * time.Second}))
	s.http = http.Server{
		Handler: mux, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// Free says why Serve could not listen on address. It keeps a program from starting in vain.
func Free(address string) error {
	listener, err := listen(address)
	if err != nil {
		return err
	}
	return listener.Close()
}

func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w; choose another address with --metrics, or off", err)
	}
	return listener, nil
}

// Address is where it listens, with the port that the kernel chose for port 0.
func (s *Server) Address() string { return s.listener.Addr().String() }

// readings is read, but not once Close was called: what it reads may be gone then.
func (s *Server) readings() (Readings, bool) {
	s.reading.RLock()
	defer s.reading.RUnlock()
	if s.closed {
		return Readings{}, false
	}
	return s.read(), true
}

// Close ends it, waiting up to a second for scrapers to take their answers. Once it returns, read is not running and
// is not called again.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	_ = s.listener.Close() // Serve may not have begun, and then Shutdown does not know it
	s.reading.Lock()
	defer s.reading.Unlock()
	s.closed = true
}
