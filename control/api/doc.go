// Package api is the director's control socket: HTTP with JSON over a Unix socket, which ldctl and curl speak. Its
// routes and fields are described in docs/api.md.
//
//	types.go    what is shown: reals, virtuals, workers, flows, events
//	service.go  what can be asked and changed beside that: sticky entries, ports, settings, configurations
//	backend.go  what the server asks of the control core
//	socket.go   the socket file: who may reach it, stale ones
//	server.go   limits, opening and closing
//	peer.go     who asks, and who may change anything
//	routes.go   the routes and their parameters
//	lists.go    reals, virtuals, workers, ports, neighbours
//	flows.go    flows, page by page
//	sticky.go   sticky entries, page by page, and forgetting them
//	explain.go  what becomes of a packet, and why
//	follow.go   events, as they come
//	set.go      changes of a real's settings
//	flush.go    cutting connections
//	config.go   the configuration: shown, compared, applied, rolled back
//	errors.go   what was wrong, and how to mend it
//	nearest.go  what a wrong name may have meant
//	client.go   the other end: asking
//	change.go   the other end: changing
package api
