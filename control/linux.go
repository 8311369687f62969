package control

import (
	"net/netip"

	"linedirector/control/kernel"
)

// Stack sets addresses, routes and static neighbours in the kernel (kernel.Stack).
type Stack interface {
	// Apply sets all of it; if it cannot, it says why and leaves what an earlier Apply set.
	Apply(kernel.Wanted) error
	// Warnings are sentences about the last Apply, for the log.
	Warnings() []string
}

// Mirror follows what the kernel knows of the taps (kernel.Mirror).
type Mirror interface {
	// State is all that it knows.
	State() kernel.State
	// Changes tells that links, addresses or routes changed.
	Changes() <-chan struct{}
	// NeighbourEvents gives the neighbours that changed since State.
	NeighbourEvents() <-chan []kernel.Neighbour
	Close() error
}

// Keeper has the kernel resolve next hops and keep them fresh (kernel.Keeper). ifindex is a tap's.
type Keeper interface {
	// Keep resolves addresses now, and whenever they are forgotten; of those that are kept already, it makes sure.
	Keep(ifindex int, addrs ...netip.Addr) error
	// Forget ends Keep.
	Forget(ifindex int, addr netip.Addr) error
	// Resolve resolves an address once.
	Resolve(ifindex int, addr netip.Addr) error
}

// Tap is the kernel's side of a port (kernel.Tap). One goroutine reads, one writes; Close ends both.
type Tap interface {
	Name() string
	Read([]byte) (int, error)
	Write([]byte) (int, error)
	Close() error
}
