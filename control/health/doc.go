// Package health probes reals actively: one small exchange with each, again and again, beside what their traffic
// shows. It decides between up and down by rise and fall, and reports each change once.
//
//	Set ──► targets ──► schedule.go: a heap by due time, a pool of goroutines
//	                        │
//	                        ▼
//	                    checker.check ── tcp.go, http.go, https.go, udp.go, dns.go, icmp.go
//	                        │
//	                        ▼
//	                    outcome.go: rise, fall ──► report, in order, from a goroutine of its own
//
// Probes are sockets of the kernel, whose packets leave by the ports' taps. What a probe costs, and why the sockets are
// opened by hand, is in docs/design/0006-probes.md.
package health
