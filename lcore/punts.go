package lcore

import (
	"os"
	"sync/atomic"

	"linedirector/dpdk"
)

// Punts is control's end of the rings that lead to the kernel. One goroutine.
type Punts struct {
	lcores *Lcores
	batch  *dpdk.Batch
	bell   *os.File
	index  map[uint16]int // port's place in the configuration, by device number
	ended  atomic.Bool
}

// Punts opens it. Close it before Lcores.Close.
func (l *Lcores) Punts() (*Punts, error) {
	bell, err := ownBell(l.bell)
	if err != nil {
		return nil, err
	}
	p := &Punts{lcores: l, batch: dpdk.NewBatch(), bell: bell, index: map[uint16]int{}}
	for i, port := range l.Ports {
		p.index[uint16(port.ID)] = i
	}
	return p, nil
}

// Next gives deliver every frame that workers punted, the kinds in their order of importance, and waits for more
// when there is none. The frame is valid during the call. It returns an error once Interrupt was called, however many
// frames still come.
func (p *Punts) Next(deliver func(port int, frame []byte)) error {
	if p.ended.Load() {
		return os.ErrClosed
	}
	if p.drain(deliver) {
		return nil
	}
	p.lcores.bell.Arm()
	if p.drain(deliver) {
		p.lcores.bell.Disarm()
		return nil
	}
	var rung [8]byte
	_, err := p.bell.Read(rung[:])
	return err
}

// drain takes at most one batch off each ring, so that the important kinds are looked at again soon.
func (p *Punts) drain(deliver func(port int, frame []byte)) bool {
	some := false
	for _, rings := range p.lcores.punts {
		for _, ring := range rings {
			if p.batch.Take(ring) == 0 {
				continue
			}
			some = true
			for i := range p.batch.Frames() {
				f := &p.batch.Frames()[i]
				if port, ok := p.index[f.Port]; ok {
					deliver(port, f.Bytes())
				}
			}
			p.batch.Free()
		}
	}
	return some
}

// Interrupt ends a Next that waits. Any goroutine.
func (p *Punts) Interrupt() {
	p.ended.Store(true)
	_ = p.bell.Close()
}

// Close frees what Next held. After Next returned its error.
func (p *Punts) Close() { p.batch.Close() }

// ownBell is the bell as a file that Go's poller waits on, with a descriptor of its own to close.
func ownBell(b *dpdk.Bell) (*os.File, error) {
	fd, err := dup(b.FD())
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "bell"), nil
}
