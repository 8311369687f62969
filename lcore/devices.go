package lcore

import (
	"runtime/metrics"

	"linedirector/dpdk"
)

// Device is what a port's device told of itself when it was read last. What it did not tell is 0.
type Device struct {
	MTU   int // bytes, without the Ethernet header
	Link  dpdk.Link
	Stats dpdk.Stats
}

// Pool is a mempool as it was when it was read last.
type Pool struct{ Socket, InUse, Size int } // Size 0: there is none

// Heap is what the workers' process ever allocated on Go's heap, in bytes, and how often it collected garbage.
type Heap struct{ Allocated, Collections uint64 }

// read reads it; it does not stop the world, as runtime.ReadMemStats would, and allocates nothing.
func (h *Heap) read(samples []metrics.Sample) {
	metrics.Read(samples)
	*h = Heap{samples[0].Value.Uint64(), samples[1].Value.Uint64()}
}

func heapSamples() []metrics.Sample {
	return []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
}

// maxPools is how many NUMA nodes are shown.
const maxPools = 16

// Read reads devices and mempools for control, which finds them on the board. Milliseconds, with some devices. One goroutine.
func (l *Lcores) Read() {
	for i, p := range l.Ports {
		var d Device
		if mtu, err := p.MTU(); err == nil {
			d.MTU = mtu
		}
		if link, err := p.Link(); err == nil {
			d.Link = link
		}
		if stats, err := p.Stats(); err == nil {
			d.Stats = stats
		}
		l.devices[i] = d
	}
	for i, socket := range l.sockets {
		m := l.pools[socket]
		l.shown.pools[i] = Pool{socket, m.InUse(), m.Size()}
	}
	l.shown.heap.read(l.samples)
}

// Devices are the ports' as the workers' process read them last.
func (b *Board) Devices() []Device { return b.devices }

// Heap is the workers' process's as it was read last.
func (b *Board) Heap() Heap { return b.shown.heap }

// Pools are the mempools as the workers' process read them last.
func (b *Board) Pools() (all []Pool) {
	for _, p := range b.shown.pools {
		if p.Size > 0 {
			all = append(all, p)
		}
	}
	return all
}
