// Package kernel is everything that linedirector does to, and learns from, Linux's network stack.
//
// Linux is the routing table. Every port has a kernel tap, and what the workers do not balance goes
// through it, so that ARP, ping, ssh and routing daemons are the kernel's own:
//
//	worker ──punt──▶ Tap.Write ──▶ kernel ──▶ Tap.Read ──▶ worker's port
//	configuration ──▶ Stack.Apply ──▶ addresses, routes, neighbours ──▶ Mirror ──▶ snapshot
//	                  Keeper.Keep ──▶ neighbours resolved and fresh ──▶ Mirror ──▶ MAC of a next hop
//
// Silence keeps the kernel off an interface that net_af_packet or net_af_xdp took over.
//
// Nothing here is for workers: every function may block on the kernel and allocates. All of it
// speaks to the network namespace of the thread that called the constructor (OpenTap, NewMark, NewStack, TakeOver,
// NewMirror, NewKeeper, Silence); later calls may come from any thread, except where stated.
package kernel
