// Package api is the director's control socket: HTTP with JSON over a Unix socket, which ldctl and curl speak. Its
// routes and fields are described in docs/api.md.
//
//	types.go    what is shown: reals, virtuals, workers, flows, events
//	backend.go  what the server asks of the control core
//	socket.go   the socket file: who may reach it, stale ones
//	server.go   limits, opening and closing
//	peer.go     who asks, and who may change anything
//	routes.go   the routes and their parameters
//	lists.go    reals, virtuals, workers
//	flows.go    flows, page by page
//	follow.go   events, as they come
//	set.go      changes
//	errors.go   what was wrong, and how to mend it
//	client.go   the other end
package api
