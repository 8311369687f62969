// Package traffic plays clients and servers towards a director: frames in, frames out. It is pure Go; time is passed in,
// nothing allocates once a [Player] was made, and one goroutine at a time may call it.
//
// A frame's way, and where it is written:
//
//  1. The next hop is asked for by ARP, unless its MAC is given   address.go
//  2. A flow is picked, uniformly or by Zipf's law                pick.go, endpoints.go
//  3. A frame length is taken from the mix                        mix.go
//  4. The template of that length is copied, the flow's endpoints
//     and a stamp are written into it, its checksums follow       template.go, stamp.go, sum.go
//  5. The director does what it does with it
//  6. The receiver checks it: lengths, checksums, stamp            receive.go
//  7. The stamp gives latency, loss, order                         track.go
//  8. The server answers from the frame alone: it keeps nothing    answer.go
//  9. A connection's client goes one state further                 churn.go
//
// play.go is the order of events: resolve, probe, open, warm up, measure, drain, close.
package traffic
