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
	// Sweeps are, by worker, how often it has visited all its records to look for what is over.
	Sweeps() []uint64
	// Sticky are the entries that workers share.
	Sticky() Sticky
	// Now is the tick at this moment.
	Now() uint32
	// Flows fills page with a worker's flows, in the order of its records from record number from on, 0 at first. It
	// returns how many there are, and the record to go on with, 0 after the last; n may be 0 and yet others follow. A
	// flow whose record changes at this moment may be left out only if it opens or closes.
	Flows(worker int, from uint32, page []Flow) (n int, next uint32, err error)
	// Explain asks the worker that owns a packet's flow what would become of it. Nothing is changed by it.
	Explain(Packet) (Outlook, error)
}

// Packet is one that a client would send. Addresses and ports are in host byte order.
type Packet struct {
	Client, To Endpoint
	Protocol   uint8
}

// Outlook is what would become of a packet, as the worker sees it that owns its flow.
type Outlook struct {
	Worker      int
	Flow        *Flow  // that it belongs to; nil: none
	VirtualSlot uint16 // 0: none is for it
	Real        uint16 // slot of the real that would take a new connection; 0: none
	Cause       string // why none does
}

// Flow is a worker's record of a connection. Addresses and ports are in host byte order.
type Flow struct {
	Client, Virtual, Real    Endpoint
	Protocol                 uint8
	Phase                    string // as the control socket has it: half-open, ditched, established, closing, reset or udp
	VirtualSlot, RealSlot    uint16
	Idle                     uint32 // ticks since its last packet
	SYNs                     uint8  // unanswered ones, while half-open
	ForwardBytes, ReplyBytes uint64
}

// Endpoint is an address and an L4 port.
type Endpoint struct {
	Address uint32
	Port    uint16
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
