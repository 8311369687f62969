// Package metrics serves the director's counters to Prometheus. Names, help and units stand together in families.go;
// readings.go is what they are read from.
package metrics

// Readings are all counters at one moment. Totals count since the start.
type Readings struct {
	States   []string // that a real may be in
	Workers  []Worker
	Bindings []Binding
	Virtuals []Virtual // those of one name are added up
	Reals    []Real
	Drops    []Named // by cause
	Punted   []Named // by kind: frames given to the kernel
	Ports    []Port
	Mempools []Mempool
	Sticky   *Sticky // nil: there is no table

	WorkersHeap Heap
}

// Heap is the workers' process's: what it ever allocated, in bytes, and how often it collected garbage.
type Heap struct{ Allocated, Collections uint64 }

// Worker is one worker's.
type Worker struct {
	Flows, Capacity, Guests, Opened, Closed, Evicted, GaveWay, Translated, Cut, Displaced uint64
	StickyHits                                                                            uint64
	ForwardPackets, ReplyPackets                                                          uint64
	ForwardBytes, ReplyBytes                                                              uint64
	Transit, Refused, Handed                                                              uint64
	Cycles, BusyCycles                                                                    uint64
	LongestStall                                                                          float64 // seconds
	Polls                                                                                 Polls
}

// Polls are a worker's, by the time from one to the next.
type Polls struct {
	Seconds float64   // all together
	Below   []float64 // bounds, seconds, in rising order
	Counts  []uint64  // of polls below each bound and not below the one before; the last one's has no bound
}

// Sticky is the table of sticky entries.
type Sticky struct {
	Used, Capacity   int
	GaveWay, Refused uint64
}

// Binding is what one real holds for one virtual.
type Binding struct {
	Virtual, Real string
	Opened, Open  uint64
}

// Virtual is what clients connect to.
type Virtual struct {
	Name             string
	HalfOpen, NoReal uint64
}

// Real is a server.
type Real struct {
	Name                   string
	Draining               bool   // its totals alone are shown
	State                  string // one of States
	Ditched                uint32 // consecutive connections
	Silent, Refused, Moved uint64
	Response               *float64 // seconds; nil: none measured yet
	Transitions            []Named  // by the state that was entered
	ProbeUp                *bool    // nil: it is not probed
}

// Named is a counter with a label.
type Named struct {
	Name  string
	Value uint64
}

// Port is one Ethernet device.
type Port struct {
	Name                                           string
	Steering                                       string // hardware, software or none
	Up                                             bool
	RxPackets, TxPackets, RxBytes, TxBytes         uint64
	RxMissed, RxErrors, TxErrors, RxNoMbuf, TxFull uint64
}

// Mempool is the mbufs of one NUMA node.
type Mempool struct {
	Socket      string
	InUse, Size int
}
