package control

import "linedirector/lcore/ruleset"

// Workers are the poll loops, as control sees them.
type Workers interface {
	// Publish makes all workers use these rules from their next burst on.
	Publish(*ruleset.Snapshot)
	// Acknowledged is the oldest generation of rules that any worker still uses.
	Acknowledged() uint32
	// Counts are the workers' counters by slot.
	Counts() []*ruleset.Counts
	// TakeWant is an on-link address that a worker misses: the device's number and the address in host byte order.
	TakeWant() (port uint16, address uint32, ok bool)
	// Inject transmits a frame of the kernel's on a port, given by its place in the configuration.
	Inject(port int, frame []byte) error
}

// Punts is control's end of the rings on which workers hand frames to the kernel.
type Punts interface {
	// Next delivers what there is, or waits for it; an error ends it.
	Next(deliver func(port int, frame []byte)) error
	// Interrupt ends a Next that waits.
	Interrupt()
}

// Port is an open Ethernet device, in the order of the configuration.
type Port struct {
	Name      string // as configured; its tap's, too
	Device    uint16 // number by which workers know it
	MAC       [6]byte
	Interface int // its tap's index in the kernel
}
