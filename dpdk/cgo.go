package dpdk

/*
#cgo pkg-config: libdpdk
#cgo CFLAGS: -O3 -Wall -Wextra -Werror
#include "shim.h"
*/
import "C"

// Limits of the C side.
const (
	MaxBurst     = C.LD_MAX_BURST   // frames a burst
	MaxPorts     = C.LD_MAX_PORTS   // a PortID is below
	MaxWorkers   = C.LD_MAX_WORKERS // a worker's number is below
	MaxPuntKinds = C.LD_MAX_KINDS   // a punt kind is below
	BatchSize    = C.LD_BATCH       // frames that a Batch takes at once
)

// AnySocket asks for memory of whatever NUMA node.
const AnySocket = -1
