// Package forward is the packet path as pure Go: frames in, verdicts out. A burst walks through it so, each
// stage over the whole burst, so that the memory latency of one frame hides behind the others:
//
//  1. burst.go: parse every frame, hash what it shows, prefetch the index bucket.
//  2. burst.go: compare tags, prefetch the flow record.
//  3. hit.go: a flow is known: follow its TCP phase (tcp.go), rewrite, stamp, count.
//  4. miss.go: no flow: hand over to the owner (steer.go), which lends what comes here often (lend.go); choose a real, the client's own (sticky.go) or the
//     predictor's (schedule.go), and open one, answer (answer.go), give to the kernel (punt.go), or drop with a cause.
//  5. sweep.go: a slice of the expiry sweep.
//
// It never allocates, logs, reads a clock or calls into C, and locks nothing but a client's sticky entry, when a
// connection opens or closes. Everything is for one worker, but for the few methods that say otherwise.
package forward
