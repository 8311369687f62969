package api

import (
	"time"

	"go.uber.org/zap"
)

// Limits lets tests wait for less.
type Limits = limits

// Production are the limits that Serve has.
var Production = production

// ServeWith is Serve with other limits.
func ServeWith(path string, b Backend, log *zap.Logger, l Limits) (*Server, error) {
	return serve(path, b, log, l)
}

// With returns limits of so many connections and followers.
func (l limits) With(conns, followers int) Limits {
	l.conns, l.followers = conns, followers
	return l
}

// Within returns limits whose head and write times are these parts of a second.
func (l limits) Within(head, write float64) Limits {
	l.head, l.write = time.Duration(head*float64(time.Second)), time.Duration(write*float64(time.Second))
	return l
}

// Taking returns limits of so many bytes of a configuration, to come within this part of a second.
func (l limits) Taking(config int64, upload float64) Limits {
	l.config, l.upload = config, time.Duration(upload*float64(time.Second))
	return l
}

// Large is the limit of a configuration.
func (l limits) Large() int64 { return l.config }

// Conns is how many connections are open.
func (s *Server) Conns() int { return int(s.conns.Load()) }

// Followers is how many clients follow events.
func (s *Server) Followers() int { return int(s.followers.Load()) }
