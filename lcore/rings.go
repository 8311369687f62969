package lcore

import (
	"fmt"
	"sync"

	"linedirector/dpdk"
	"linedirector/lcore/forward"
)

// rings join workers with one another and with control; each has one producer and one consumer.
type rings struct {
	hand   [][]*dpdk.Ring // [from][to] frames for the owner of their flow
	finish [][]*dpdk.Ring // [from][to] finished frames for the owner of a tx queue
	punt   [][]*dpdk.Ring // [from][kind]
	inject []*dpdk.Ring   // [to] frames of control
}

func (l *Lcores) newRings() (*rings, error) {
	n := len(l.config.CPUs)
	r := &rings{}
	var failed error
	add := func(size int, format string, args ...any) *dpdk.Ring {
		if failed != nil {
			return nil
		}
		ring, err := dpdk.NewRing(fmt.Sprintf(format, args...), size, dpdk.AnySocket)
		if err != nil {
			failed = err
			return nil
		}
		l.undo = append(l.undo, ring.Free)
		return ring
	}
	for from := range n {
		hand, finish := make([]*dpdk.Ring, n), make([]*dpdk.Ring, n)
		for to := range n {
			if to != from {
				hand[to] = add(handRing, "hand-%d-%d", from, to)
				finish[to] = add(finishRing, "finish-%d-%d", from, to)
			}
		}
		punt := make([]*dpdk.Ring, forward.PuntKinds)
		for kind := range punt {
			punt[kind] = add(puntRing, "punt-%d-%d", from, kind)
			l.punts[kind] = append(l.punts[kind], punt[kind])
		}
		r.hand, r.finish, r.punt = append(r.hand, hand), append(r.finish, finish), append(r.punt, punt)
		r.inject = append(r.inject, add(injectRing, "inject-%d", from))
		l.inject = append(l.inject, &injector{ring: r.inject[from]})
	}
	return r, failed
}

// exchangeConfig gives worker i its queues and the ends of its rings.
func (l *Lcores) exchangeConfig(i, socket int, r *rings) dpdk.ExchangeConfig {
	x := dpdk.ExchangeConfig{
		Burst: l.config.Burst, Socket: socket,
		Hand: r.hand[i], Punt: r.punt[i], Bell: l.bell,
		Finished: []*dpdk.Ring{r.inject[i]},
		Via:      map[dpdk.PortID]*dpdk.Ring{},
	}
	if len(l.Ports) > 0 {
		x.Spares = l.pools[l.Ports[0].Info.Socket]
	}
	for other := range r.hand {
		if other != i {
			x.Handed = append(x.Handed, r.hand[other][i])
		}
	}
	senders := map[int]bool{}
	for _, p := range l.Ports {
		for q, owner := range p.plan.rxOwner {
			if owner == i {
				x.Receive = append(x.Receive, dpdk.Queue{Port: p.ID, Queue: uint16(q)})
			}
		}
		if q := p.plan.txQueue(i); q >= 0 {
			x.Transmit = append(x.Transmit, dpdk.Queue{Port: p.ID, Queue: uint16(q)})
		} else {
			x.Via[p.ID] = r.finish[i][p.plan.sender(i)]
		}
		for other := range r.finish {
			if other != i && p.plan.sender(other) == i {
				senders[other] = true
			}
		}
	}
	for other := range r.finish {
		if senders[other] {
			x.Finished = append(x.Finished, r.finish[other][i])
		}
	}
	return x
}

// injector lets several taps share the one producer's end of a ring.
type injector struct {
	sync.Mutex
	ring *dpdk.Ring
}

// Inject transmits a frame of the kernel's on a port. It does not block; a frame that finds no room or no mbuf is
// dropped, as a full transmit queue would.
func (l *Lcores) Inject(port int, frame []byte) error {
	p := l.Ports[port]
	to := l.inject[p.plan.txOwner[0]]
	to.Lock()
	defer to.Unlock()
	return dpdk.Inject(l.pools[p.Info.Socket], to.ring, p.ID, frame)
}
