// Package dpdk is a thin binding to libdpdk: what linedirector needs of it, and no more.
//
// It is the only package with cgo. Go never calls into C per packet: a worker's loop crosses once, in
// [Exchange.Exchange], which settles the last burst, receives the next and describes it in an array of [Frame]
// that lives in C memory. The C side is in eal.c, log.c, memory.c, port.c, exchange.c, sender.c and batch.c behind
// shim.h.
//
// Who may call what: everything is for the control core's goroutines, one at a time for one object, save what
// its comment gives to the worker. A worker is a goroutine locked to a thread that called [RegisterThread].
//
// Written for DPDK 22.11; 23.11 and 24.11 build, too.
package dpdk
