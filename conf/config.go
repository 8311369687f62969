// Package conf is what the operator asked for: the configuration file, read
// and checked with the line and column of everything that is wrong in it, and
// the flags of the command line. It holds plain values only and knows nothing
// of DPDK beyond the names of devices.
//
// Nothing here belongs to the packet path: every function allocates and is for
// control and for the start of the program.
package conf

import (
	"net/netip"
	"time"
)

// What a configuration may hold at most. Slot numbers of the workers' snapshot
// are 16 bits wide, hence the first limits; the others keep a mistake in a
// generated file from taking the memory of a running director.
const (
	MaxPorts     = 32
	MaxAddresses = 1024 // of one port
	MaxReals     = 65535
	MaxVirtuals  = 65535
	MaxClasses   = 65535
	MaxProbes    = 4096     // named ones
	MaxChain     = 64       // backups, one behind the other
	MaxBindings  = 1 << 20  // virtuals times the reals of each
	MaxFile      = 64 << 20 // bytes
)

// Config is one configuration, valid as a whole: names resolve, addresses are
// reachable, endpoints are unique. It is not changed after Parse returned it,
// so any goroutine may read it.
type Config struct {
	Name       string // the file, for messages; "<stdin>" for standard input
	Text       []byte // what Parse read; read only
	Ports      []Port
	Routes     []Route
	Neighbours []Neighbour
	Classes    []Class
	Transit    Transit
	Secure     bool     // TCP and UDP to a virtual's address, but to none of its ports, is dropped; else the kernel has it
	Probes     []*Probe // the named ones, used or not
	Reals      []Real
	Virtuals   []Virtual

	// For each real and virtual the index of its backup, -1 for none.
	realBackups, virtualBackups []int32
}

// Pos is a place in the configuration file. Line and column count from 1, the
// column in characters; the zero Pos is no place.
type Pos struct{ Line, Column int }

// Port is an Ethernet device that the director drives.
type Port struct {
	Name      string         // also the name of its kernel tap, at most 15 bytes
	Device    string         // a PCI address, or a DPDK virtual device with its arguments, unchanged
	Addresses []netip.Prefix // the director's own, host bits kept: 192.0.2.1/24
	Side      Side
	Pos
}

// Route sends what matches To (host bits zero) by way of Via, which lies in a
// port's subnet.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
	Pos
}

// Neighbour is a static one: the MAC of an address in a subnet of the port.
type Neighbour struct {
	Port    string
	Address netip.Addr
	MAC     [6]byte // as on the wire
	Pos
}

// Class are clients that virtuals can be for (US 6,324,177). Where prefixes of several classes hold a client's address, the
// longest one says its class.
type Class struct {
	Name    string
	Clients []netip.Prefix // host bits zero; each in one class only; at least one
	Pos
}

// Real is a server. Several virtuals may name it.
type Real struct {
	Name    string
	Address netip.Addr
	Port    uint16 // L4 port, host byte order; 0 keeps the port that the client chose
	Weight  int    // 0..65535; 0 takes no new connections from any virtual, even one with a weight of its own for it

	State         State         // the administrative one, at the start and after each change of the file
	MaxConns      int           // open connections, at most; 0: no limit
	Load          int           // for the predictor Loaded: so many connections more
	Backup        string        // name of the real that takes new connections while this one is unavailable; "": none
	Reassign      int           // SYNs unanswered before the client's next one goes elsewhere; 0: as the virtual says
	ReassignAfter time.Duration // or so long after the first SYN; 0: as the virtual says
	AutoReturn    bool          // an established connection that shows life brings the failed real back

	// What the real does not say its virtuals say for it, else the defaults hold.
	Threshold int           // consecutive ditched connections that fail the real; 0: they never do
	Retry     time.Duration // how long the failed real rests before its trial
	SlowStart time.Duration // in which the share of a real that returns rises to the whole; 0: at once
	Probe     *Probe        // nil: none; shared by all reals that name it
	Pos
}

// What holds for reals where neither they nor their virtuals say otherwise.
const (
	DefaultThreshold = 8
	DefaultRetry     = 60 * time.Second
	DefaultSlowStart = 30 * time.Second
)

// Virtual is what clients connect to.
type Virtual struct {
	Name      string
	Address   netip.Addr
	Port      uint16 // L4 port, host byte order; 0: every port of the address that no other virtual has
	Protocol  Protocol
	Class     string // name of the class of clients that it is for; "": all whose own class has none
	Predictor Predictor
	Aging     time.Duration // for Fastest: how much shorter a second of age makes a predicted response; 0: not at all
	Hash      HashBy        // for Hash
	Sticky    Sticky
	Timers    Timers
	Expiry    Expiry
	Unknown   Unknown
	Reals     []string // names; read only, virtuals may share one list; may be empty
	Weights   []int    // as many as Reals, -1 where the real's own holds; nil where it does for all; read only, too

	Backup        string        // name of the virtual whose reals take over when none here is available; "": none
	Reassign      int           // SYNs unanswered before the client's next one goes to another real, 1..100
	ReassignAfter time.Duration // or so long after the first SYN
	ResetAnswer   ResetAnswer
	NoReal        Unknown // what a SYN gets that no real can take
	Synguard      Synguard
	Pos
}

// What holds for virtuals that do not say otherwise.
const (
	DefaultReassign      = 3
	DefaultReassignAfter = 2500 * time.Millisecond
)

// DefaultAging has a real that takes 10 ms longer to answer than the others tried again after 10 s.
const DefaultAging = time.Millisecond

// HashBy is how the predictor Hash finds a client's real.
type HashBy struct {
	Of    HashOf
	Table int // places of the Maglev table, a prime; 0: by the number of reals
}

// Sticky has a client's connections go to the real that its first one went to.
type Sticky struct {
	Timer   time.Duration // from when a client's last connection has closed, 1 s to 168 h; 0: the virtual is not sticky
	Bits    int           // of the client's address that tell clients apart, 1..32; 0 where Timer is
	Buddies string        // name of the group of virtuals that share entries; "": it has its own
}

// Synguard bounds the half-open connections of a virtual.
type Synguard struct {
	Limit int // half-open connections; 0: no limit
	Above Above
}

// Timers say how long a flow may be silent before it ends.
type Timers struct {
	HalfOpen   time.Duration // TCP, handshake not finished
	Idle       time.Duration // TCP, established
	CloseDelay time.Duration // TCP, after both FINs or a RST
	UDPIdle    time.Duration
}

// DefaultTimers returns the timers of a virtual that sets none.
func DefaultTimers() Timers {
	return Timers{
		HalfOpen:   30 * time.Second,
		Idle:       3600 * time.Second,
		CloseDelay: 10 * time.Second,
		UDPIdle:    60 * time.Second,
	}
}
