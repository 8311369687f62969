package lcore

import (
	"linedirector/dpdk"
	"linedirector/lcore/forward"
	"linedirector/lcore/ruleset"
)

// Side is what a port faces: it says which fields its RSS hashes over.
type Side uint8

const (
	Both Side = iota
	Clients
	Reals
)

// PortConfig is one Ethernet device.
type PortConfig struct {
	Device string // PCI address or virtual device with arguments, as EAL takes them
	Side   Side
}

// Config says what to open. All of it is the operator's; nothing has a default here but what says so.
type Config struct {
	CPUs     []int // one worker on each
	Ports    []PortConfig
	Flows    int // per worker
	Sticky   int // entries that the table of sticky clients is made for, all workers together; 0: there is none
	Burst    int
	Mbufs    int // a mempool; 0: as many as queues, rings and caches can hold
	RxDesc   int
	TxDesc   int
	NoHuge   bool                      // nothing lies in hugepages
	Adaptive bool                      // workers nap when nothing comes
	PuntRate [forward.PuntKinds]uint32 // frames a second to the kernel, all workers together
	MaxSlots ruleset.Slots             // that control may use
}

const (
	mbufCache  = 256
	mbufRoom   = 2048
	handRing   = 2048 // frames from one worker to another
	finishRing = 2048 // frames on their way to another's tx queue
	puntRing   = 512  // frames of one kind from one worker to control
	injectRing = 1024 // frames from control to one worker's tx queues
)

// MaxMTU is the longest packet, in bytes without the Ethernet header and a VLAN tag, that one mbuf holds. Longer ones
// are dropped.
const MaxMTU = mbufRoom - 18

// MostMbufs is how many mbufs can be anywhere at once, if every port gets a queue pair a worker: in descriptors,
// rings, caches and bursts. With Mbufs set it is that.
func (c *Config) MostMbufs() int {
	if c.Mbufs > 0 {
		return c.Mbufs
	}
	workers := len(c.CPUs)
	n := workers * len(c.Ports) * (c.RxDesc + c.TxDesc)
	n += workers * (2*mbufCache + 4*dpdk.MaxBurst + dpdk.MaxSpares + injectRing + puntRing*int(forward.PuntKinds))
	return n + workers*(workers-1)*(handRing+finishRing)
}
