package metrics

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers GET /metrics.
type Server struct {
	http     http.Server
	listener net.Listener
}

// Serve listens on address (host:port) and answers with what read returns, called anew for each scrape, from several
// goroutines at once.
func Serve(address string, read func() Readings) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics on %s: %w; choose another address with --metrics, or 'off'", address, err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{read})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	s := &Server{
		http:     http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10},
		listener: listener,
	}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// Address is where it listens, with the port that the kernel chose for port 0.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close ends it, waiting up to a second for scrapes under way.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.http.Shutdown(ctx)
}
